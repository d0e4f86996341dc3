"""`ssh-keygen` as far as it looks up and removes the keys of hosts: what Ansible's `known_hosts` asks it for."""

from __future__ import annotations

import os
import stat

from ..known_hosts import matches, split
from .answer import Answer, complaint, read_options
from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .running import Shell

_MARKERS = {"": "", "@cert-authority": "CA", "@revoked": "REVOKED"}
_FAILED = 255


def ssh_keygen(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print (``-F``) or remove (``-R``) the lines of a file (``-f``) that give keys of a host."""
    options, rest = read_options(arguments, "", "FRf")
    if rest or set(options) not in ({"F", "f"}, {"R", "f"}):
        raise Unsupported(" ".join(arguments))
    shown, path = options["f"], shell.path(options["f"])
    try:
        with open(path, "rb") as file:
            lines = os.fsdecode(file.read()).split("\n")
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        return Answer(_FAILED, b"", complaint("Cannot stat", error, shown))
    if not lines[-1]:
        lines.pop()
    host = options["F"] if "F" in options else options["R"]
    read = {number: _read(line) for number, line in enumerate(lines, 1) if line.strip() and line.lstrip()[0] != "#"}
    found = {number: one[1] for number, one in read.items() if one is not None and matches(one[0], host)}
    if "F" in options:
        told = [f"# Host {host} found: line {number} {found[number]}\n{lines[number - 1]}\n" for number in found]
        return Answer(0 if found else 1, os.fsencode("".join(told)))
    gone = [number for number, marker in found.items() if not marker]
    told = [f"# Host {host} found: line {number}\n" for number in gone]
    wrong = [number for number, one in read.items() if one is None]
    if wrong:
        errors = [f"{shown}:{number}: invalid line\n" for number in wrong]
        errors.append(f"{shown} is not a valid known_hosts file, and is left as it is\n")
        return Answer(1, os.fsencode("".join(told)), os.fsencode("".join(errors)))
    if not gone:
        return Answer(0, b"", os.fsencode(f"Host {host} not found in {shown}\n"))
    kept = "".join(f"{line}\n" for number, line in enumerate(lines, 1) if number not in gone)
    _replace(path, os.fsencode(kept), mode)
    told.append(f"{shown} updated.\nOriginal contents retained as {shown}.old\n")
    return Answer(0, os.fsencode("".join(told)))


def _read(line: str) -> tuple[str, str] | None:
    """Return the names that a line gives a key of and its marker, empty for none; None for no such line."""
    marker, words = split(line)
    return (words[0], _MARKERS[marker]) if len(words) >= 3 and marker in _MARKERS else None


def _replace(path: str, data: bytes, mode: int) -> None:
    """Write a file anew; what it was is kept beside it."""
    new = f"{path}.{os.getpid()}"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.chmod(new, mode)
    old = f"{path}.old"
    try:
        os.unlink(old)
    except FileNotFoundError:
        pass
    os.link(path, old)
    os.rename(new, path)
