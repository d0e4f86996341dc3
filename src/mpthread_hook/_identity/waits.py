"""How threads wait, and how something reaches a thread that waits, runs or imports.

Every wait of ours ends in `park()`.  A thread that runs Python code is reached by an asynchronous exception.
"""

from __future__ import annotations

import _frozen_importlib
import _imp
import os
import sys
from _thread import allocate_lock, get_ident

from .records import HERE, LONGEST, ProcessExit, Thread, ThreadProcess, monotonic, real_start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .records import Releasable

#: Runs the pending signal handlers of a process.  `signals` puts it here: it knows this module, not the other way.
run_pending: Callable[[ThreadProcess], object]


def drain() -> None:
    """Give an asynchronous exception that is still under way a place to arrive."""
    for _ in range(2):
        get_ident()


class _Shield:
    """Keeps asynchronous exceptions out of a block: what must be finished once it was begun.

    ``with shield:`` - they arrive right after the block instead.  For code of ours that never blocks.
    """

    def __enter__(self) -> None:
        thread = HERE.thread
        if thread is None:
            return
        depth = thread.shield
        try:
            with thread.process.mutex:
                thread.shield = depth + 1
            drain()
        except BaseException:
            thread.shield = depth
            raise

    def __exit__(self, *exc: object) -> None:
        thread = HERE.thread
        if thread is None:
            return
        with thread.process.mutex:
            thread.shield -= 1
            late = None
            if thread.shield == 0:
                late, thread.late = thread.late, None
            if late is not None:
                raise_in(thread, late)


shield = _Shield()


def park(waiter: Any, timeout: float = -1.0) -> bool:
    """Block on ``waiter``, a lock that is held, until somebody releases it; the one way we wait.

    Seconds in ``timeout``; negative waits for ever.  Returns whether the lock was taken, which may also
    mean that a signal arrived: its handler has then run, and the caller looks at its own state again.
    Raises `ProcessExit` when the caller's process has ended, and whatever a signal handler raises.
    """
    if timeout > LONGEST:  # noqa: PLR1730 - min() takes four times as long, and every wait comes through here
        timeout = LONGEST
    thread = HERE.thread
    if thread is None:
        return _park_program(waiter, timeout)
    process = thread.process
    taken = False
    outer = thread.parked
    try:
        # Without the mutex: whoever alerts the thread notes that first and looks at `parked` then, and this is
        # the other way round.  So one of them sees the other; a lock that is released once too often
        # was private to this wait.
        thread.parked = waiter
        if thread.interrupted:
            # A call of C would begin before what was raised arrives; it does in here.
            thread.interrupted = False
            drain()
        if process.status is None and not (process.pending and thread is process.main):
            taken = waiter.acquire(True, timeout)
    finally:
        thread.parked = outer
    if process.status is not None or process.pending:
        checkpoint()
    return taken


#: The main thread of the program, and what it is parked on.
_programs_thread: int | None = None
_programs_wait: Any = None


def watch_program(ident: int | None) -> None:
    """Say which thread is the main thread of the program: `threading` knows."""
    global _programs_thread
    _programs_thread = ident


def _park_program(waiter: Any, timeout: float) -> bool:
    global _programs_wait
    if get_ident() != _programs_thread:
        return waiter.acquire(True, timeout)  # type: ignore[no-any-return]
    outer = _programs_wait
    try:
        _programs_wait = waiter
        return waiter.acquire(True, timeout)  # type: ignore[no-any-return]
    finally:
        _programs_wait = outer


#: The innermost frame of a thread that waits runs one of these.
CODE_OF_WAITS = frozenset((park.__code__, _park_program.__code__))


def alert_program() -> None:
    """Have the main thread of the program look for signals, after one was sent to the program.

    Its wait in the system is interrupted by a signal, but not if that came just before the wait and after the
    last look, which is where a thread that gives up the GIL stands while another one sends the signal.
    """
    waiter = _programs_wait
    if waiter is not None:
        unlock(waiter)


def checkpoint() -> None:
    """Raise `ProcessExit` if the caller's process has ended; run its pending signal handlers."""
    thread = HERE.thread
    if thread is None:
        return
    process = thread.process
    if process.status is not None:
        with process.mutex:
            thread.told = True
            thread.due = None
        drain()  # whoever ended the process may have told the thread in this very moment: once is enough
        raise ProcessExit(process.status)
    if process.pending and (thread is process.main or thread.stands_for is process.main):
        run_pending(process)  # noqa: F821 - assigned by `signals`


