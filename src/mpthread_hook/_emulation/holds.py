"""Descriptors above 2: which processes hold one, so that closing it closes the caller's copy only.

After a fork parent and child each have the descriptors of the parent, and what one of them closes stays open
in the other.  In one program there is one descriptor, so its holders are counted: it is closed when the last
one has closed it or ended.  What a process opened and never closed goes with it.

What is counted is what the functions of `os` make (`pipe`, `open`, `dup` and their kin).  What C code opens
belongs to an object that closes it, and is shared by the program; a descriptor that is given to such an
object (`os.fdopen`) is no longer counted.  Before we close one on behalf of a process that has ended it must
still be the one that the process had: C code may have closed it, and the number may be another's by now.
"""

from __future__ import annotations

import errno
import os
import stat

from .. import _identity
from .._identity import HERE, MAIN, Thread, ThreadProcess, real_dup, shield
from . import presence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_real_close = os.close
_real_closerange = os.closerange
_real_dup2 = os.dup2
_real_fstat = os.fstat
_real_open = os.open


class _Held:
    """One descriptor: what it is, and who holds it."""

    __slots__ = ("holders", "owned", "what")

    def __init__(self, what: tuple[int, ...], *holders: ThreadProcess) -> None:
        self.what = what
        self.holders = set(holders)
        #: Whether a C object closes it, so that we must not.
        self.owned = False


#: Descriptors that only the main program holds.  It adds and takes away with no look at what they are.
mains: set[int] = set()
#: Every other one that is counted.
held: dict[int, _Held] = {}
#: What to call with a descriptor that the calling process is about to close by `os.close`.
on_close: dict[int, Callable[[int], object]] = {}


def bad_descriptor() -> OSError:
    """Return the error for a descriptor that is closed."""
    return OSError(errno.EBADF, os.strerror(errno.EBADF))


def _what(fd: int) -> tuple[int, ...]:
    """Return what tells the thing behind a descriptor from others; empty if there is none."""
    try:
        found = _real_fstat(fd)
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode), found.st_rdev)


def opened(fd: int) -> int:
    """Count a new descriptor of the calling process; returns it."""
    if fd <= 2:
        return fd
    process = HERE.process
    if process is MAIN:
        held.pop(fd, None)
        mains.add(fd)
        return fd
    what = _what(fd)
    # A socket is a C object's as soon as it is one.
    if what and not stat.S_ISSOCK(what[2]):
        with shield, presence.lock:
            mains.discard(fd)
            held[fd] = _Held(what, process)
    return fd


def _caller(one: _Held) -> ThreadProcess | None:
    """Return the process as which the calling thread holds a descriptor, or None."""
    if HERE.process in one.holders:
        return HERE.process
    thread = HERE.thread  # it may act as another one just now
    return thread.process if thread is not None and thread.process in one.holders else None


def _alone(one: _Held) -> bool:
    return one.holders == {HERE.process}


def check(fd: int) -> None:
    """Raise `OSError` if the calling process closed the descriptor, or never had it."""
    one = held.get(fd)
    if one is not None and _caller(one) is None and one.what == _what(fd):
        raise bad_descriptor()


def close(fd: int) -> None:
    """Close a descriptor for the calling process.

    Raises `OSError` (EBADF) if the process does not hold it.
    """
    with shield:
        # What it is now costs a turn of the GIL to find out, so that is done out of the lock where it can be;
        # the only holder closes it whatever it is.
        one = held.get(fd)
        what = _what(fd) if one is not None and not _alone(one) else None
        with presence.lock:
            mains.discard(fd)
            one = held.get(fd)
            if one is not None and what is None and not _alone(one):
                what = _what(fd)
            if one is not None and one.what == what:
                process = _caller(one)
                if process is None:
                    raise bad_descriptor()
                if not _let_go(fd, one, process):
                    return
            else:
                held.pop(fd, None)
        _real_close(fd)


def _let_go(fd: int, one: _Held, process: ThreadProcess) -> bool:
    """Take a holder away, lock held; returns whether it was the last."""
    one.holders.discard(process)
    if one.holders:
        return False
    held.pop(fd, None)
    return True


