"""Which process am I?  The record of every thread process, and the few things that everything asks of it.

A *thread process* is a record (`ThreadProcess`) and the threads that belong to it.  A thread finds its
record through `HERE`, a C-level thread-local whose *class* attributes answer for every thread that was
never told otherwise: so the main program pays one attribute look-up (about 45 ns) and stores nothing,
and no `contextvars.Context().run()` can make a thread forget whose it is.

Death is logical first and physical second.  `kill()` fences the record (`status` is set): from that
moment its holds are released and every primitive of ours that one of its threads touches raises
`ProcessExit` or does nothing, exactly as if the process were gone.  Its threads then unwind; one that is
blocked in foreign C code is given `GRACE` seconds by whoever waits for the process, and abandoned by name.

Waiting: every wait of ours ends in `park()`, on a private lock that the waker releases.  `kill()` and
`deliver()` release it too, so a wait never outlives the process, and needs no polling.

Loaded early: imports only what every interpreter has loaded when `site` runs.
"""

from __future__ import annotations

import os
import sys
import time
from _signal import default_int_handler
from _thread import RLock, _local, allocate_lock, get_ident
from _thread import start_new_thread as real_start_new_thread

from .errors import AbandonedThreadWarning, ProcessStartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Releasable(Protocol):
        """What a parked thread waits on: a lock, or anything else that `release()` wakes."""

        def release(self) -> None: ...


# The real functions, bound before anything of ours is patched.
real_getpid = os.getpid
real_exit = os._exit
monotonic = time.monotonic

SIG_DFL = 0
SIG_IGN = 1
SIGKILL = 9
#: Seconds that a killed process is given to unwind before its threads are abandoned.
GRACE = 1.0
# Signals whose default action is to do nothing; by name, because the numbers differ between systems.
_IGNORED_BY_DEFAULT = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGIO", "SIGINFO")


class ProcessExit(SystemExit):
    """Unwinds a thread whose process has ended; a `SystemExit`, so that nobody prints a traceback."""


class Thread:
    """One thread of a thread process."""

    __slots__ = ("ident", "object", "parked", "process", "stands_for", "wakeup")

    def __init__(self, process: ThreadProcess) -> None:
        self.process = process
        self.ident = get_ident()
        self.parked: Releasable | None = None
        #: The `threading.Thread` that shows for this thread, where one was made (see _emulation).
        self.object: Any = None
        #: Set on a thread that runs a signal handler in place of the main thread.
        self.stands_for: Thread | None = None
        #: A pipe that ends a `select` of this thread, made on first demand (see _emulation).
        self.wakeup: Any = None


class ThreadProcess:
    """The record of one process; `MAIN` is the program itself, every other one is made of threads."""

    __slots__ = (
        "__weakref__",
        "argv",
        "atexit",
        "blocked",
        "children",
        "deferred",
        "died_at",
        "ended",
        "environ",
        "exitcode",
        "fds",
        "handlers",
        "handles",
        "main",
        "method",
        "mutex",
        "name",
        "object",
        "parent",
        "pending",
        "pgid",
        "pid",
        "sid",
        "state",
        "status",
        "streams",
        "threads",
        "watchers",
    )

    def __init__(self, pid: int, parent: ThreadProcess | None, name: str, method: str) -> None:
        self.pid = pid
        self.parent = parent
        self.name = name
        #: Start method: "main", "fork", "spawn" or "forkserver".
        self.method = method
        #: The `multiprocessing.process.BaseProcess` that shows for this record.
        self.object: Any = None
        # Re-entrant: the collector may run while it is held, and finalizers may ask for it.
        self.mutex = RLock()
        self.threads: dict[int, Thread] = {}
        self.main: Thread | None = None
        self.children: set[ThreadProcess] = set()
        #: Exit status once the process is ending: the exit code, or minus the signal.  Not None = fenced.
        self.status: int | None = None
        self.died_at = 0.0
        #: True when nothing of the process runs any more (or it was abandoned); `exitcode` is then set.
        self.ended = False
        self.exitcode: int | None = None
        self.watchers: list[Callable[[], object]] = []
        # Signals: handlers by number, those waiting to be handled, those held back by the mask.
        self.handlers: dict[int, Any] = {}
        self.pending: list[int] = []
        self.blocked: frozenset[int] = frozenset()
        self.deferred: list[int] = []
        # What the process owns; copied from the parent by the functions registered with `at_start`.
        self.streams: dict[str, Any] = {}
        self.fds: dict[int, int | None] = {}
        self.environ: Any = None
        self.argv: Any = None
        self.atexit: list[Any] = []
        self.handles: dict[Any, None] = {}
        self.pgid = parent.pgid if parent is not None else 0
        self.sid = parent.sid if parent is not None else 0
        #: Anything else that is per process, keyed by its owner.
        self.state: dict[Any, Any] = {}

    def __repr__(self) -> str:
        if self.ended:
            state = f"ended, exitcode={self.exitcode}"
        elif self.status is not None:
            state = f"ending, status={self.status}"
        else:
            state = f"{len(self.threads)} threads"
        return f"<ThreadProcess {self.name!r} pid={self.pid} {state}>"