def fenced() -> bool:
    """Return whether the calling thread's process has ended, so that nothing it does may have an effect."""
    return HERE.process.status is not None


def unlock(waiter: Releasable) -> None:
    """Wake whoever is parked on ``waiter``; harmless if it was woken already."""
    try:
        waiter.release()
    except RuntimeError:  # released by its real waker in the same moment
        pass


def discard(waiters: list[Any], waiter: Any) -> None:
    """Take a waiter out of a list, if it is in there."""
    try:
        waiters.remove(waiter)
    except ValueError:
        pass


#: How many real forks lie between the first program and this one.
_forks = 0
#: So many threads of a queue are on their way to what they wait for at the same time.
_ENOUGH = 16


class DeadlinePassed(TimeoutError):
    """A wait was over before there was anything; not what a signal handler raises that has run meanwhile."""


class WaitQueue(list):  # type: ignore[type-arg]
    """Threads that wait until there is something in ``stock``, a list or deque; the first come is the first called.

    An item is there for whoever takes it, also for threads that never waited.  Who adds one calls `wake` then, if
    the queue is not empty.
    """

    __slots__ = ("_called", "_forks", "_stock")

    def __init__(self, stock: Any) -> None:
        self._stock = stock
        #: Those that were woken and have not looked yet.
        self._called: list[Any] = []
        self._forks = _forks

    def wake(self) -> None:
        """Wake the thread that has waited longest, unless enough are on their way.

        Each of those wakes the next one if it leaves something.  Thousands that were woken at once would all stand in
        line for the GIL, and take the processors from the one that has it.
        """
        called = self._called
        waiter: Any = None
        if self._forks != _forks:
            self._forget()
        try:
            # Who has its lock again is as good as there.  So is one that never will be, because whoever called it was
            # ended meanwhile.
            while self and (
                len(called) < _ENOUGH or [waiter.locked() for waiter in called[:]].count(False) < _ENOUGH
            ):
                try:
                    waiter = self[0]
                except IndexError:
                    return
                # There first, and then out of the queue: a thread that leaves finds itself in one of them.
                called.append(waiter)
                try:
                    self.remove(waiter)
                except ValueError:  # it has left, or somebody else has called it
                    discard(called, waiter)
                    continue
                try:
                    waiter.release()
                except RuntimeError:  # woken by a signal in this very moment: it looks for items anyway
                    pass
                return
        except BaseException:
            # Ended in the middle of it: whoever might have been called looks for itself.
            for one in (waiter, *self[:_ENOUGH]):
                if one is not None:
                    unlock(one)
            raise

    def wake_all(self) -> None:
        """Wake every thread, because there will be nothing any more."""
        for waiter in self[:] + self._called[:]:
            unlock(waiter)

    def _forget(self) -> None:
        # A real fork copies the queue, but not the threads in it.
        self._forks = _forks
        self.clear()
        self._called.clear()

    def wait(self, take: Callable[[], Any], deadline: float | None, source: Any = None) -> Any:
        """Return what ``take()`` takes from the stock, as soon as it does not raise `IndexError`.

        `DeadlinePassed` past the deadline; EOFError when there is nothing and a ``source`` is not ``open`` any more.
        """
        stock, called = self._stock, self._called
        if self._forks != _forks:
            self._forget()
        waiter = allocate_lock()
        waiter.acquire()
        try:
            while True:
                try:
                    self.append(waiter)
                    over = source is not None and not source.open  # first: what came before the end is taken before it
                    if stock:  # looked at first, because an exception costs more than that
                        try:
                            return take()
                        except IndexError:
                            pass
                    if over:
                        raise EOFError
                    left = -1.0 if deadline is None else deadline - monotonic()
                    if deadline is not None and left <= 0:
                        raise DeadlinePassed
                    park(waiter, left)
                finally:
                    # Nothing of Python is called here: a thread that is told to end would be so before it has left.
                    try:
                        (self or called).remove(waiter)
                    except ValueError:
                        try:
                            called.remove(waiter)
                        except ValueError:  # nobody has called it in earnest
                            pass
                if stock:  # before it stands in line again, which it seldom has to
                    try:
                        return take()
                    except IndexError:
                        pass
        finally:
            # A turn that this thread had and did not use, or an item that was added while enough were on their way.
            if stock and self:
                self.wake()


