"""`_multiprocessing.SemLock` without a system semaphore; `multiprocessing.synchronize` is built on it.

One unit of the semaphore is one item of a list, whose `pop` and `append` are atomic with and without the
GIL; so the uncontended path takes no lock and there is no state that a thread killed in the middle of an
operation could leave inconsistent: it either holds a unit or it does not, as after the death of a process.
A thread that finds the list empty parks on a private lock of its own (`_identity.park`), which makes the
wait interruptible; whoever gives a unit back wakes one of them, and a woken one that cannot use its turn
passes it on.

Ownership is by thread, which here implies the process.  A unit held by a process that dies stays taken, as
a POSIX semaphore does.

The methods say the same thing several times over, because a frame costs as much as the rest of them: once
for each kind (`take` and `give`, `give_lock`, `give_semaphore`, `take_again` and `give_again`), once for ``with``
blocks of the served classes.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from operator import attrgetter, index
from weakref import WeakValueDictionary

from .._arguments import as_real
from .._identity import (
    FENCED,
    HERE,
    MAIN,
    PROCESSES,
    DeadlinePassed,
    Mutex,
    WaitQueue,
    at_leave,
    checkpoint,
    discard,
    monotonic,
    park,
)
from .util import counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn

    from .._identity import Thread

RECURSIVE_MUTEX = 0
SEMAPHORE = 1

_next_handle = counter(1)
_NOBODY: list[Any] = []
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
        "_guard",
        "_initial",
        "_owner",
        "_sleepers",
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
        value = index(value)
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
        self.handle = _next_handle()
        self._units: Any = [None] * value if value <= _LIST_LIMIT else _Bulk(value)
        self._waiters = WaitQueue(self._units)
        #: Who waits for a condition, on the semaphore that stands for that; changed under the condition's lock.
        self._sleepers: list[Any] = _NOBODY
        #: On the semaphore that is the flag of an event: makes setting it and waking who waits one step.
        self._guard: Any = None
        self._initial = value
        #: The number of the thread that took it last, or minus the pid of its process once that thread is gone.
        self._owner = 0
        #: How often the owner has a recursive lock; not used for semaphores, whose units say it.
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
        return self.take(block, timeout) if self.kind != RECURSIVE_MUTEX else self.take_again(block, timeout)

    def take_again(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a recursive lock, which the caller may have already."""
        if self._depth:
            if self._owner == get_ident():
                self._depth += 1
                return True
        elif not FENCED and timeout is None:
            try:
                self._units.pop()
            except IndexError:
                pass
            else:
                self._owner = get_ident()
                self._depth = 1
                return True
        if self.take(block, timeout):
            self._depth = 1
            return True
        return False

    def take(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a unit as `acquire` does, without the question whether the caller has it already."""
        if FENCED:
            checkpoint()  # a process that has died takes nothing any more
        if timeout is not None:
            timeout = as_real(timeout)
        try:
            self._units.pop()
        except IndexError:
            pass  # waits outside: what is raised there has nothing to do with the list
        else:
            self._owner = get_ident()
            return True
        if not block or (timeout is not None and timeout <= 0) or not self._wait(timeout):
            return False
        self._owner = get_ident()
        return True

    def _wait(self, timeout: float | None) -> bool:
        try:
            self._waiters.wait(self._units.pop, None if timeout is None else monotonic() + timeout)
        except DeadlinePassed:
            return False
        return True

    def release(self) -> None:
        """Give a unit back."""
        if self.kind != RECURSIVE_MUTEX:
            self.give()
        else:
            self.give_again()

    def give_again(self) -> None:
        """Give a recursive lock back, once."""
        if self._owner != get_ident() or not self._depth:
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if self._depth > 1:
            self._depth -= 1
        elif not FENCED or not _is_fenced():
            self._depth = 0
            self._units.append(None)
            if self._waiters:
                self._waiters.wake()

    def give_lock(self) -> None:
        """Give the only unit back, whoever has it."""
        units = self._units
        if units or FENCED:
            self.give()
            return
        units.append(None)
        if self._waiters:
            self._waiters.wake()

    def give_semaphore(self) -> None:
        """Give a unit back to a semaphore that has no limit which could ever be reached."""
        if FENCED and _is_fenced():
            return
        self._units.append(None)
        if self._waiters:
            self._waiters.wake()

    def give(self) -> None:
        """Give a unit back, whoever has it; that of a semaphore."""
        units = self._units
        if len(units) >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        if FENCED and _is_fenced():
            return  # the process has died: what it held stays taken
        units.append(None)
        if self._waiters:
            self._waiters.wake()

    __enter__ = acquire

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_multiprocessing.SemLock' object")

    def _held(self) -> int:
        """Return how many units are taken; of a recursive lock, how often."""
        return self._depth if self.kind == RECURSIVE_MUTEX else max(0, self._initial - len(self._units))

    def _count(self) -> int:
        """Return how often the calling process has taken it and not given it back."""
        held = self._held()
        if not held or self._owner == get_ident():
            return held
        return held if _pid_of(self._owner) == HERE.process.pid else 0

    def _is_mine(self) -> bool:
        """Return whether the calling thread took it last."""
        return self._owner == get_ident() and self._held() > 0

    def _get_value(self) -> int:
        """Return the number of free units."""
        return len(self._units)

    def _is_zero(self) -> bool:
        """Return whether no unit is free."""
        return not self._units

    def _after_fork(self) -> None:
        """Do nothing: the object is not copied, so there is nothing to reset."""


def _disown(thread: Thread) -> None:
    """Leave what a thread has taken to its process: the next thread, of whatever process, may get the same number."""
    refs: list[Any] = []
    while _by_handle:
        try:
            refs = _by_handle.valuerefs()
            break
        except RuntimeError:  # another thread has just made one (without a GIL)
            continue
    for ref in refs:
        lock = ref()
        if lock is not None and lock._owner == thread.ident and lock._held():
            lock._owner = -thread.process.pid


at_leave(_disown)


def _is_fenced() -> bool:
    thread = HERE.thread
    return thread is not None and thread.process.status is not None


def _pid_of(owner: int) -> int:
    """Return the pid of the process of a thread that took something; one that is gone was the program's."""
    if owner < 0:
        return -owner
    for process in list(PROCESSES.values()):
        if owner in process.threads:
            return process.pid
    return MAIN.pid


class _Bulk:
    """The units of a semaphore whose value is too large to keep one item each."""

    __slots__ = ("_lock", "_value")

    def __init__(self, value: int) -> None:
        self._value = value
        self._lock = Mutex()

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


_LIST_LIMIT = 4096
_names_lock = Mutex()


def sem_unlink(name: str) -> None:
    """Remove a named semaphore; FileNotFoundError if there is none of this name."""
    with _names_lock:
        if _by_name.pop(name, None) is None:
            raise FileNotFoundError(2, "No such file or directory")


flags: dict[str, int] = {"HAVE_SEM_OPEN": 1, "HAVE_SEM_TIMEDWAIT": 1}


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.synchronize`: its locks reach ours with as few frames as possible."""
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
        if semlock.kind == RECURSIVE_MUTEX:
            self.acquire, self.release = semlock.take_again, semlock.give_again
        elif semlock.maxvalue == 1:
            self.acquire, self.release = semlock.take, semlock.give_lock
        elif semlock.maxvalue == SemLock.SEM_VALUE_MAX and type(semlock._units) is list:
            self.acquire, self.release = semlock.take, semlock.give_semaphore
        else:
            self.acquire, self.release = semlock.take, semlock.give

    base.__init__, base._make_methods = __init__, _make_methods
    base.__enter__, base.__exit__ = _enter, _exit
    served.Lock.__enter__ = served.Semaphore.__enter__ = _enter_one
    served.Lock.__exit__ = _exit_one
    served.RLock.__enter__, served.RLock.__exit__ = _enter_recursive, _exit_recursive
    _put(served.Condition, wait=_wait_for_notice, notify=_notify)
    served.Condition.__repr__ = _show_condition
    # `with` looks its methods up on the type: properties that a C function answers save a frame.
    served.Condition.__enter__ = property(attrgetter("_lock.__enter__"))
    served.Condition.__exit__ = property(attrgetter("_lock.__exit__"))
    _install_event(served.Event)


def _put(cls: Any, **methods: Any) -> None:
    """Make functions of ours methods of a served class, under the names that they are known by there."""
    for name, method in methods.items():
        method.__name__, method.__qualname__, method.__module__ = name, f"{cls.__name__}.{name}", cls.__module__
        setattr(cls, name, method)


def _enter(self: Any) -> bool:
    """Take it, as `SemLock.acquire` does."""
    semlock = self._semlock
    if not FENCED and semlock.kind != RECURSIVE_MUTEX:
        try:
            semlock._units.pop()
        except IndexError:
            pass
        else:
            semlock._owner = get_ident()
            return True
    return semlock.acquire()  # type: ignore[no-any-return]


def _exit(self: Any, _kind: object = None, _value: object = None, _traceback: object = None) -> None:
    """Give it back, as `SemLock.release` does."""
    semlock = self._semlock
    units = semlock._units
    if FENCED or semlock.kind == RECURSIVE_MUTEX or len(units) >= semlock.maxvalue:
        semlock.release()
        return
    units.append(None)
    if semlock._waiters:
        semlock._waiters.wake()


def _enter_one(self: Any) -> bool:
    """Take it, as `SemLock.take` does."""
    semlock = self._semlock
    if not FENCED:
        try:
            semlock._units.pop()
        except IndexError:
            pass
        else:
            semlock._owner = get_ident()
            return True
    return semlock.take()  # type: ignore[no-any-return]


def _exit_one(self: Any, _kind: object = None, _value: object = None, _traceback: object = None) -> None:
    """Give it back, as `SemLock.give_lock` does."""
    semlock = self._semlock
    units = semlock._units
    if units or FENCED:
        semlock.give()
        return
    units.append(None)
    if semlock._waiters:
        semlock._waiters.wake()


def _enter_recursive(self: Any) -> bool:
    """Take it, as `SemLock.acquire` does."""
    semlock = self._semlock
    if not semlock._depth and not FENCED:
        try:
            semlock._units.pop()
        except IndexError:
            pass
        else:
            semlock._owner = get_ident()
            semlock._depth = 1
            return True
    return semlock.acquire()  # type: ignore[no-any-return]


def _exit_recursive(
    self: Any, _kind: object = None, _value: object = None, _traceback: object = None
) -> None:
    """Give it back, as `SemLock.release` does."""
    semlock = self._semlock
    if FENCED or semlock._depth != 1 or semlock._owner != get_ident():
        semlock.release()
        return
    semlock._depth = 0
    semlock._units.append(None)
    if semlock._waiters:
        semlock._waiters.wake()


# ---------------------------------------------------------------------------------------------------------
# Conditions.  The stdlib's are made of three semaphores, and `notify` waits until the woken have said so, which
# under a GIL is three changes of thread where one does.  Who waits has a lock of its own here, in a list.


def _wait_for_notice(self: Any, timeout: float | None = None) -> bool:
    """Give the lock back, wait to be notified, at most ``timeout`` seconds, and take it again."""
    lock = self._lock
    assert lock._semlock._is_mine(), "must acquire() condition before using wait()"
    semlock = self._wait_semaphore._semlock
    if semlock._sleepers is _NOBODY:
        semlock._sleepers = []
    sleepers = semlock._sleepers
    waiter = allocate_lock()
    waiter.acquire()
    count, released = lock._semlock._count(), 0
    notified, asleep = True, False
    try:
        sleepers.append(waiter)
        asleep = True
        for _ in range(count):
            lock.release()
            released += 1
        _sleep(sleepers, waiter, timeout)
        asleep = False
    finally:
        if waiter in sleepers[:]:
            try:
                sleepers.remove(waiter)
                notified = False
            except ValueError:  # in this very moment
                pass
        if notified and asleep:
            _wake_sleepers(sleepers, 1)  # it was for this thread, which cannot make use of it
        for _ in range(released):
            lock.acquire()
    return notified


def _sleep(sleepers: list[Any], waiter: Any, timeout: float | None) -> None:
    deadline = None if timeout is None else monotonic() + as_real(timeout)
    # Not if it was only a signal.  In a copy: a look at the list itself could miss one that moves up (without the GIL).
    while waiter in sleepers[:]:
        left = -1.0 if deadline is None else deadline - monotonic()
        if deadline is not None and left <= 0:
            return
        park(waiter, left)


def _notify(self: Any, n: int = 1) -> None:
    """Wake ``n`` of those that wait."""
    assert self._lock._semlock._is_mine(), "lock is not owned"
    if FENCED:
        checkpoint()
    _wake_sleepers(self._wait_semaphore._semlock._sleepers, n)


def _wake_sleepers(sleepers: list[Any], number: int) -> None:
    while sleepers and number > 0:
        try:
            sleepers.pop(0).release()
        except IndexError:
            return
        except RuntimeError:  # woken by a signal in this very moment
            pass
        number -= 1


def _show_condition(self: Any) -> str:
    """Return the lock and how many wait."""
    return f"<{type(self).__name__}({self._lock}, {len(self._wait_semaphore._semlock._sleepers)})>"


# ---------------------------------------------------------------------------------------------------------
# Events.  The stdlib's take a condition's lock and a semaphore at every step; here the flag is looked at as it is.
# Setting it and waking who waits are one step for who clears it and waits again at once: hence the guard, which
# nobody holds for longer than that takes.


def _install_event(event: Any) -> None:
    stock_init = event.__init__

    def __init__(self: Any, *, ctx: Any) -> None:
        stock_init(self, ctx=ctx)
        self._flag._semlock._guard = Mutex()

    event.__init__ = __init__
    _put(event, is_set=_is_set, set=_set, clear=_clear, wait=_wait_for_event)


def _is_set(self: Any) -> bool:
    """Return whether the flag is set."""
    if FENCED:
        checkpoint()
    return bool(self._flag._semlock._units)


def _set(self: Any) -> None:
    """Set the flag and wake everybody who waits for that."""
    if FENCED:
        checkpoint()
    flag = self._flag._semlock
    with flag._guard:
        if not flag._units:
            flag._units.append(None)
        sleepers = self._cond._wait_semaphore._semlock._sleepers
        if sleepers:
            _wake_sleepers(sleepers, len(sleepers))


def _clear(self: Any) -> None:
    """Take the flag back."""
    if FENCED:
        checkpoint()
    flag = self._flag._semlock
    with flag._guard:
        flag._units.clear()


def _wait_for_event(self: Any, timeout: float | None = None) -> bool:
    """Wait until the flag is set, at most ``timeout`` seconds; returns whether it was."""
    if FENCED:
        checkpoint()
    flag = self._flag._semlock
    if flag._units:
        return True
    semlock = self._cond._wait_semaphore._semlock
    waiter = allocate_lock()
    waiter.acquire()
    with flag._guard:
        if flag._units:
            return True
        if semlock._sleepers is _NOBODY:
            semlock._sleepers = []
        sleepers = semlock._sleepers
        sleepers.append(waiter)
    try:
        _sleep(sleepers, waiter, timeout)
        return waiter not in sleepers[:]
    finally:
        if waiter in sleepers[:]:
            discard(sleepers, waiter)
