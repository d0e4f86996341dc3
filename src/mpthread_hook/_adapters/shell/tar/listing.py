"""`tar --list`: the lines that describe members, which other operations write, too, when they are asked to."""

from __future__ import annotations

import os
import stat
import tarfile
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .command import Entry
    from .options import Options
    from .report import Report

_KINDS = {
    tarfile.LNKTYPE: "h",
    tarfile.SYMTYPE: "l",
    tarfile.CHRTYPE: "c",
    tarfile.BLKTYPE: "b",
    tarfile.FIFOTYPE: "p",
    tarfile.CONTTYPE: "C",
}
#: Columns of owner, group and size, until some need more.
_WIDTH = 19


class Lister:
    """Writes one line for each member: its name, or all that is known of it."""

    def __init__(self, report: Report, options: Options) -> None:
        self._report = report
        self._options = options
        self._width = _WIDTH

    def __call__(self, entry: Entry) -> None:
        if self._options.verbose:
            self._report.line(self._long(entry))
        else:
            self.name(entry)

    def name(self, entry: Entry) -> None:
        """Write the name of a member alone."""
        self._report.line(self._name(entry))

    def finish(self) -> None:
        """Nothing is put off."""

    def _name(self, entry: Entry) -> str:
        name = entry.name + "/" * entry.member.is_directory if self._options.transformed else entry.member.stored
        return self._report.shown(name)

    def _long(self, entry: Entry) -> str:
        member, info = entry.member, entry.member.info
        numeric = self._options.numeric_owner
        owner = (not numeric and info.uname) or str(info.uid)
        group = (not numeric and info.gname) or str(info.gid)
        size = str(member.size) if member.is_file else "0"
        kind = _KINDS.get(member.type, "d" if member.is_directory else "-")
        more = ""
        if kind in "cb":
            size = f"{info.devmajor},{info.devminor}"
        elif kind == "h":
            more = f" link to {self._report.shown(entry.target)}"
        elif kind == "l":
            more = f" -> {self._report.shown(entry.target)}"
        elif member.is_file and member.type not in tarfile.REGULAR_TYPES:
            kind, more = "?", f" unknown file type {self._report.quoted(member.type.decode('latin-1'))}"
        taken = len(os.fsencode(owner + group)) + 2
        self._width = max(self._width, taken + len(size))
        size = size.rjust(self._width - taken)
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(member.mtime // 10**9))
        mode = kind + stat.filemode(member.mode)[1:]
        return f"{mode} {owner}/{group} {size} {when} {self._name(entry)}{more}"
