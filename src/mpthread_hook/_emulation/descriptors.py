"""Descriptors of a thread process: 0, 1 and 2 are its own, and the functions of `os` know whose others are.

A process inherits the three by number.  What it does to one of them (`dup2`, `close`) stays in its record:
``process.fds`` maps the number it uses to the real descriptor behind it, None for one it closed.  A number
that is absent is the program's own.  Only these three are virtual; of all others the holders are counted
(see `holds`).

Real descriptors behind virtual ones are counted, since children inherit them; every process that points one
of the three at the null device shares one descriptor, so that fifty silent workers do not need 150.
"""

from __future__ import annotations

import os
import stat

from .. import _identity
from .._identity import HERE, ThreadProcess, checkpoint, real_dup, shield
from . import holds, presence
from .builtin import Function
from .holds import bad_descriptor, held, mains, on_close, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._hook.journal import Journal

_real_close = os.close
_real_closerange = os.closerange
_real_dup2 = os.dup2
_real_fstat = os.fstat
_real_get_blocking: Any = getattr(os, "get_blocking", None)
_real_open = os.open
real_read = os.read
real_write = os.write
# For `files`, which is loaded when ours are in their place.
real_isatty = os.isatty
real_lseek = os.lseek
real_ftruncate: Any = getattr(os, "ftruncate", None)
real_readv: Any = getattr(os, "readv", None)

#: How many virtual descriptors each real one is behind.
_uses: dict[int, int] = {}
_null = -1
#: The device number of the null device.
_null_rdev = -1


def number(process: ThreadProcess, fd: int) -> int:
    """Return the real descriptor behind 0, 1 or 2 of a process; OSError if it is closed."""
    real = process.fds.get(fd, fd)
    if real is None:
        raise bad_descriptor()
    return real


def resolve(fd: Any) -> Any:
    """Return the real descriptor that the calling thread process means by ``fd``."""
    process = HERE.process
    if process.status is not None:
        checkpoint()
    if type(fd) is int:
        if fd in held:
            holds.check(fd)
        elif process.fds and 0 <= fd <= 2:
            return number(process, fd)
    return fd


# ---------------------------------------------------------------------------------------------------------
# What is behind


def _null_device() -> int:
    global _null, _null_rdev
    if _null < 0:
        null = _real_open(os.devnull, os.O_RDWR)
        _null_rdev = _real_fstat(null).st_rdev
        _null = null
    return _null


def _is_null(real: int) -> bool:
    try:
        found = _real_fstat(real)
        _null_device()
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _null_rdev


def _put(process: ThreadProcess, fd: int, real: int) -> None:
    """Put a real descriptor, which is the process's from now on, behind one of the three."""
    with shield, presence.lock:
        old = process.fds.get(fd)
        process.fds[fd] = real
        _uses[real] = _uses.get(real, 0) + 1
    if old is not None:
        _drop(old)


def _drop(real: int) -> None:
    with shield, presence.lock:
        left = _uses.get(real, 1) - 1
        if left:
            _uses[real] = left
            return
        _uses.pop(real, None)
    if real != _null:
        _real_close(real)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if not parent.fds:
        return
    with shield, presence.lock:
        child.fds = parent.fds.copy()
        for real in child.fds.values():
            if real is not None:
                _uses[real] += 1


def _silence(process: ThreadProcess) -> None:
    """Cut a dead process off at once; the numbers are free for others only when none of its threads runs."""
    # In the lock, since the process may end meanwhile and its numbers become somebody else's.
    with shield, presence.lock:
        for real in process.fds.values():
            if real is not None and real != _null and _uses[real] == 1:
                try:
                    _real_dup2(_null_device(), real, inheritable=False)
                except OSError:
                    pass


def _release(process: ThreadProcess) -> None:
    with shield, presence.lock:
        fds, process.fds = process.fds, {}
        for real in fds.values():
            if real is not None:
                _drop(real)


def _take_over(process: ThreadProcess) -> None:
    fds, process.fds = process.fds, {}
    for fd, real in fds.items():
        try:
            _real_close(fd) if real is None else _real_dup2(real, fd)
        except OSError:
            pass


# ---------------------------------------------------------------------------------------------------------
# The functions of `os`


