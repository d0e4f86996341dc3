"""`tar --extract`: makes files of the members of an archive."""

from __future__ import annotations

import errno
import os
import re
import stat
import tarfile
import time
from dataclasses import dataclass

from .names import climbs
from .options import KEEP, NEWER, OVERWRITE, SKIP, UNLINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .archive import Archive
    from .command import Entry
    from .options import Options
    from .report import Report

    T = TypeVar("T")

#: What may have to be written, so that the owner alone can until it has its owner and mode.
_PRIVATE = 0o700
#: Whether the time of a symbolic link can be set.
_CAN_UTIME = os.utime in os.supports_follow_symlinks


#: Where a directory that is there gets the status of the member.
_OVERLAYING = frozenset(("", OVERWRITE))


class _Skip(Exception):
    """What is there stays."""


@dataclass
class _Status:
    """What a file is to have in the end; no owner and time for a directory that no member describes."""

    mode: int
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None


@dataclass
class _Directory:
    """A directory that gets its status when nothing more is put into it."""

    name: str
    status: _Status
    key: tuple[int, int]
    after_links: bool = False


@dataclass
class _Link:
    """A symbolic link that leads out of the directory, for which an empty file stands in until the end.

    So no member is written through it.  ``names`` are those of all hard links to that file, by path.
    """

    names: dict[str, str]
    target: str
    status: _Status
    key: tuple[int, int]


