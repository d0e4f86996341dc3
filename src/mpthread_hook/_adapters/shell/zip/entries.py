"""What a zip file says of its members: names, modes and times as Info-ZIP reads them."""

from __future__ import annotations

import stat
import struct
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    import zipfile
    from typing import BinaryIO

UNIX = 3
#: Systems whose members have the modes of Unix in the upper half of their attributes.
_LIKE_UNIX = frozenset((2, UNIX, 5, 12, 13, 16, 17))
#: Systems whose names are in the code page of the first PC, unless they say that it is UTF-8.
_LIKE_DOS = frozenset((0, 6))
_READ_ONLY, _FOLDER = 1, 0x10
_TIMES, _OLD_TIMES, _PKWARE_TIMES, _UNICODE_PATH = 0x5455, 0x5855, 0x000D, 0x7075
_LOCAL = struct.Struct("<4s5H3I2H")


class Entry:
    """One member; ``name`` is as it is stored, with the characters that were meant."""

    def __init__(self, info: zipfile.ZipInfo) -> None:
        self.info = info
        self.system = info.create_system
        self.attributes = info.external_attr & 0xFFFF
        self.unix = info.external_attr >> 16
        self.name = _name(info)
        self.is_encrypted = bool(info.flag_bits & 1)
        self.is_directory = self.name.endswith("/")

    @property
    def from_unix(self) -> bool:
        """Whether the mode is that of a Unix file, and not made of the attributes of a DOS file."""
        if self.system in _LIKE_UNIX:
            return bool(self.unix) or not self.info.extra
        return self.agrees(folder=self.is_directory)

    def agrees(self, *, folder: bool = False) -> bool:
        """Return whether a member from DOS has a mode of Unix that says the same, as PKZIP for Unix writes it."""
        return self.system == 0 and bool(self.unix) and self.unix & 0o700 == self._dos(folder=folder) & 0o700

    def _dos(self, *, folder: bool) -> int:
        mode = 0o444 if self.attributes & _READ_ONLY else 0o666
        return mode | (0o111 if self.attributes & _FOLDER or folder else 0)

    def mode(self, mask: int) -> int:
        """Return the mode that the file gets, of which only the permissions count."""
        return self.unix & 0o777 if self.from_unix else self._dos(folder=self.is_directory) & ~mask

    @property
    def is_symlink(self) -> bool:
        return self.from_unix and stat.S_ISLNK(self.unix)

    def mtime(self, file: BinaryIO | None = None) -> float:
        """Return the time in seconds, as the header before the contents has it, or else the directory."""
        extra = self.info.extra if file is None else _local_extra(file, self.info)
        found = _seconds(extra)
        if found is not None:
            return found
        year, month, day, hour, minute, second = self.info.date_time
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))


def _name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x800:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")  # as zipfile took it
    for kind, data in _fields(info.extra):
        if kind == _UNICODE_PATH and data[:1] == b"\1" and data[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return data[5:].decode("utf-8", "surrogateescape")
    return info.orig_filename if info.create_system in _LIKE_DOS else raw.decode("utf-8", "surrogateescape")


def _fields(extra: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        found.append((kind, extra[4 : 4 + size]))
        extra = extra[4 + size :]
    return found


def _seconds(extra: bytes) -> int | None:
    """Return the time of the last change in an extra field, which counts from 1970 and knows no zones."""
    found: int | None = None
    for kind, data in _fields(extra):
        if kind == _TIMES and len(data) >= 5 and data[0] & 1:
            return int(struct.unpack_from("<i", data, 1)[0])
        if kind in {_OLD_TIMES, _PKWARE_TIMES} and len(data) >= 8:
            found = int(struct.unpack_from("<i", data, 4)[0])
    return found


def _local_extra(file: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\3\4":
        return b""
    *_, name, extra = _LOCAL.unpack(header)
    file.seek(name, 1)
    return file.read(extra)