class _Module:
    """What the functions that stand in for a module's are bound to; pickles as that module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"<emulated module {self._name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return __import__, (self._name,)


_os = _Module("os")
_Method: Any = type(_os.__repr__)


def standing_in(real: Callable[..., Any] | None) -> Callable[[Callable[..., Any]], Any]:
    """Let a function of ours, which ignores its first argument, stand in for one of `os`.

    What is returned is bound already, so that a class that keeps it as an attribute gets no method of its
    own out of it, as with the functions of C that it replaces (``_close = os.close`` is not rare).
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if real is not None:
            function.__name__ = function.__qualname__ = real.__name__
            function.__doc__ = real.__doc__
            function.__module__ = "os"
        return Function(_Method(function, _os))

    return decorate


def keep_support(journal: Journal, real: Any, ours: Any) -> None:
    """Let the sets that say what `os` can do know a function of ours (`shutil` asks them)."""
    for name in ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks"):
        known: set[Any] = getattr(os, name, set())
        if real in known and ours not in known:
            known.add(ours)
            journal.undo(lambda known=known: known.discard(ours))  # type: ignore[misc]


def _translating(name: str) -> Any:
    """Return ``os.<name>`` with its first argument, a descriptor, read as the calling process's own."""
    real: Any = getattr(os, name, None)

    @standing_in(real)
    def call(_os: Any, fd: Any, *args: Any, **kwargs: Any) -> Any:
        if HERE.thread is not None:
            fd = resolve(fd)
        return real(fd, *args, **kwargs)

    return call


def _translating_alone(name: str) -> Any:
    """Return ``os.<name>``, whose only argument is a descriptor, likewise."""
    real: Any = getattr(os, name, None)

    @standing_in(real)
    def call(_os: Any, fd: Any) -> Any:
        if HERE.thread is not None:
            fd = resolve(fd)
        return real(fd)

    return call


def _wait_for_input(fd: Any) -> None:
    """Wait, if reading it would, where signals and the end of the process interrupt that."""
    from .select import is_readable, wait_readable  # noqa: PLC0415 - loaded only where somebody waits so

    if type(fd) is int and fd >= 0 and not is_readable(fd) and _real_get_blocking(fd):
        wait_readable((fd,))


@standing_in(real_read)
def read(_os: Any, fd: int, length: int, /) -> bytes:
    if HERE.thread is not None:
        fd = resolve(fd)
        if type(length) is int and length > 0:
            _wait_for_input(fd)
    return real_read(fd, length)


@standing_in(real_write)
def write(_os: Any, fd: int, data: Any, /) -> int:
    if HERE.thread is not None:
        fd = resolve(fd)
    return real_write(fd, data)


device_encoding = _translating_alone("device_encoding")
fdatasync = _translating_alone("fdatasync")
fpathconf = _translating("fpathconf")
fstat = _translating_alone("fstat")
fsync = _translating_alone("fsync")
ftruncate = _translating("ftruncate")
get_blocking = _translating_alone("get_blocking")
get_inheritable = _translating_alone("get_inheritable")
isatty = _translating_alone("isatty")
lseek = _translating("lseek")
pread = _translating("pread")
pwrite = _translating("pwrite")
set_blocking = _translating("set_blocking")
set_inheritable = _translating("set_inheritable")
tcgetpgrp = _translating_alone("tcgetpgrp")
ttyname = _translating_alone("ttyname")
writev = _translating("writev")

@standing_in(real_readv)
def readv(_os: Any, fd: int, buffers: Any, /) -> int:
    if HERE.thread is not None:
        fd = resolve(fd)
        _wait_for_input(fd)
    return real_readv(fd, buffers)  # type: ignore[no-any-return]


_real_readinto: Any = getattr(os, "readinto", None)


@standing_in(_real_readinto)
def readinto(_os: Any, fd: int, buffer: Any, /) -> int:
    if HERE.thread is not None:
        fd = resolve(fd)
        if memoryview(buffer).nbytes:
            _wait_for_input(fd)
    return _real_readinto(fd, buffer)  # type: ignore[no-any-return]


_real_sendfile: Any = getattr(os, "sendfile", None)