#: The program itself.
MAIN = ThreadProcess(real_getpid(), None, "MainProcess", "main")


class _Here(_local):
    """Per-thread answers; the class attributes are those of every thread of the main program."""

    process: ThreadProcess = MAIN
    thread: Thread | None = None


HERE = _Here()

#: Live and not yet reaped thread processes by pid; the main program is not in it.
PROCESSES: dict[int, ThreadProcess] = {}
#: How many thread processes were ever created (for reports).
created = 0

# Pids lie above what any system hands out (Linux 2**22, macOS 99998, Windows below 2**30 in practice), and
# two hooked programs on one machine seldom share a range, since names of temporary files are made of pids.
_PID_BASE = 1 << 30
_registry_lock = RLock()

_on_start: list[Callable[[ThreadProcess, ThreadProcess], object]] = []
_on_death: list[Callable[[ThreadProcess], object]] = []


def current() -> ThreadProcess:
    """Return the record of the process that the calling thread belongs to."""
    return HERE.process


def at_start(function: Callable[[ThreadProcess, ThreadProcess], object]) -> None:
    """Call ``function(parent, child)`` in the parent's thread whenever a thread process is created."""
    if function not in _on_start:
        _on_start.append(function)


def at_death(function: Callable[[ThreadProcess], object]) -> None:
    """Call ``function(process)`` when a process is fenced, in whichever thread fenced it; must not block."""
    if function not in _on_death:
        _on_death.append(function)


# ---------------------------------------------------------------------------------------------------------
# Life


def create(name: str, method: str) -> ThreadProcess:
    """Make the record of a child of the calling process; nothing runs yet."""
    global created
    parent = HERE.process
    checkpoint()
    with _registry_lock:
        created += 1
        pid = _PID_BASE + (MAIN.pid % 1024 << 20) + created % (1 << 20)
    child = ThreadProcess(pid, parent, name, method)
    for function in _on_start:
        function(parent, child)
    with _registry_lock:
        PROCESSES[pid] = child
    parent.children.add(child)
    return child


def start(process: ThreadProcess, body: Callable[[], int]) -> None:
    """Run ``body()`` in a new thread as the main thread of ``process``; what it returns is the exit code.

    Does not wait for the thread.  Raises `ProcessStartError` where the platform gives no thread.
    """
    try:
        real_start_new_thread(_run, (process, body))
    except RuntimeError as error:
        _end(process, 1)
        reap(process)
        raise ProcessStartError(
            11,  # EAGAIN, what fork() reports when no process is to be had
            f"cannot start thread process {process.name!r}: {error}; the platform gives this program no "
            f"(further) thread: run fewer processes at a time",
        ) from error


def _run(process: ThreadProcess, body: Callable[[], int]) -> None:
    thread = Thread(process)
    HERE.process = process
    HERE.thread = thread
    code = 1
    try:
        try:
            with process.mutex:
                process.main = process.threads[thread.ident] = thread
            checkpoint()
            code = body()
        except ProcessExit:
            pass
        except BaseException as error:  # body() handles everything else itself: report it, do not lose it
            _report(process, error)
        kill(process, code & 0xFF)
        _drain()
    except ProcessExit:
        _drain()
    _end(process)


def _drain() -> None:
    """Give an asynchronous exception that is still under way a place to arrive."""
    for _ in range(2):
        get_ident()