def alert(thread: Thread) -> bool:
    """Wake a thread that is parked, so that it looks at what has become of it; returns whether it was."""
    parked = thread.parked  # once: the wait may be over in between (without the GIL)
    if parked is None:
        return False
    unlock(parked)
    return True


def wait_thread(thread: Thread, timeout: float = -1.0) -> bool:
    """Block until a thread has left its process; returns whether it has.  Negative waits for ever."""
    waiter = allocate_lock()
    waiter.acquire()
    with thread.process.mutex:
        if thread.watchers is None:
            return True
        release = waiter.release
        thread.watchers.append(release)
    deadline = monotonic() + timeout
    try:
        while thread.watchers is not None:
            left = deadline - monotonic() if timeout >= 0 else -1.0
            if timeout >= 0 and left <= 0:
                return False
            park(waiter, left)
    finally:
        with thread.process.mutex:
            if thread.watchers is not None and release in thread.watchers:
                thread.watchers.remove(release)
    return True


# ---------------------------------------------------------------------------------------------------------
# Exceptions in other threads


_raiser: Callable[[int, type[BaseException]], object] | None = None


def async_raiser() -> Callable[[int, type[BaseException]], object]:
    """Return the function that raises an exception in another thread; imports on first use."""
    global _raiser
    if _raiser is None:
        _raiser = _find_raiser()
    return _raiser


def _find_raiser() -> Callable[[int, type[BaseException]], object]:
    try:
        # Only here, because it costs 10 ms and is needed only to stop a thread that runs Python code.
        from ctypes import c_ulong, py_object, pythonapi  # noqa: PLC0415

        set_async_exc = pythonapi.PyThreadState_SetAsyncExc
    except (ImportError, AttributeError):
        return lambda _ident, _exception: None  # a platform that cannot
    if sys.version_info[:2] == (3, 14):
        from opcode import opmap  # noqa: PLC0415 - as above

        _opcodes.update(opmap)
    return lambda ident, exception: set_async_exc(c_ulong(ident), py_object(exception))


def raise_in(thread: Thread, exception: type[BaseException]) -> None:
    """Raise ``exception`` in a thread at its next bytecode, or when it has left its `shield` blocks.

    With the mutex held, and for a thread that is in ``threads`` only: its number may be another's later.
    A thread that imports something finishes that first: modules are shared, and half of one is of no use.
    """
    if thread.shield:
        if thread.late is None or exception is ProcessExit:
            thread.late = exception
        return
    name = _imports(thread)
    if name is not None:
        thread.due = exception
        try:
            real_start_new_thread(_raise_after_import, (thread, exception, name))
            return
        except RuntimeError:  # no thread to be had
            thread.due = None
    _strike(thread, exception)


def _strike(thread: Thread, exception: type[BaseException]) -> None:
    """Raise ``exception`` in a thread at its next bytecode; one that waits is woken, or does not begin to."""
    if _is_entering(thread):
        thread.due = exception
        try:
            real_start_new_thread(_strike_inside, (thread, exception))
            return
        except RuntimeError:  # no thread to be had
            thread.due = None
    thread.interrupted = True
    async_raiser()(thread.ident, exception)
    alert(thread)


def _is_entering(thread: Thread) -> bool:
    """Return whether what is raised in a thread now is likely to arrive at the ``__enter__`` of a ``with`` statement.

    3.14, unlike all before it and 3.15, raises it right behind that call, and is not in the statement yet: a lock that
    was taken would stay taken.  It arrives where a thread stands that waits in a call of C, and at the next call,
    or jump backwards, of one that waits for the GIL.
    """
    if not _opcodes or free_threaded():
        return False
    call, enter = _opcodes["CALL"], _opcodes["LOAD_SPECIAL"]
    frame = sys._current_frames().get(thread.ident)
    waits = True  # in the call at which it stands
    for _ in range(_DEEPEST):
        if frame is None:
            break
        code, at = frame.f_code.co_code, frame.f_lasti
        if at >= 2 and waits and code[at] == call and code[at - 2] == enter:
            return True
        if at >= 0 and code[at] == _opcodes["JUMP_BACKWARD"]:
            at -= 2 * code[at + 1] - 2  # one unit of two bytes is the cache
        for next_one in range(at + 2, len(code), 2):
            if code[next_one] == call:
                return next_one >= 2 and code[next_one - 2] == enter
            if code[next_one] == _opcodes["RETURN_VALUE"]:
                break
        frame, waits = frame.f_back, False
    return False


