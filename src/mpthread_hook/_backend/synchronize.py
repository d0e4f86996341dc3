"""`_multiprocessing.SemLock` without a system semaphore; `multiprocessing.synchronize` is built on it.

One unit of the semaphore is one item of a deque, whose `pop` and `append` are atomic with and without the
GIL; so the uncontended path takes no lock and there is no state that a thread killed in the middle of an
operation could leave inconsistent: it either holds a unit or it does not, as after the death of a process.
A thread that finds the deque empty parks on a private lock of its own (`_identity.park`), which makes the
wait interruptible; whoever gives a unit back wakes one of them, and a woken one that cannot use its turn
passes it on.

Ownership is by thread, which here implies the process.  A unit held by a process that dies stays taken, as
a POSIX semaphore does.
"""

from __future__ import annotations

import itertools
from _thread import allocate_lock, get_ident
from collections import deque
from operator import attrgetter
from weakref import WeakValueDictionary

from .._identity import HERE, MAIN, checkpoint, monotonic, park, unlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, NoReturn

RECURSIVE_MUTEX = 0
SEMAPHORE = 1

_handles = itertools.count(1)
# Semaphores by handle and by name, for _rebuild() in children of spawn.  A name keeps its semaphore until
# sem_unlink(), as in the kernel.
_by_handle: WeakValueDictionary[int, SemLock] = WeakValueDictionary()
_by_name: dict[str, SemLock] = {}


class SemLock:
    """A counting semaphore or a recursive lock, shared by all thread processes of the program.

    As the C type of the same name: ``SemLock(kind, value, maxvalue, name, unlink)``.
    """

    __slots__ = (
        "__weakref__",
        "_depth",
        "_owner",
        "_owner_thread",
        "_pop",
        "_units",
        "_waiters",
        "handle",
        "kind",
        "maxvalue",
        "name",
    )

    #: The largest value of a semaphore (POSIX's SEM_VALUE_MAX on Linux).
    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        if kind not in (RECURSIVE_MUTEX, SEMAPHORE):
            raise ValueError("unrecognized kind")
        if value > self.SEM_VALUE_MAX or maxvalue > self.SEM_VALUE_MAX:
            raise OverflowError("Python int too large to convert to C int")
        if value < 0:
            raise OSError(22, "Invalid argument")
        if not unlink:
            with _names_lock:
                if name in _by_name:
                    raise FileExistsError(17, "File exists")
                _by_name[name] = self
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = None if unlink else name
        self.handle = next(_handles)
        self._units: Any = deque((None,) * value) if value <= _DEQUE_LIMIT else _Bulk(value)
        self._pop: Callable[[], object] = self._units.pop
        self._waiters: deque[Any] = deque()
        self._owner = 0
        self._owner_thread: Any = None
        self._depth = 0
        _by_handle[self.handle] = self

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str | None) -> SemLock:
        """Return the semaphore of that handle or name; the same object, since memory is shared."""
        found = _by_handle.get(handle)
        if found is None and name is not None:
            found = _by_name.get(name)
        if found is None:
            raise FileNotFoundError(2, "No such file or directory")
        return found

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a unit; waits while there is none, unless ``block`` is false, at most ``timeout`` seconds."""
        if self.kind == RECURSIVE_MUTEX and self._depth and self._owner == get_ident():
            self._depth += 1
            return True
        return self.take(block, timeout)

    def take(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a unit as `acquire` does, without the question whether the caller has it already."""
        here = HERE.thread
        if here is not None:
            checkpoint()  # a process that has died takes nothing any more
        try:
            self._pop()
        except IndexError:
            free = False  # waits outside: what is raised there has nothing to do with the deque
        else:
            free = True
        if not free and (not block or (timeout is not None and timeout <= 0) or not self._wait(timeout)):
            return False
        self._owner = get_ident()
        self._owner_thread = here
        self._depth += 1
        return True

    def _wait(self, timeout: float | None) -> bool:
        deadline = None if timeout is None else monotonic() + timeout
        waiters = self._waiters
        units, pop = self._units, self._pop
        waiter = allocate_lock()
        waiter.acquire()
        try:
            while True:
                waiters.append(waiter)
                try:
                    pop()
                except IndexError:
                    pass
                else:
                    return True
                left = -1.0 if deadline is None else deadline - monotonic()
                if deadline is not None and left <= 0:
                    return False
                park(waiter, left)
                try:
                    waiters.remove(waiter)
                except ValueError:
                    pass
        finally:
            try:
                waiters.remove(waiter)
            except ValueError:
                pass
            # A turn that was given to this thread and not used belongs to the next one.
            if units and waiters:
                self._wake()

    def _wake(self) -> None:
        try:
            waiter = self._waiters.popleft()
        except IndexError:
            return
        unlock(waiter)

    def release(self, *_exception: object) -> None:
        """Give a unit back; at the end of a ``with`` block, whatever ended it."""
        if self.kind == RECURSIVE_MUTEX:
            if self._owner != get_ident() or not self._depth:
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._depth > 1:
                self._depth -= 1
                return
        elif len(self._units) >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        here = HERE.thread
        if here is not None and here.process.status is not None:
            return  # the process has died: what it held stays taken
        self._depth -= 1
        self._units.append(None)
        if self._waiters:
            self._wake()

    __enter__ = acquire
    __exit__ = release

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_multiprocessing.SemLock' object")

    def _count(self) -> int:
        """Return how often the calling process has taken it and not given it back."""
        owner = self._owner_thread
        return self._depth if (MAIN if owner is None else owner.process) is HERE.process else 0

    def _is_mine(self) -> bool:
        """Return whether the calling thread took it last."""
        return self._depth > 0 and self._owner == get_ident()

    def _get_value(self) -> int:
        """Return the number of free units."""
        return len(self._units)

    def _is_zero(self) -> bool:
        """Return whether no unit is free."""
        return not self._units

    def _after_fork(self) -> None:
        """Do nothing: the object is not copied, so there is nothing to reset."""