def _report(process: ThreadProcess, error: BaseException) -> None:
    import traceback  # noqa: PLC0415 - only on an internal fault

    traceback.print_exception(error, file=process.streams.get("stderr") or sys.stderr)


def kill(process: ThreadProcess, status: int) -> bool:
    """Fence a process: ``status`` is its exit code, or minus the signal that kills it.

    Holds are released at once; threads that wait in a primitive of ours are woken, the others get an
    asynchronous `ProcessExit`.  Returns False if the process was ending already.  Never blocks.
    """
    if process is MAIN:
        raise ValueError("the main program is not a thread process")
    with process.mutex:
        if process.status is not None:
            return False
        process.status = status
        process.died_at = monotonic()
        threads = list(process.threads.values())
        parked = [(thread, thread.parked) for thread in threads]
    for function in _on_death:
        function(process)
    here = HERE.thread
    for thread, waiter in parked:
        if waiter is not None:
            unlock(waiter)
        elif thread is not here:
            _raise_in(thread, ProcessExit)
    if process.watchers and here is not process.main:
        # Somebody waits already, perhaps in a select() on the sentinel, where nobody would count seconds.
        call_later(GRACE, lambda: abandon(process))
    return True


def _end(process: ThreadProcess, code: int | None = None) -> None:
    with process.mutex:
        if process.ended:
            return
        if process.status is None:
            process.status = 1 if code is None else code
        process.exitcode = process.status
        process.ended = True
        watchers, process.watchers = process.watchers, []
        process.threads.clear()
        process.main = None
    for child in list(process.children):
        if child.ended:
            reap(child)
    for watcher in watchers:
        watcher()


def abandon(process: ThreadProcess) -> None:
    """Declare a killed process ended although its main thread has not unwound, and say so by name."""
    if process.ended or process.status is None:
        return
    main = process.main
    _end(process)
    import warnings  # noqa: PLC0415 - rare, and warnings is heavy at start-up

    where = ""
    frame = sys._current_frames().get(main.ident) if main is not None else None
    if frame is not None:
        where = f" at {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
    warnings.warn(
        f"thread process {process.name!r} (pid {process.pid}) was ended while blocked in foreign code"
        f"{where}; its thread cannot be unwound and was abandoned",
        AbandonedThreadWarning,
        stacklevel=2,
    )


def reap(process: ThreadProcess) -> None:
    """Forget an ended process, as `waitpid` does: its pid is then unknown."""
    with _registry_lock:
        PROCESSES.pop(process.pid, None)
    if process.parent is not None:
        process.parent.children.discard(process)


def poll(process: ThreadProcess) -> int | None:
    """Return the exit code, or None while the process is alive."""
    if not process.ended and process.status is not None and monotonic() - process.died_at > GRACE:
        abandon(process)
    return process.exitcode


def watch(process: ThreadProcess, function: Callable[[], object]) -> bool:
    """Call ``function()`` once when the process has ended; returns False if it has already."""
    with process.mutex:
        if process.ended:
            return False
        process.watchers.append(function)
        dying = process.status is not None
    if dying:
        call_later(max(0.0, process.died_at + GRACE - monotonic()), lambda: abandon(process))
    return True


def unwatch(process: ThreadProcess, function: Callable[[], object]) -> None:
    """Take a `watch` back; nothing happens if it was called already."""
    with process.mutex:
        if function in process.watchers:
            process.watchers.remove(function)


def wait(process: ThreadProcess, timeout: float | None = None) -> bool:
    """Block until the process has ended, for at most ``timeout`` seconds; returns whether it has."""
    if process.ended:
        return True
    deadline = None if timeout is None else monotonic() + timeout
    waiter = allocate_lock()
    waiter.acquire()
    with process.mutex:
        if process.ended:
            return True
        release = waiter.release
        process.watchers.append(release)
    try:
        while not process.ended:
            limits = [] if deadline is None else [deadline]
            if process.status is not None:
                limits.append(process.died_at + GRACE)
            left = min(limits) - monotonic() if limits else -1.0
            if limits and left <= 0:
                if process.status is not None and monotonic() >= process.died_at + GRACE:
                    abandon(process)
                return process.ended
            park(waiter, left)
    finally:
        unwatch(process, release)
    return True


