"""Commands that ask the system: who, where, when, and what is in the environment."""

from __future__ import annotations

import os
import re
import shutil
import time

from .answer import Answer, read_options
from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .running import Shell


def getent(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print accounts or groups, all or one."""
    if len(arguments) not in {1, 2} or arguments[0] not in {"passwd", "group"}:
        raise Unsupported(" ".join(arguments))
    import grp  # noqa: PLC0415 - not everywhere, unless the account adapter serves them
    import pwd  # noqa: PLC0415

    entries: Sequence[Any] = pwd.getpwall() if arguments[0] == "passwd" else grp.getgrall()
    if len(arguments) == 2:
        entries = [entry for entry in entries if arguments[1] in {entry[0], str(entry[2])}][:1]
        if not entries:
            return Answer(2)
    # The last field of a group is a list: its members.
    fields = [[",".join(one) if isinstance(one, list) else str(one) for one in entry] for entry in entries]
    return Answer(0, os.fsencode("".join(f"{':'.join(entry)}\n" for entry in fields)))


def whoami(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print the name of the account."""
    if arguments:
        raise Unsupported(" ".join(arguments))
    return _named(user_name, os.geteuid())


def identity(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print the number of the account (``-u``), its group (``-g``) or all of them (``-G``), with ``-n`` the names."""
    options, rest = read_options(arguments, "ugGn")
    kinds = [letter for letter in "ugG" if letter in options]
    if rest or len(kinds) != 1:
        raise Unsupported(" ".join(arguments))
    mine = os.getegid()
    groups = [mine, *(group for group in os.getgroups() if group != mine)]
    numbers = {"u": [os.geteuid()], "g": [mine], "G": groups}[kinds[0]]
    if "n" not in options:
        return Answer(0, os.fsencode(" ".join(map(str, numbers)) + "\n"))
    answers = [_named(user_name if kinds[0] == "u" else group_name, number) for number in numbers]
    names = b" ".join(answer.stdout.strip() for answer in answers)
    return Answer(max(answer.status for answer in answers), names + b"\n", b"".join(a.stderr for a in answers))


def user_name(number: int) -> str | None:
    """Return the name of an account; None if it has none."""
    import pwd  # noqa: PLC0415 - as in getent

    try:
        return pwd.getpwuid(number)[0]
    except KeyError:
        return None


def group_name(number: int) -> str | None:
    """Return the name of a group; None if it has none."""
    import grp  # noqa: PLC0415 - as in getent

    try:
        return grp.getgrgid(number)[0]
    except KeyError:
        return None


def _named(find: Callable[[int], str | None], number: int) -> Answer:
    name = find(number)
    if name is None:
        return Answer(1, b"", f"no name for the number {number}\n".encode())
    return Answer(0, os.fsencode(f"{name}\n"))


def hostname(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print the name of the machine."""
    if arguments:
        raise Unsupported(" ".join(arguments))
    return Answer(0, os.fsencode(os.uname().nodename + "\n"))


# Parts of a time that no language changes.
_DATE = re.compile(r"\+(?:%[YmdHMSjyeFTDRuwCsnt%]|[^%])*")


def date(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print the time in a format; ``-u`` in UTC."""
    options, rest = read_options(arguments, "u")
    zone = shell.variable("TZ")
    if len(rest) != 1 or not _DATE.fullmatch(rest[0]) or (zone and zone != os.environ.get("TZ") and "u" not in options):
        raise Unsupported(" ".join(arguments))
    now = time.time()
    moment = time.gmtime(now) if "u" in options else time.localtime(now)
    # The seconds are the same everywhere, but `strftime` would take the moment for a local one.
    text = re.sub("%(.)", lambda match: str(int(now)) if match[1] == "s" else match[0], rest[0][1:])
    return Answer(0, os.fsencode(time.strftime(text, moment) + "\n"))


def printenv(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print variables of the environment, all or some."""
    if any(name.startswith("-") for name in arguments):
        raise Unsupported(" ".join(arguments))
    if not arguments:
        return Answer(0, os.fsencode("".join(f"{name}={value}\n" for name, value in shell.environ.items())))
    found = [shell.environ[name] for name in arguments if name in shell.environ]
    text = "".join(f"{value}\n" for value in found)
    return Answer(0 if len(found) == len(arguments) else 1, os.fsencode(text))


def which(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print where programs are."""
    if not arguments or any(name.startswith("-") for name in arguments):
        raise Unsupported(" ".join(arguments))
    path = shell.variable("PATH") or None
    found = [
        (name if shutil.which(shell.path(name)) else None) if "/" in name else shutil.which(name, path=path)
        for name in arguments
    ]
    text = "".join(f"{one}\n" for one in found if one)
    return Answer(0 if all(found) else 1, os.fsencode(text))
