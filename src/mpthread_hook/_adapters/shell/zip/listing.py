"""`unzip -l` and `zipinfo -T -s`: the lines that describe members."""

from __future__ import annotations

import os
import re
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entries import Entry

_SYSTEMS = "fat ami vms unx cms ata hpf mac zzz cpm t20 ntf qds aco vft mvs be_ nsk ths osx".replace("_", " ")
_METHODS = {0: "stor", 1: "shrk", 6: "implode", 12: "bzp2", 14: "lzma", 93: "zstd", 95: "xz"}
#: Names of programs, which DOS can run.
_PROGRAM = re.compile(r"\.(com|exe|btm|cmd|bat)$", re.IGNORECASE)
#: Systems of which the mode is shown, whatever becomes of it.
_WITH_MODES = frozenset((2, 3, 5, 7, 12, 13, 16, 17, 19))
_TYPES = {
    stat.S_IFDIR: "d",
    stat.S_IFREG: "-",
    stat.S_IFLNK: "l",
    stat.S_IFIFO: "p",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFSOCK: "s",
}


def brief(entries: Sequence[Entry]) -> list[str]:
    """Return the lines of ``unzip -l`` below the name of the archive."""
    lines = ["  Length      Date    Time    Name", "---------  ---------- -----   ----"]
    for entry in entries:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.mtime()))
        lines.append(f"{entry.info.file_size:9}  {when}   {shown(entry.name)}")
    total = sum(entry.info.file_size for entry in entries)
    lines += ["---------                     -------", f"{total:9}                     {_files(entries)}"]
    return lines


def full(entry: Entry) -> str:
    """Return the line of ``zipinfo -T -s`` for a member."""
    info = entry.info
    system = _SYSTEMS[entry.system * 4 :][:3] or "???"
    kind = "t" if info.internal_attr & 1 else "b"
    # Whether the sizes follow the contents, and whether there are extra fields.
    more = "-lxX"[bool(info.flag_bits & 8) + 2 * bool(info.extra)]
    when = time.strftime("%Y%m%d.%H%M%S", time.localtime(entry.mtime()))
    version = f"{info.create_version // 10}.{info.create_version % 10}"
    return (
        f"{_permissions(entry):10}  {version} {system} {info.file_size:8} "
        f"{kind.upper() if entry.is_encrypted else kind}{more} {_method(entry)} {when} {shown(entry.name)}"
    )


def total(entries: Sequence[Entry]) -> str:
    """Return the last line of ``zipinfo``."""
    size = sum(entry.info.file_size for entry in entries)
    # What encryption adds to a member is no part of it.
    packed = sum(entry.info.compress_size - 12 * entry.is_encrypted for entry in entries)
    saved = size - packed
    ratio = (abs(saved) * 1000 + size // 2) // size if size else 0
    sign = "-" if saved < 0 else ""
    return (
        f"{_files(entries)}, {size} bytes uncompressed, {packed} bytes compressed:  {sign}{ratio // 10}.{ratio % 10}%"
    )


def _files(entries: Sequence[Entry]) -> str:
    return f"{len(entries)} file{'' if len(entries) == 1 else 's'}"


def _method(entry: Entry) -> str:
    kind = entry.info.compress_type
    if kind in {8, 9}:
        return ("def" if kind == 8 else "d64") + "NXFS"[entry.info.flag_bits >> 1 & 3]
    return _METHODS.get(kind, f"u{kind:03}")


def _permissions(entry: Entry) -> str:
    if entry.agrees() or entry.system in _WITH_MODES:
        mode = entry.unix
        return _TYPES.get(stat.S_IFMT(mode), "?") + stat.filemode(mode)[1:]
    bits = entry.attributes
    folder = bool(bits & 0x10) or entry.is_directory
    letters = (
        (folder, "d"),
        (True, "r"),
        (not bits & 1, "w"),
        (folder or bool(_PROGRAM.search(entry.name)), "x"),
        (bits & 0x20, "a"),
        (bits & 2, "h"),
        (bits & 4, "s"),
    )
    return "".join(letter if there else "-" for there, letter in letters)


def shown(name: str) -> str:
    """Return a name without characters that would do something to a terminal."""
    return "".join(f"^{chr(ord(char) + 64)}" if char < " " else char for char in name)


def padded(name: str, width: int = 22) -> str:
    """Return a name as it is shown, with blanks behind it: bytes are counted."""
    text = shown(name)
    return text + " " * (width - len(os.fsencode(text)))