class _Bulk:
    """The units of a semaphore whose value is too large to keep one item each."""

    __slots__ = ("_lock", "_value")

    def __init__(self, value: int) -> None:
        self._value = value
        self._lock = allocate_lock()

    def pop(self) -> None:
        """Take one unit; IndexError if there is none."""
        with self._lock:
            if not self._value:
                raise IndexError
            self._value -= 1

    def append(self, _unit: None) -> None:
        """Give one unit back."""
        with self._lock:
            self._value += 1

    def __len__(self) -> int:
        return self._value


_DEQUE_LIMIT = 4096
_names_lock = allocate_lock()


def sem_unlink(name: str) -> None:
    """Remove a named semaphore; FileNotFoundError if there is none of this name."""
    with _names_lock:
        if _by_name.pop(name, None) is None:
            raise FileNotFoundError(2, "No such file or directory")


flags: dict[str, int] = {"HAVE_SEM_OPEN": 1, "HAVE_SEM_TIMEDWAIT": 1}


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.synchronize`: its locks reach ours with as few frames as possible.

    ``with lock:`` looks its methods up on the type, so they are properties that a C function answers.
    """
    served: Any = module
    base = served.SemLock

    def __init__(self: Any, kind: int, value: int, maxvalue: int, *, ctx: Any) -> None:
        if ctx is None:
            ctx = served.context._default_context.get_context()
        self._is_fork_ctx = ctx.get_start_method() == "fork"
        # No name: a child of spawn finds the semaphore by its handle, nothing outlives the program.
        self._semlock = SemLock(kind, value, maxvalue, "", True)
        served.util.debug("created semlock with handle %s", self._semlock.handle)
        self._make_methods()

    def _make_methods(self: Any) -> None:
        semlock = self._semlock
        self.acquire = semlock.acquire if semlock.kind == RECURSIVE_MUTEX else semlock.take
        self.release = self._exit = semlock.release

    base.__init__, base._make_methods = __init__, _make_methods
    base.__enter__ = property(attrgetter("acquire"))
    base.__exit__ = property(attrgetter("_exit"))
