"""`tar --diff`: says how files differ from the members of an archive."""

from __future__ import annotations

import os
import stat
import tarfile

from .archive import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from .archive import Archive
    from .command import Entry
    from .report import Report

_SPECIAL = {tarfile.FIFOTYPE: stat.S_ISFIFO, tarfile.CHRTYPE: stat.S_ISCHR, tarfile.BLKTYPE: stat.S_ISBLK}


class Comparer:
    """Compares one member after the other with what is below ``base``; ``tell`` is told of each."""

    def __init__(
        self, archive: Archive, report: Report, base: str, tell: Callable[[Entry], None] | None = None
    ) -> None:
        self._tell = tell
        self._archive = archive
        self._report = report
        self._base = base

    def __call__(self, entry: Entry) -> None:
        member, path = entry.member, self._path(entry.name)
        if self._tell is not None:
            self._tell(entry)
        if member.is_symlink:
            self._symlink(entry, path)
            return
        if member.is_file and member.type not in tarfile.REGULAR_TYPES:
            kind = member.type.decode("latin-1")
            self._report.error(
                f"{self._report.shown(entry.name, ':')}: Unknown file type '{kind}', diffed as normal file"
            )
        found = self._stat(entry.name, path)
        if found is None:
            return
        if member.is_file:
            self._file(entry, path, found)
        elif member.is_link:
            other = self._stat(entry.target, self._path(entry.target), about=entry.name)
            if other is not None and not os.path.samestat(found, other):
                self._report.differs(entry.name, f"Not linked to {self._report.shown(entry.target)}")
        elif member.is_directory:
            if not stat.S_ISDIR(found.st_mode):
                self._report.differs(entry.name, "File type differs")
            elif stat.S_IMODE(found.st_mode) != member.mode:
                self._report.differs(entry.name, "Mode differs")
        else:
            self._special(entry, found)

    def finish(self) -> None:
        """Nothing is put off."""

    def _path(self, name: str) -> str:
        return os.path.join(self._base, name) if name else ""  # the empty name is that of nothing

    def _stat(self, name: str, path: str, about: str = "") -> os.stat_result | None:
        try:
            return os.lstat(path)
        except FileNotFoundError as error:
            self._report.warn(f"{self._report.shown(name, ':')}: Warning: Cannot stat: {os.strerror(error.errno or 0)}")
        except OSError as error:
            self._report.failed(name, "stat", error)
        self._report.differs(about or name)
        return None

    def _symlink(self, entry: Entry, path: str) -> None:
        try:
            if os.readlink(path) != entry.target:
                self._report.differs(entry.name, "Symlink differs")
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                reason = os.strerror(error.errno or 0)
                self._report.warn(f"{self._report.shown(entry.name, ':')}: Warning: Cannot readlink: {reason}")
            else:
                self._report.failed(entry.name, "readlink", error)
            self._report.differs(entry.name)

    def _special(self, entry: Entry, found: os.stat_result) -> None:
        info = entry.member.info
        if not _SPECIAL[entry.member.type](found.st_mode):
            self._report.differs(entry.name, "File type differs")
        elif info.type != tarfile.FIFOTYPE and found.st_rdev != os.makedev(info.devmajor, info.devminor):
            self._report.differs(entry.name, "Device number differs")
        elif stat.S_IMODE(found.st_mode) != entry.member.mode:
            self._report.differs(entry.name, "Mode differs")

    def _file(self, entry: Entry, path: str, found: os.stat_result) -> None:
        member = entry.member
        if not stat.S_ISREG(found.st_mode):
            self._report.differs(entry.name, "File type differs")
            return
        if stat.S_IMODE(found.st_mode) != member.mode:
            self._report.differs(entry.name, "Mode differs")
        if found.st_uid != entry.uid:
            self._report.differs(entry.name, "Uid differs")
        if found.st_gid != entry.gid:
            self._report.differs(entry.name, "Gid differs")
        # Where the archive has no fractions of a second, they do not count.
        unit = 1 if member.has_fraction else 10**9
        if found.st_mtime_ns // unit != member.mtime // unit:
            self._report.differs(entry.name, "Mod time differs")
        if member.type != tarfile.GNUTYPE_SPARSE and found.st_size != member.size:
            self._report.differs(entry.name, "Size differs")
            return
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed below
        except OSError as error:
            self._report.failed(entry.name, "open", error)
            self._report.differs(entry.name)
            return
        with file:
            self._contents(entry, file)

    def _contents(self, entry: Entry, file: BinaryIO) -> None:
        """Compare the contents, and what a sparse file leaves out with nothing."""
        at = 0
        for place, data in self._archive.chunks(entry.member):
            if not self._is_hole(entry, file, at, place):
                return
            file.seek(place)
            if file.read(len(data)) != data:
                self._report.differs(entry.name, "Contents differ")
                return
            at = place + len(data)
        self._is_hole(entry, file, at, entry.member.size)

    def _is_hole(self, entry: Entry, file: BinaryIO, start: int, end: int) -> bool:
        file.seek(start)
        for at in range(start, end, CHUNK):
            if any(file.read(min(CHUNK, end - at))):
                self._report.differs(entry.name, f"File fragment at {start} is not a hole")
                return False
        return True