def close_held(low: int, high: int) -> None:
    """Close what the calling process holds from ``low`` up to ``high`` (exclusive), and nothing else."""
    last = []
    with shield:
        with presence.lock:
            for fd, one in [(fd, one) for fd, one in list(held.items()) if low <= fd < high]:
                process = _caller(one)
                if process is not None and one.what == _what(fd) and _let_go(fd, one, process):
                    last.append(fd)
        for fd in last:
            _real_close(fd)


def close_range(low: int, high: int) -> None:
    """Close a range for the main program; what children hold as well stays open in these."""
    for fd in sorted(fd for fd in list(held) if low <= fd < high):
        _real_closerange(low, fd)
        try:
            close(fd)
        except OSError:
            pass
        low = fd + 1
    mains.difference_update([fd for fd in mains.copy() if low <= fd < high])
    _real_closerange(low, high)


def replaced(fd: int) -> None:
    """Note that `dup2` put something else behind a number, for whoever held it."""
    with shield, presence.lock:
        held.pop(fd, None)
    opened(fd)


def given_away(fd: int) -> int:
    """Return the descriptor for a C object that is going to own and close it.

    That is a duplicate where other processes hold the descriptor as well.
    """
    one = held.get(fd)
    if one is None:
        return fd
    check(fd)
    with shield, presence.lock:
        process = _caller(one)
        if held.get(fd) is not one or process is None or one.what != _what(fd):
            return fd
        given = fd
        if len(one.holders) > 1:
            given = real_dup(fd)
            _let_go(fd, one, process)
        # A pipe is like no other, so whoever does not hold it can still be told so.  Of a file that may be opened
        # by several, another one could get this number when the object has closed it.
        held.pop(given, None)
        if stat.S_ISFIFO(one.what[2]):
            held[given] = _Held(one.what, process)
            held[given].owned = True
        return given


def owned_by_object(fd: int) -> None:
    """Forget a descriptor that a C object got from Python code (the ``opener`` of `open`)."""
    with shield, presence.lock:
        mains.discard(fd)
        held.pop(fd, None)


# ---------------------------------------------------------------------------------------------------------
# Processes come and go


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if child.method != "fork" or not (mains or held):
        return
    with shield, presence.lock:
        if parent is MAIN:
            while mains:
                try:
                    fd = mains.pop()
                except KeyError:  # another thread has closed the last one in this very moment
                    break
                what = _what(fd)
                if what:
                    held[fd] = _Held(what, MAIN)
        for one in list(held.values()):  # the main program takes some away without the lock
            if parent in one.holders:
                one.holders.add(child)


def _ended(process: ThreadProcess) -> None:
    """Let go what an ended process held.

    A thread of it that is still in C code may be reading one: that number must stay taken until it is out,
    and the other end of a pipe sees the end all the same.
    """
    if not held:
        return
    last = []
    with shield:
        with presence.lock:
            for fd, one in list(held.items()):
                if one.holders != {process}:
                    one.holders.discard(process)
                    if one.holders == {MAIN}:
                        held.pop(fd, None)
                        mains.add(fd)
                elif one.owned or one.what != _what(fd):
                    held.pop(fd, None)
                elif process.threads:
                    _cut_off(fd)
                    one.what = _what(fd)
                else:
                    held.pop(fd, None)
                    last.append(fd)
        for fd in last:
            _real_close(fd)


def _cut_off(fd: int) -> None:
    try:
        null = _real_open(os.devnull, os.O_RDWR)
        try:
            _real_dup2(null, fd, inheritable=False)
        finally:
            _real_close(null)
    except OSError:  # no descriptor is to be had: it stays as it is until the thread is out
        pass


def _left(thread: Thread) -> None:
    # Before the end is known, as well: who has waited for the process finds everything closed.
    process = thread.process
    if process.status is not None and (thread is process.main or not process.threads):
        _ended(process)


def _take_over(process: ThreadProcess) -> None:
    """In the child of a real fork: what the forking process had is real, what it had closed is closed."""
    for fd, one in list(held.items()):
        if process not in one.holders:
            try:
                _real_close(fd)
            except OSError:
                pass
    mains.clear()
    held.clear()


def install() -> None:
    """Count from now on."""
    _identity.at_start(_inherit)
    _identity.at_end(_ended)
    _identity.at_leave(_left)
    presence.on_real_fork(_take_over)