@standing_in(_real_sendfile)
def sendfile(_os: Any, out_fd: Any, in_fd: Any, *args: Any, **kwargs: Any) -> Any:
    if HERE.thread is not None:
        out_fd, in_fd = resolve(out_fd), resolve(in_fd)
    return _real_sendfile(out_fd, in_fd, *args, **kwargs)


_real_terminal_size: Any = getattr(os, "get_terminal_size", None)


@standing_in(_real_terminal_size)
def get_terminal_size(_os: Any, fd: int = 1, /) -> Any:
    if HERE.thread is not None:
        fd = resolve(fd)
    return _real_terminal_size(fd)


@standing_in(_real_close)
def close(_os: Any, fd: int) -> None:
    if on_close and type(fd) is int and (note := on_close.get(fd)) is not None:
        note(fd)
    if HERE.thread is None:
        if type(fd) is int:
            if fd in held:
                return holds.close(fd)
            mains.discard(fd)
        return _real_close(fd)
    process = HERE.process
    if process.status is not None:
        checkpoint()
    if type(fd) is not int:
        return _real_close(fd)
    if not 0 <= fd <= 2:
        return holds.close(fd)
    with shield, presence.lock:
        old = number(process, fd)
        inherited = fd not in process.fds
        process.fds[fd] = None
    if not inherited:
        _drop(old)
    return None


@standing_in(_real_closerange)
def closerange(_os: Any, fd_low: int, fd_high: int, /) -> None:
    if HERE.thread is None:
        if (held or mains) and type(fd_low) is int and type(fd_high) is int:
            return holds.close_range(fd_low, fd_high)
        return _real_closerange(fd_low, fd_high)
    # What C code opened lies there too, and is the whole program's: a daemon that closes "everything it
    # inherited" must not.
    for fd in range(max(fd_low, 0), min(fd_high, 3)):
        try:
            close(fd)
        except OSError:
            pass
    holds.close_held(fd_low, fd_high)
    return None


@standing_in(_real_dup2)
def dup2(_os: Any, fd: int, fd2: int, inheritable: bool = True) -> int:
    if HERE.thread is None and fd2 not in held:
        return _real_dup2(fd, fd2, inheritable)
    source = resolve(fd)
    if HERE.thread is None or type(fd2) is not int or not 0 <= fd2 <= 2:
        _real_dup2(source, fd2, inheritable)
        if fd != fd2:
            holds.replaced(fd2)
        return fd2
    if fd == fd2:
        return fd2
    process = HERE.process
    with shield:
        _put(process, fd2, _null_device() if _is_null(source) else real_dup(source))
    return fd2


@standing_in(real_dup)
def dup(_os: Any, fd: int, /) -> int:
    if HERE.thread is None:
        return opened(real_dup(fd))
    with shield:
        return _lowest(real_dup(resolve(fd)))


@standing_in(_real_open)
def open(_os: Any, *args: Any, **kwargs: Any) -> int:
    if HERE.thread is None:
        return opened(_real_open(*args, **kwargs))
    checkpoint()
    with shield:
        return _lowest(_real_open(*args, **kwargs))


def _opening(name: str) -> Any:
    """Return ``os.<name>``, which makes one descriptor or two."""
    real: Any = getattr(os, name, None)

    @standing_in(real)
    def call(_os: Any, *args: Any, **kwargs: Any) -> Any:
        if HERE.thread is not None:
            checkpoint()
        with shield:
            made = real(*args, **kwargs)
            return tuple(map(_lowest, made)) if type(made) is tuple else _lowest(made)

    return call


eventfd = _opening("eventfd")
memfd_create = _opening("memfd_create")
openpty = _opening("openpty")
pipe = _opening("pipe")
pipe2 = _opening("pipe2")
posix_openpt = _opening("posix_openpt")


def _lowest(real: int) -> int:
    """Count a new descriptor; it gets the lowest of the three that the calling process has closed, if any."""
    process = HERE.process
    for fd in (0, 1, 2):
        if process.fds.get(fd, fd) is None:
            _put(process, fd, real)
            return fd
    return opened(real)


def install(journal: Journal) -> None:
    """Give each process its own three."""
    _identity.at_start(_inherit)
    _identity.at_death(_silence)
    _identity.at_end(_release)
    presence.on_real_fork(_take_over)
    holds.install()
    keep_support(journal, _real_open, open)