class Extractor:
    """Makes one file after the other below ``base``, with the mask of whoever asks; ``tell`` is told of each."""

    def __init__(
        self,
        archive: Archive,
        report: Report,
        options: Options,
        base: str,
        mask: int,
        tell: Callable[[Entry], None] | None = None,
    ) -> None:
        self._tell = tell
        self._archive = archive
        self._report = report
        self._options = options
        self._base = base
        self._mask = mask
        root = os.geteuid() == 0
        self._owners = root if options.same_owner is None else options.same_owner
        self._modes = root if options.same_permissions is None else options.same_permissions
        self._said = False
        #: Whether directories were made for the member that is being made.
        self._made = False
        self._started = time.time_ns()
        self._directories: list[_Directory] = []
        self._links: dict[tuple[int, int], _Link] = {}

    def __call__(self, entry: Entry) -> None:
        stored = entry.member.stored
        if climbs(stored) and not self._options.absolute:
            self._report.error(f"{self._report.shown(stored, ':')}: Member name contains '..'")
            return
        if not entry.name:
            return
        if self._tell is not None:
            self._tell(entry)
        if not self._options.late_directories:
            self._leave(entry.name)
        make, what = self._maker(entry)
        try:
            if self._prepare(entry):
                make(entry)
        except _Skip:
            pass
        except OSError as error:
            self._report.failed(entry.name, what, error)

    def finish(self) -> None:
        """Give directories their status, put links in their places, and see to what holds those."""
        self._leave("")
        for link in reversed(self._links.values()):
            self._put(link)
        self._links.clear()
        self._leave("", after_links=True)

    # -- members -------------------------------------------------------------------------------------------

    def _maker(self, entry: Entry) -> tuple[Callable[[Entry], None], str]:
        """Return what makes a member, and what is said to have failed."""
        member = entry.member
        if member.is_directory:
            return self._directory, "mkdir"
        if member.is_link:
            return self._hard, f"hard link to {self._report.quoted(entry.target)}"
        if member.is_symlink:
            if _leads_out(entry.target) and not self._options.absolute:
                return self._stand_in, "open"
            return self._symbolic, f"create symlink to {self._report.quoted(entry.target)}"
        if not member.is_file:
            return self._node, "mkfifo" if member.type == tarfile.FIFOTYPE else "mknod"
        if member.type not in tarfile.REGULAR_TYPES:
            kind, name = member.type.decode("latin-1"), self._report.shown(entry.name, ":")
            self._report.warn(f"{name}: Unknown file type '{kind}', extracted as normal file")
        return self._file, "open"

    def _prepare(self, entry: Entry) -> bool:
        """Return whether a member is to be made at all."""
        path = self._path(entry.name)
        if self._options.existing == UNLINK:
            try:
                self._remove(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                if not _is_base(entry.name):
                    self._report.failed(entry.name, "unlink", error)
                    return False
        elif self._options.existing == NEWER and self._is_newer(path, entry):
            self._report.warn(
                f"Current {self._report.quoted(entry.name)} is newer or same age", kind="ignore-newer"
            )
            return False
        return True

    def _is_newer(self, path: str, entry: Entry) -> bool:
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            self._report.warn(f"{self._report.shown(entry.name, ':')}: Warning: Cannot stat: {reason}")
            return True  # to be safe
        unit = 1 if entry.member.has_fraction else 10**9
        return not stat.S_ISDIR(found.st_mode) and entry.member.mtime // unit <= found.st_mtime_ns // unit

    def _file(self, entry: Entry) -> None:
        if entry.member.type == tarfile.CONTTYPE and not self._said:
            self._said = True
            self._report.warn("Extracting contiguous files as regular files")
        path = self._path(entry.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        flags |= os.O_TRUNC | os.O_NOFOLLOW if self._options.existing == OVERWRITE else os.O_EXCL

        def create() -> int:
            fd = os.open(path, flags, entry.member.mode & _PRIVATE if self._owners else entry.member.mode & 0o777)
            if self._options.existing == OVERWRITE and not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            return fd

        fd = self._retry(entry, create, regular=True)
        with open(fd, "wb") as file:
            end = 0
            try:
                for place, data in self._archive.chunks(entry.member):
                    file.seek(place)
                    file.write(data)
                    end = place + len(data)
                if end < entry.member.size:  # a hole at the end
                    file.truncate(entry.member.size)
                file.flush()
            except OSError as error:
                self._report.failed(entry.name, "write", error)
            self._give(entry.name, fd, self._status(entry))

    def _directory(self, entry: Entry) -> None:
        path = self._path(entry.name)

        def create() -> None:
            try:
                os.mkdir(path, _PRIVATE)
            except FileExistsError:
                existing = self._options.existing
                if self._options.keep_directory_symlink and os.path.islink(path) and os.path.isdir(path):
                    raise _Skip from None
                if (existing not in _OVERLAYING and not self._made) or not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise

        try:
            self._retry(entry, create)
        except FileExistsError:
            # What cannot make room stays, without a word; what would be put into it fails.
            if self._options.existing not in _OVERLAYING:
                return
        self._later(entry.name, self._status(entry))

    def _hard(self, entry: Entry) -> None:
        source, path = entry.target and self._path(entry.target), self._path(entry.name)

        def create() -> None:
            try:
                _link(source, path)
            except OSError:
                try:
                    if os.path.samestat(os.lstat(source), os.lstat(path)):
                        return
                except OSError:
                    pass
                raise
            link = self._links.get(_key(os.lstat(path))) if self._links else None
            if link is not None:
                link.names[os.path.normpath(path)] = entry.name

        self._retry(entry, create)

    def _symbolic(self, entry: Entry) -> None:
        path = self._path(entry.name)
        self._retry(entry, lambda: os.symlink(entry.target, path))
        self._give(entry.name, None, self._status(entry), symlink=True)

    def _stand_in(self, entry: Entry) -> None:
        path = self._path(entry.name)
        fd = self._retry(entry, lambda: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
        with open(fd, "wb"):
            key = _key(os.fstat(fd))
        self._links[key] = _Link({os.path.normpath(path): entry.name}, entry.target, self._status(entry), key)
        for directory in self._directories:
            if _is_in(entry.name, directory.name):
                directory.after_links = True

    def _node(self, entry: Entry) -> None:
        path, info = self._path(entry.name), entry.member.info
        kinds = {tarfile.FIFOTYPE: stat.S_IFIFO, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
        kind = kinds[info.type]
        mode = entry.member.mode & _PRIVATE

        def create() -> None:
            if kind == stat.S_IFIFO:
                os.mkfifo(path, mode)
            else:
                os.mknod(path, kind | mode, os.makedev(info.devmajor, info.devminor))

        self._retry(entry, create)
        self._give(entry.name, None, self._status(entry))

    # -- room for them -------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return os.path.join(self._base, name)

    def _retry(self, entry: Entry, create: Callable[[], T], *, regular: bool = False) -> T:
        """Call ``create``, and again each time something was done about the error."""
        self._made = False
        while True:
            try:
                return create()
            except OSError as error:
                if self._made:
                    raise
                if error.errno == errno.EEXIST or (
                    error.errno == errno.ELOOP and regular and self._options.existing == OVERWRITE
                ):
                    if self._give_way(entry):
                        continue
                elif error.errno != errno.ENOENT:
                    raise
                self._made = self._make_parents(entry.name)
                if not self._made:
                    raise

    def _give_way(self, entry: Entry) -> bool:
        """Return whether what was in the way has gone; raise `_Skip` if it is to stay and that is fine."""
        existing = self._options.existing
        if existing == SKIP:
            self._report.warn(
                f"{self._report.shown(entry.name, ':')}: skipping existing file", kind="existing-file"
            )
            raise _Skip
        if existing in {KEEP, UNLINK}:
            return False
        try:
            self._remove(self._path(entry.name))
        except OSError:
            return False
        return True

    def _remove(self, path: str) -> None:
        """Remove a file, or a directory with nothing in it."""
        try:
            os.unlink(path)
        except OSError as error:
            if error.errno not in {errno.EISDIR, errno.EPERM}:
                raise
            os.rmdir(path)
        for link in self._links.values():
            link.names.pop(os.path.normpath(path), None)

    def _make_parents(self, name: str) -> bool:
        """Make the directories that are missing above a file; return whether there were any."""
        made = False
        for match in re.finditer("/+", name):
            parent = name[: match.start()]
            if not parent or parent.rpartition("/")[2] in {".", ".."}:
                continue
            mode = 0o777 & ~self._mask
            try:
                os.mkdir(self._path(parent), mode | _PRIVATE & 0o300)
            except OSError:
                continue  # what is wrong, the next try will tell
            self._later(parent, _Status(mode))
            made = True
        return made

    # -- what they get -------------------------------------------------------------------------------------

    @staticmethod
    def _status(entry: Entry) -> _Status:
        return _Status(entry.member.mode, entry.uid, entry.gid, entry.member.mtime)

    def _later(self, name: str, status: _Status) -> None:
        """Give a directory its status when it is left."""
        key = _key(os.lstat(self._path(name)))
        for directory in self._directories:
            if directory.key == key:
                directory.status = status  # made for a file in it, or described before
                return
        self._directories.append(_Directory(name, status, key))

    def _leave(self, name: str, *, after_links: bool = False) -> None:
        """Give all directories their status that a file is not in, the last first."""
        check = False
        while self._directories:
            directory = self._directories[-1]
            check |= directory.after_links
            # Everything is in the directory itself, whether its name says so or not.
            inside = not after_links if _is_base(directory.name) else _is_in(name, directory.name)
            if after_links < directory.after_links or inside:
                return
            self._directories.pop()
            if not check or self._is_same(directory):
                self._give(directory.name, None, directory.status)

    def _is_same(self, directory: _Directory) -> bool:
        try:
            if _key(os.lstat(self._path(directory.name))) == directory.key:
                return True
        except OSError as error:
            self._report.failed(directory.name, "stat", error)
            return False
        name = self._report.shown(directory.name, ":")
        self._report.error(f"{name}: Directory renamed before its status could be extracted")
        return False

    def _put(self, link: _Link) -> None:
        """Make the symbolic links that a file stood in for, unless something else is there since."""
        first = ""
        for path, name in link.names.items():
            try:
                found = os.lstat(path)
                if _key(found) != link.key or found.st_size or not stat.S_ISREG(found.st_mode):
                    continue
                os.unlink(path)
                if first:
                    _link(first, path)
                else:
                    os.symlink(link.target, path)
                    first = path
                    self._give(name, None, link.status, symlink=True)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._report.failed(name, f"create symlink to {self._report.quoted(link.target)}", error)

    def _give(self, name: str, fd: int | None, status: _Status, *, symlink: bool = False) -> None:
        """Give a file its time, owner and mode, in this order: each can spoil what was given before."""
        path = self._path(name)
        file: Any = path if fd is None else fd
        follow: dict[str, Any] = {"follow_symlinks": False} if fd is None else {}
        try:
            found = os.stat(file, **follow)
        except OSError as error:
            if status.uid is not None:  # else nothing is known of it that would be missed
                self._report.failed(name, "utime", error)
            return
        if status.mtime is not None and not self._options.touch:
            try:
                os.utime(file, ns=(found.st_atime_ns, status.mtime), **(follow if _CAN_UTIME or symlink else {}))
                self._check_time(name, status.mtime)
            except (OSError, OverflowError, NotImplementedError) as error:
                if not (symlink and _cannot(error)):
                    self._report.failed(name, "utime", error)
        if self._owners and status.uid is not None and status.gid is not None:
            try:
                os.chown(file, status.uid, status.gid, **follow)
            except (OSError, OverflowError) as error:
                if not (symlink and _cannot(error)):
                    what = f"change ownership to uid {status.uid}, gid {status.gid}"
                    self._report.failed(name, what, error)
        if not symlink:
            self._give_mode(name, file, status.mode, follow, described=status.uid is not None)

    def _give_mode(self, name: str, file: Any, mode: int, follow: dict[str, Any], *, described: bool) -> None:
        current = stat.S_IMODE(os.stat(file, **follow).st_mode)
        if not (self._modes and described):
            # What is more than the permissions is left as the system made it (a group's directory).
            mode = current & ~0o777 | mode & 0o777 & ~self._mask
        if mode == current:
            return
        try:
            os.chmod(file, mode)
        except OSError as error:
            self._report.failed(name, f"change mode to {stat.filemode(mode)[1:]}", error)

    def _check_time(self, name: str, mtime: int) -> None:
        """Wonder about times that can hardly be meant."""
        if self._started >= mtime >= 0:
            return
        shown, when = self._report.shown(name, ":"), _local(mtime)
        ahead = mtime - time.time_ns()
        if mtime < 0:
            self._report.warn(f"{shown}: implausibly old time stamp {when}", kind="timestamp")
        elif ahead > 0:
            text = f"{ahead // 10**9}.{ahead % 10**9:09}".rstrip("0").rstrip(".")
            self._report.warn(f"{shown}: time stamp {when} is {text} s in the future", kind="timestamp")


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _is_base(name: str) -> bool:
    """Return whether a name is that of the directory that everything goes to."""
    return bool(name) and set(name.split("/")) <= {"", "."}


def _is_in(name: str, directory: str) -> bool:
    return name.startswith(directory if directory.endswith("/") else directory + "/") and name != directory


def _cannot(error: Exception) -> bool:
    """Return whether the system cannot do it to symbolic links at all."""
    return isinstance(error, NotImplementedError) or getattr(error, "errno", 0) in {errno.ENOSYS, errno.EOPNOTSUPP}


def _leads_out(target: str) -> bool:
    return target.startswith("/") or climbs(target)


def _link(source: str, path: str) -> None:
    """Make a hard link, also of a symbolic link where the system can."""
    if os.link in os.supports_follow_symlinks:
        os.link(source, path, follow_symlinks=False)
    else:
        os.link(source, path)


def _local(mtime: int) -> str:
    seconds, fraction = divmod(mtime, 10**9)
    if seconds < 0 and fraction:
        seconds, fraction = seconds + 1, 10**9 - fraction  # a fraction before the second, as tar shows it
    try:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        text = str(seconds)
    return text + (f".{fraction:09}".rstrip("0") if fraction else "")
