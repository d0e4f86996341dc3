"""The command `tar`: what is asked for, of which archive, and who does it."""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

from ..answer import Answer
from ..patterns import WILDCARDS
from .archive import Archive, Member, check, open_archive
from .compare import Comparer
from .extract import Extractor
from .listing import Lister
from .names import Choice, Names
from .options import Options, parse
from .report import Fatal, Report, is_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ..running import Shell

    class Worker(Protocol):
        """What is done with each member, and at the end, also an early one."""

        def __call__(self, entry: Entry) -> None: ...
        def finish(self) -> None: ...


#: Programs look for "tar" and "GNU" in its first line; the second says what it is.
_VERSION = b"""\
tar (GNU tar) 1.34
mpthread_hook's own, which lists, compares and extracts archives as GNU tar 1.34 does, without a program.
"""


class Entry(NamedTuple):
    """One member that was asked for: the file that it becomes, where it leads, and whose it is."""

    member: Member
    name: str
    target: str
    uid: int
    gid: int


def tar(shell: Shell, arguments: list[str]) -> Answer:
    """Run ``tar``; `Unsupported`, before anything is done, for what it cannot do here."""
    options = parse(arguments)
    if options.operation == "version":
        return Answer(0, _VERSION)
    check(options.compression)
    report = Report(utf8=is_utf8(shell), silent=options.silent)
    try:
        for owner in options.owners:
            _check_owner(owner, report)
        with open_archive(options.file, shell.take_stdin(), shell.path, report) as file:
            _work(shell, options, Archive(file, options.compression, report), report)
    except Fatal:
        pass
    else:
        if report.status == 2:
            report.warn("Exiting with failure status due to previous errors")
    return report.answer()


def _check_owner(text: str, report: Report) -> None:
    """Refuse a number that is none, as the program does before it reads anything."""
    # NAME, NAME:ID, :ID, +ID or ID; a name need not exist.
    name, colon, number = text.rpartition(":")
    if not colon:
        number = text.removeprefix("+")
        if number == text and not text.isdigit():
            return
        name = text
    if (number or name) and not (number.isascii() and number.isdigit() and int(number) < 1 << 32):
        raise report.fatal(f"{report.shown(number, ':')}: Invalid owner or group ID")


def _work(shell: Shell, options: Options, archive: Archive, report: Report) -> None:
    base = shell.path(options.directory)
    if not os.path.isdir(base):
        reason = "Not a directory" if os.path.exists(base) else "No such file or directory"
        raise report.fatal(f"{report.shown(options.directory.removeprefix('./'), ':')}: Cannot open: {reason}")
    choice = Choice(options.names, options.exclude, utf8=report.utf8)
    names = Names(
        report,
        strip=options.strip,
        transforms=options.transforms,
        absolute=options.absolute,
        utf8=report.utf8,
    )
    lister = Lister(report, options)
    worker: Worker = lister
    if options.operation == "diff":
        worker = Comparer(archive, report, base, lister.name if options.verbose else None)
    elif options.operation == "extract":
        worker = Extractor(archive, report, options, base, shell.mask(), lister.name if options.verbose else None)
    owners = _Ids(numeric=options.numeric_owner)
    try:
        for member in archive:
            if not choice(member.path):
                continue
            name = names.member(member.path)
            target = member.info.linkname
            target = names.hard(target) if member.is_link else names.symbolic(target) if member.is_symlink else ""
            worker(Entry(member, name, target, *owners(member)))
    finally:
        worker.finish()
    unsure = options.wildcards is None
    for name in choice.missing():
        if unsure and WILDCARDS.search(name):
            unsure = False
            report.warn("Pattern matching characters used in file names")
            report.warn("Use --wildcards to enable pattern matching, or --no-wildcards to suppress this warning")
        report.error(f"{report.shown(name, ':')}: Not found in archive")


class _Ids:
    """Tells who a member belongs to here: by name, and by number where there is no such name."""

    def __init__(self, *, numeric: bool) -> None:
        self._numeric = numeric
        self._users: dict[str, int | None] = {}
        self._groups: dict[str, int | None] = {}

    def __call__(self, member: Member) -> tuple[int, int]:
        info = member.info
        uid = self._look_up(self._users, info.uname, lambda name: pwd.getpwnam(name).pw_uid)
        gid = self._look_up(self._groups, info.gname, lambda name: grp.getgrnam(name).gr_gid)
        return (info.uid if uid is None else uid, info.gid if gid is None else gid)

    def _look_up(self, known: dict[str, int | None], name: str, function: Callable[[str], int]) -> int | None:
        if self._numeric or not name:
            return None
        if name not in known:
            try:
                known[name] = function(name)
            except (KeyError, ValueError):
                known[name] = None
        return known[name]
