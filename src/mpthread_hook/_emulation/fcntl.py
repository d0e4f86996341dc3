"""Record locks (`fcntl.lockf`, ``fcntl.fcntl(F_SETLK)``) between thread processes.

The kernel counts them by OS process, so between thread processes they exclude nobody.  Here a table by
device, inode and range says which thread process holds what; the program as a whole holds the kernel's lock
meanwhile, against other OS processes.  Closing a descriptor does not release a lock as it does for a real
process: what counts are unlocking, `os.close`, the file object that was passed (closed or collected), and the
end of the process.  The main program is in the table while it is alone, too: a child may come.

`flock` belongs to the open file and works between threads; here it is only made interruptible.
"""

from __future__ import annotations

import errno
import fcntl as _real
import os
import struct
import sys
import weakref
from _thread import allocate_lock

from .._identity import (
    HERE,
    ThreadProcess,
    at_death,
    checkpoint,
    park,
    real_close,
    real_dup,
    shield,
    unlock,
)
from . import foreign
from .builtin import Functions
from .holds import on_close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

functions = Functions(__name__)

_real_lockf, _real_flock, _real_fcntl = _real.lockf, _real.flock, _real.fcntl

_END = 1 << 63
_EXCLUSIVE, _SHARED, _NONE = _real.F_WRLCK, _real.F_RDLCK, _real.F_UNLCK
# struct flock, by system: the format of its fields, and their order.
if sys.platform.startswith("linux") or sys.platform == "android":
    _FORMAT, _ORDER = "hhqqi", (0, 1, 2, 3, 4)
else:
    _FORMAT, _ORDER = "qqihh", (3, 4, 0, 1, 2)


class _Held:
    """A range of a file that a process has locked."""

    __slots__ = ("end", "fd", "kind", "object", "process", "start")

    def __init__(
        self, process: ThreadProcess, start: int, end: int, kind: int, fd: int, object: Any = None
    ) -> None:
        self.process = process
        self.start = start
        self.end = end
        self.kind = kind
        #: The descriptor it was locked by, and a weak reference to the file object that was given for it.
        self.fd = fd
        self.object = object

    def is_open(self, key: tuple[int, int]) -> bool:
        """Return whether the file it was locked by may still be open, which is the one with that key."""
        owner = self.object() if self.object is not None else None
        return not getattr(owner, "closed", False) and _is_open(self.fd, key)

    def parts_outside(self, start: int, end: int) -> list[_Held]:
        """Return what is left of it when a range is taken out."""
        parts = []
        if self.start < start:
            parts.append(_Held(self.process, self.start, min(self.end, start), self.kind, self.fd, self.object))
        if self.end > end:
            parts.append(_Held(self.process, max(self.start, end), self.end, self.kind, self.fd, self.object))
        return parts


