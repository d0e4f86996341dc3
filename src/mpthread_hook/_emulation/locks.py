"""`threading.Lock` for thread processes: a lock that signals and the end of the process interrupt."""

from __future__ import annotations

import _thread
import sys
from _collections import deque  # type: ignore[import-not-found]  # `collections` is a large module
from _thread import allocate_lock as _allocate_lock

from .._identity import HERE, monotonic, park, unlock
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

functions = Functions(__name__)

_real_allocate_lock = _allocate_lock


class ParkingLock:
    """A lock whose waiting threads park; as `_thread.lock` otherwise.

    The lock itself is a real one that nobody ever blocks on.  Who finds it taken leaves a private lock in
    ``_waiters`` and parks on that; who releases it wakes one of them, which tries again.
    """

    __slots__ = ("__weakref__", "_lock", "_waiters")

    #: What `isinstance` and the words of errors go by.
    __class__ = property(lambda self: _thread.LockType)

    def __init__(self) -> None:
        self._lock = _real_allocate_lock()
        self._waiters: deque[Any] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if timeout != -1:
            _real_allocate_lock().acquire(blocking, timeout)  # raises for what is wrong
        if self._lock.acquire(False):
            return True
        if not blocking:
            return False
        deadline = None if timeout < 0 else monotonic() + timeout
        while not self._try(-1.0 if deadline is None else max(0.0, deadline - monotonic())):
            if deadline is not None and monotonic() >= deadline:
                return False
        return True

    def _try(self, timeout: float) -> bool:
        """Wait to be woken once; returns whether the lock was taken."""
        waiter = _real_allocate_lock()
        waiter.acquire()
        interrupted = True
        self._waiters.append(waiter)
        try:
            if not self._lock.acquire(False):
                park(waiter, timeout)
                taken = self._lock.acquire(False)
            else:
                taken = True
            interrupted = False
            return taken
        finally:
            try:
                self._waiters.remove(waiter)
            except ValueError:
                if interrupted:  # woken, and not going to use it
                    self._wake()

    def _wake(self) -> None:
        try:
            unlock(self._waiters.popleft())
        except IndexError:
            pass

    def release(self) -> None:
        self._lock.release()
        if self._waiters:
            self._wake()

    __enter__ = acquire

    def __exit__(self, *exc: object) -> None:
        self.release()

    def locked(self) -> bool:
        return self._lock.locked()

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def _at_fork_reinit(self) -> None:
        self._lock = _real_allocate_lock()
        self._waiters.clear()

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle '_thread.lock' object")

    def __repr__(self) -> str:
        state = "locked" if self._lock.locked() else "unlocked"
        return f"<{state} _thread.lock object at {id(self):#x}>"


@functions
def allocate_lock(_: object) -> Any:
    """Make a lock: a real one for the main program."""
    return _real_allocate_lock() if HERE.thread is None else ParkingLock()


Lock: Any = allocate_lock

if sys.version_info >= (3, 13):  # there it is a class

    class _LockType(type):
        """Of `threading.Lock`: calling that makes a lock of the right kind."""

        def __call__(cls) -> Any:
            return _real_allocate_lock() if HERE.thread is None else ParkingLock()

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, (_thread.LockType, ParkingLock))

    class _Lock(metaclass=_LockType):
        """Stands for `threading.Lock`."""

        def __init_subclass__(cls) -> None:
            raise TypeError(f"type '{_thread.LockType.__module__}.lock' is not an acceptable base type")

    # The name under which it is found again: managers send it to their server by pickle.
    _Lock.__name__ = _Lock.__qualname__ = "Lock"
    _Lock.__module__ = "threading"
    Lock = _Lock