# ---------------------------------------------------------------------------------------------------------
# Threads and waiting


def spawn_thread(
    process: ThreadProcess,
    function: Callable[..., object],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    *,
    starter: Callable[..., Any] = real_start_new_thread,
    **options: Any,
) -> Any:
    """Start a thread that belongs to ``process`` and return what ``starter`` returns."""
    return starter(_adopted, (process, function, args, kwargs or {}), **options)


def _adopted(
    process: ThreadProcess, function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    thread = Thread(process)
    HERE.process = process
    HERE.thread = thread
    with process.mutex:
        process.threads[thread.ident] = thread
    try:
        checkpoint()
        function(*args, **kwargs)
    finally:
        with process.mutex:
            if process.threads.get(thread.ident) is thread:
                del process.threads[thread.ident]


class acting_as:  # noqa: N801 - a context manager, named as the stdlib names its own
    """Let the calling thread answer as ``process`` inside the ``with`` block."""

    __slots__ = ("_process", "_saved")

    def __init__(self, process: ThreadProcess) -> None:
        self._process = process

    def __enter__(self) -> None:
        self._saved = HERE.process, HERE.thread
        HERE.process = self._process
        HERE.thread = self._process.main if self._process.main is self._saved[1] else None

    def __exit__(self, *exc: object) -> None:
        HERE.process, HERE.thread = self._saved


def park(waiter: Any, timeout: float = -1.0) -> bool:
    """Block on ``waiter``, a lock that is held, until somebody releases it; the one way we wait.

    Seconds in ``timeout``; negative waits for ever.  Returns whether the lock was taken, which may also
    mean that a signal arrived: its handler has then run, and the caller looks at its own state again.
    Raises `ProcessExit` when the caller's process has ended, and whatever a signal handler raises.
    """
    thread = HERE.thread
    if thread is None:
        return waiter.acquire(True, timeout)  # type: ignore[no-any-return]
    process = thread.process
    with process.mutex:
        alerted = process.status is not None or (process.pending and thread is process.main)
        if not alerted:
            thread.parked = waiter
    if alerted:
        checkpoint()
        return False
    try:
        taken: bool = waiter.acquire(True, timeout)
    finally:
        thread.parked = None
    if process.status is not None or process.pending:
        checkpoint()
    return taken


def checkpoint() -> None:
    """Raise `ProcessExit` if the caller's process has ended; run its pending signal handlers."""
    thread = HERE.thread
    if thread is None:
        return
    process = thread.process
    if process.status is not None:
        raise ProcessExit(process.status)
    if process.pending and (thread is process.main or thread.stands_for is process.main):
        _run_pending(process)


def fenced() -> bool:
    """Return whether the calling thread's process has ended, so that nothing it does may have an effect."""
    return HERE.process.status is not None


def unlock(waiter: Releasable) -> None:
    """Wake whoever is parked on ``waiter``; harmless if it was woken already."""
    try:
        waiter.release()
    except RuntimeError:  # released by its real waker in the same moment
        pass


def _raise_in(thread: Thread, exception: type[BaseException]) -> bool:
    """Raise ``exception`` in another thread at its next bytecode; False where the platform cannot."""
    try:
        # Only here, because it costs 10 ms and is needed only to stop a thread that runs Python code.
        from ctypes import c_ulong, py_object, pythonapi  # noqa: PLC0415

        return bool(pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident), py_object(exception)))
    except (ImportError, AttributeError):
        return False


# ---------------------------------------------------------------------------------------------------------
# Signals


def ignored_by_default(signum: int) -> bool:
    """Return whether the default action of a signal is to do nothing."""
    import _signal  # noqa: PLC0415 - loaded in every interpreter; kept out of the module's names

    return signum in {getattr(_signal, name, None) for name in _IGNORED_BY_DEFAULT}