#: So many frames that return one after the other are looked at.
_DEEPEST = 5
#: The numbers of these instructions, where such an exception leaves a lock taken; `async_raiser` loads them.
_opcodes: dict[str, int] = {}


def _strike_inside(thread: Thread, exception: type[BaseException]) -> None:
    """Raise ``exception`` in a thread once it is through with an ``__enter__``, unless it has found out by itself."""
    process, pause = thread.process, allocate_lock()
    pause.acquire()
    while thread.due is exception and process.threads.get(thread.ident) is thread and _is_entering(thread):
        # Nobody is told when somebody else's lock has been taken.
        pause.acquire(True, 1.0 if process.ended else 0.001)
    _raise_due(thread, exception)


def _raise_due(thread: Thread, exception: type[BaseException]) -> None:
    """Raise what a thread is due, if it has neither left nor found out by itself."""
    process = thread.process
    with process.mutex:
        if process.threads.get(thread.ident) is thread and thread.due is exception:
            thread.due = None
            if thread.shield:
                thread.late = exception
            else:
                _strike(thread, exception)


def _imports(thread: Thread) -> str | None:
    """Return the name of the module that a thread is importing, the outermost one; None if it is not."""
    if free_threaded():
        return _locks_to_import(thread.ident)
    frame = sys._current_frames().get(thread.ident)
    name = None
    while frame is not None:
        if frame.f_code in _import_codes:
            name = frame.f_locals.get("name")
        frame = frame.f_back
    return name


_importing: Any = _frozen_importlib  # what is private in it, and used here, is the same since 3.3
# A statement that finds the module there waits for its lock all the same, and a lock that is given up calls back.
_get_lock_code = _importing._get_module_lock.__code__
_import_codes = {_importing._find_and_load.__code__, _importing._lock_unlock_module.__code__, _get_lock_code}
_import_codes.update(one for one in _get_lock_code.co_consts if isinstance(one, type(_get_lock_code)))
_gil_is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)


def free_threaded() -> bool:
    """Return whether threads run at the same time: the frames of one that runs must not be looked into then."""
    return _gil_is_enabled is not None and not _gil_is_enabled()


def _locks_to_import(ident: int) -> str | None:
    """Return the name of a module whose import lock a thread has or waits for; None if there is none."""
    for name, reference in _importing._module_locks.copy().items():
        lock = reference()
        if lock is not None and getattr(lock, "owner", None) == ident:
            return str(name)
    for lock in tuple(_importing._blocking_on.get(ident, ())):
        return str(lock.name)
    return None


def _raise_after_import(thread: Thread, exception: type[BaseException], name: str) -> None:
    """Raise ``exception`` in a thread once it has imported a module, unless it has found out by itself."""
    more: str | None = name
    while more is not None:
        _importing._lock_unlock_module(more)  # waits for whoever imports it
        # It may have been an inner one, as locks, other than frames, do not say which one is the outermost; or
        # the thread imports the next one by now.
        more = _imports(thread)
    async_raiser()  # may import itself
    _raise_due(thread, exception)


def release_imports() -> None:
    """Give up every lock of the import system that the calling thread, which ends, has.

    An exception that arrives between such a lock and the ``try`` behind it leaves it taken, and everybody else would
    wait for ever; to look where a thread is before it is struck makes that rare, and not more.
    """
    try:
        while True:
            _imp.release_lock()
    except RuntimeError:  # this thread does not have it
        pass
    if not _importing._module_locks:
        return
    ident = get_ident()
    for reference in list(_importing._module_locks.values()):
        lock = reference()
        while lock is not None and getattr(lock, "owner", None) == ident:
            lock.release()


def _after_real_fork() -> None:
    global _programs_wait, _programs_thread, _forks
    _programs_thread, _programs_wait = get_ident(), None
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)