class _File:
    """What is locked of one file, and who waits for it."""

    def __init__(self, key: tuple[int, int]) -> None:
        self.key = key
        self.held: list[_Held] = []
        self.waiters: list[Any] = []

    def obstacle(self, process: ThreadProcess, start: int, end: int, kind: int) -> _Held | None:
        """Return what keeps a process from locking a range; one whose file was closed meanwhile does not."""
        for held in self.held:
            if held.process is process or held.start >= end or held.end <= start:
                continue
            if _EXCLUSIVE in (kind, held.kind) and held.is_open(self.key):
                return held
        return None

    def put(
        self, process: ThreadProcess, start: int, end: int, kind: int, fd: int = -1, object: Any = None
    ) -> None:
        """Replace what a process has of a range; wakes who waits."""
        held: list[_Held] = []
        for old in self.held:
            held += old.parts_outside(start, end) if old.process is process else [old]
        if kind != _NONE:
            held.append(_Held(process, start, end, kind, fd, object))
            on_close[fd] = _closed
        self.held = held
        if not held:
            _files.pop(self.key, None)
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            unlock(waiter)

    def free_parts(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of a range that nobody has locked."""
        free = [(start, end)]
        for held in self.held:
            free = [
                part
                for low, high in free
                for part in ((low, min(high, held.start)), (max(low, held.end), high))
                if part[0] < part[1]
            ]
        return free

    def unlock_in_kernel(self, fd: int, start: int, end: int) -> None:
        """Give up the program's lock of those parts of a range that nobody has locked."""
        for low, high in self.free_parts(start, end):
            _real_lockf(fd, _real.LOCK_UN, 0 if high == _END else high - low, low)


_files: dict[tuple[int, int], _File] = {}


class _Table:
    """``with _table:`` - the table is the caller's, and is seen to afterwards."""

    def __init__(self) -> None:
        self._mutex = allocate_lock()
        #: Whose file object was collected.  The collector may run while this very thread has the table.
        self._collected: list[tuple[ThreadProcess, tuple[int, int]]] = []

    def __enter__(self) -> None:
        shield.__enter__()
        self._mutex.acquire()

    def __exit__(self, *exc: object) -> None:
        self._mutex.release()
        try:
            self._sweep()
        finally:
            shield.__exit__()

    def _sweep(self) -> None:
        while self._collected and self._mutex.acquire(blocking=False):
            try:
                process, key = self._collected.pop()
                file = _files.get(key)
                if file is not None:
                    file.put(process, 0, _END, _NONE)
            except IndexError:
                pass
            finally:
                self._mutex.release()

    def forget(self, process: ThreadProcess, key: tuple[int, int]) -> None:
        """Drop all that a process has of a file, which it has closed."""
        self._collected.append((process, key))
        self._sweep()


_table = _Table()


def _is_open(fd: int, key: tuple[int, int]) -> bool:
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == key


def _closed(fd: int) -> None:
    """Drop what the calling process has of the file that it is about to close by `os.close`."""
    process = HERE.process
    with _table:
        for file in list(_files.values()):
            if any(held.fd == fd and held.process is process for held in file.held):
                file.put(process, 0, _END, _NONE)
        if not any(held.fd == fd for file in _files.values() for held in file.held):
            on_close.pop(fd, None)


def _number(fd: Any) -> int:
    number: int = fd if isinstance(fd, int) else fd.fileno()
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return number


def _range(fd: int, start: int, length: int, whence: int) -> tuple[int, int]:
    if whence == os.SEEK_CUR:
        start += os.lseek(fd, 0, os.SEEK_CUR)
    elif whence == os.SEEK_END:
        start += os.fstat(fd).st_size
    if length < 0:
        start, length = start + length, -length
    if start < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return start, start + length if length else _END


def _lock(fd: Any, kind: int, wait: bool, place: tuple[int, int, int]) -> None:
    """Lock or unlock a range for the calling process, here and in the kernel."""
    number = _number(fd)
    start, end = _range(number, *place)
    status = os.fstat(number)
    key = (status.st_dev, status.st_ino)
    process = HERE.process
    if kind == _NONE:
        _release(process, key, start, end, number)
        return
    _reserve(process, key, (start, end, kind), wait, fd)
    try:
        _lock_in_kernel(number, key, (start, end, kind), wait)
    except BaseException:
        _release(process, key, start, end, number)
        raise
    if not isinstance(fd, int):
        _watch(fd, process, key)


def _reserve(
    process: ThreadProcess, key: tuple[int, int], what: tuple[int, int, int], wait: bool, fd: Any
) -> None:
    """Put a lock into the table, after those that are in its way."""
    try:
        owner = None if isinstance(fd, int) else weakref.ref(fd)
    except TypeError:
        owner = None
    while True:
        waiter = allocate_lock()
        waiter.acquire()
        file = None
        with _table:
            if process.status is None:
                file = _files.get(key) or _File(key)
                if file.obstacle(process, *what) is None:
                    _files[key] = file
                    file.put(process, *what, _number(fd), owner)
                    return
                if wait:
                    file.waiters.append(waiter)
        checkpoint()
        if not wait or file is None:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        try:
            park(waiter)
        finally:
            with _table:
                if waiter in file.waiters:
                    file.waiters.remove(waiter)


def _lock_in_kernel(fd: int, key: tuple[int, int], what: tuple[int, int, int], wait: bool) -> None:
    start, end, kind = what
    command = _real.LOCK_EX if kind == _EXCLUSIVE else _real.LOCK_SH
    length = 0 if end == _END else end - start
    try:
        _real_lockf(fd, command | _real.LOCK_NB, length, start)
    except OSError as error:
        if not wait or error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
    else:
        return
    if HERE.thread is None:
        _real_lockf(fd, command, length, start)
        return

    def unwanted(_result: object) -> None:
        if _is_open(fd, key):
            with _table:
                (_files.get(key) or _File(key)).unlock_in_kernel(fd, start, end)

    # Another OS process has it, and only the kernel knows when it no longer does.
    foreign.call(lambda: _real_lockf(fd, command, length, start), unwanted)


def _release(process: ThreadProcess, key: tuple[int, int], start: int, end: int, fd: int) -> None:
    with _table:
        file = _files.get(key) or _File(key)
        file.put(process, start, end, _NONE)
        file.unlock_in_kernel(fd, start, end)


def _watch(fd: Any, process: ThreadProcess, key: tuple[int, int]) -> None:
    try:
        known = process.state.setdefault("locked files", weakref.WeakKeyDictionary())
        if fd not in known:
            known[fd] = weakref.finalize(fd, _table.forget, process, key)
            known[fd].atexit = False
    except TypeError:  # cannot be referred to weakly
        pass


@at_death
def _died(process: ThreadProcess) -> None:
    with _table:
        for key, file in list(_files.items()):
            for held in [held for held in file.held if held.process is process]:
                file.put(process, held.start, held.end, _NONE)
                # A descriptor that is closed by now took the kernel's lock with it.
                if held.is_open(key):
                    file.unlock_in_kernel(held.fd, held.start, held.end)


# ---------------------------------------------------------------------------------------------------------
# The functions


@functions
def lockf(_: object, fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /) -> None:
    """As `fcntl.lockf`."""
    if cmd & ~_real.LOCK_NB == _real.LOCK_UN:
        kind = _NONE
    elif cmd & _real.LOCK_SH:
        kind = _SHARED
    elif cmd & _real.LOCK_EX:
        kind = _EXCLUSIVE
    else:
        raise ValueError("unrecognized lockf argument")
    _lock(fd, kind, not cmd & _real.LOCK_NB, (start, len, whence))


@functions
def fcntl(_: object, fd: Any, cmd: int, arg: Any = 0, /) -> Any:
    """As `fcntl.fcntl`: record locks between thread processes, everything else as it is."""
    if cmd not in (_real.F_SETLK, _real.F_SETLKW, _real.F_GETLK) or isinstance(arg, int):
        return _real_fcntl(fd, cmd, arg)
    try:
        fields = struct.unpack(_FORMAT, bytes(arg)[: struct.calcsize(_FORMAT)])
    except struct.error:
        return _real_fcntl(fd, cmd, arg)
    kind, whence, start, length, _pid = (fields[index] for index in _ORDER)
    if cmd == _real.F_GETLK:
        return _query(fd, arg, kind, (start, length, whence))
    _lock(fd, kind, cmd == _real.F_SETLKW, (start, length, whence))
    return bytes(arg)


def _query(fd: Any, arg: Any, kind: int, place: tuple[int, int, int]) -> Any:
    number = _number(fd)
    start, end = _range(number, *place)
    status = os.fstat(number)
    with _table:
        file = _files.get((status.st_dev, status.st_ino))
        held = file.obstacle(HERE.process, start, end, kind) if file is not None else None
    if held is None:
        return _real_fcntl(fd, _real.F_GETLK, arg)
    values = (held.kind, os.SEEK_SET, held.start, 0 if held.end == _END else held.end - held.start)
    answer = dict(zip(_ORDER, (*values, held.process.pid), strict=True))
    return struct.pack(_FORMAT, *(answer[index] for index in sorted(answer)))


@functions
def flock(_: object, fd: Any, operation: int, /) -> None:
    """As `fcntl.flock`; in a thread process signals and its end interrupt the waiting."""
    if HERE.thread is None or operation & _real.LOCK_NB or operation & _real.LOCK_UN:
        _real_flock(fd, operation)
        return
    try:
        _real_flock(fd, operation | _real.LOCK_NB)
    except BlockingIOError:
        _flock_elsewhere(_number(fd), operation)


def _flock_elsewhere(fd: int, operation: int) -> None:
    # On a descriptor of its own for the same open file: the caller's may be closed, and used again, before
    # the helper gets the lock.
    copy = real_dup(fd)

    def unwanted(_result: object) -> None:
        _real_flock(copy, _real.LOCK_UN)
        real_close(copy)

    def lock() -> None:
        try:
            _real_flock(copy, operation)
        except BaseException:
            real_close(copy)
            raise

    foreign.call(lock, unwanted)
    real_close(copy)