def deliver(process: ThreadProcess, signum: int) -> None:
    """Deliver a signal to a thread process: its own handler if it has one, else the default action.

    The handler runs in that process's main thread if it waits in a primitive of ours, else in a thread
    that stands in for it, and what it raises is then raised in the main thread.  Never blocks.
    """
    if signum == 0 or process.ended or process.status is not None:
        return
    handler = process.handlers.get(signum, SIG_DFL) if signum != SIGKILL else SIG_DFL
    if handler is None or handler == SIG_IGN:
        return
    if handler == SIG_DFL:
        if not ignored_by_default(signum):
            kill(process, -signum)
        return
    with process.mutex:
        if signum in process.blocked:
            if signum not in process.deferred:
                process.deferred.append(signum)
            return
        process.pending.append(signum)
        main = process.main
        waiter = main.parked if main is not None else None
    if main is None:
        return  # not started yet: its first checkpoint runs the handler
    if waiter is not None:
        unlock(waiter)
    elif main is HERE.thread:
        checkpoint()
    else:
        spawn_thread(process, _stand_in, (main,))


def _stand_in(main: Thread) -> None:
    thread = HERE.thread
    assert thread is not None
    thread.stands_for = main
    try:
        checkpoint()
    except ProcessExit:
        raise
    except BaseException as error:
        _raise_in(main, _carrier(error))


def _carrier(error: BaseException) -> type[BaseException]:
    class Carrier(BaseException):
        """PyThreadState_SetAsyncExc takes a class only; calling this one gives the instance."""

        def __new__(cls) -> BaseException:  # type: ignore[misc]
            return error

    return Carrier


def _run_pending(process: ThreadProcess) -> None:
    while True:
        with process.mutex:
            if not process.pending:
                return
            signum = process.pending.pop(0)
        handler = process.handlers.get(signum, SIG_DFL)
        if callable(handler):
            handler(signum, sys._getframe(2))
        elif handler == SIG_DFL and not ignored_by_default(signum):
            kill(process, -signum)
            raise ProcessExit(-signum)


def unblock(process: ThreadProcess, blocked: frozenset[int]) -> None:
    """Set the signal mask of a process and deliver what was held back and no longer is."""
    with process.mutex:
        process.blocked = blocked
        free = [signum for signum in process.deferred if signum not in blocked]
        process.deferred = [signum for signum in process.deferred if signum in blocked]
    for signum in free:
        deliver(process, signum)


# ---------------------------------------------------------------------------------------------------------
# Time: one thread for all alarms, alive only while there is one


class _Clock:
    """Calls functions later, from one thread that exists only while something is due."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._wake: Any = None

    def add(self, when: float, function: Callable[[], object]) -> int:
        with self._lock:
            self._count += 1
            entry = (when, self._count, function)
            self._due.append(entry)
            wake, running = self._wake, self._wake is not None
            if not running:
                self._wake = allocate_lock()
                self._wake.acquire()
        if running:
            unlock(wake)
        else:
            real_start_new_thread(self._loop, ())
        return entry[1]

    def cancel(self, key: int) -> None:
        with self._lock:
            self._due = [entry for entry in self._due if entry[1] != key]
            wake = self._wake
        if wake is not None:
            unlock(wake)

    def _loop(self) -> None:
        while True:
            with self._lock:
                if not self._due:
                    self._wake = None
                    return
                entry = min(self._due)
                left = entry[0] - monotonic()
                wake = self._wake
                if left <= 0:
                    self._due.remove(entry)
            if left > 0:
                wake.acquire(True, left)
                continue
            try:
                entry[2]()
            except BaseException as error:
                _report(MAIN, error)


_clock = _Clock()


def call_later(seconds: float, function: Callable[[], object]) -> int:
    """Call ``function()`` after ``seconds`` in a thread of the main program; returns a key for `cancel`."""
    return _clock.add(monotonic() + seconds, function)


def cancel(key: int) -> None:
    """Take a `call_later` back; nothing happens if it was called already."""
    _clock.cancel(key)


# ---------------------------------------------------------------------------------------------------------
# A real fork, where the platform has it and somebody else uses it


def _after_real_fork() -> None:
    """In the child of a real fork only the calling thread exists, and it is the main program."""
    global HERE, _clock, _registry_lock
    HERE.process = MAIN
    HERE.thread = None
    MAIN.pid = real_getpid()
    MAIN.mutex = RLock()
    MAIN.children.clear()
    PROCESSES.clear()
    _registry_lock = RLock()
    _clock = _Clock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)

MAIN.handlers[2] = default_int_handler
