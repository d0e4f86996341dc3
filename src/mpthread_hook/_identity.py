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

import _frozen_importlib
import _signal  # type: ignore[import-not-found]  # typeshed knows `signal` only
import os
import sys
import time
from _thread import RLock, _local, allocate_lock, get_ident
from _thread import start_new_thread as _start_new_thread

from .errors import AbandonedThreadWarning, ProcessStartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Protocol

    class Releasable(Protocol):
        """What a parked thread waits on: a lock, or anything else that `release()` wakes."""

        def release(self) -> None: ...


# The real functions, bound before anything of ours is patched.
real_getpid = os.getpid
real_exit = os._exit
real_read = os.read
real_write = os.write
real_close = os.close
real_dup = os.dup
real_pipe = os.pipe
monotonic = time.monotonic

SIG_DFL = 0
SIG_IGN = 1
SIGKILL = 9
#: The longest a C-level wait takes, in seconds; longer ones are waited for in pieces.
LONGEST = 1e6
#: Seconds that a killed process is given to unwind before its threads are abandoned.
GRACE = 1.0
# Signals whose default action is to do nothing, and those that stop a process, which no thread can do to
# another; by name, because the numbers differ between systems.
_IGNORED_BY_DEFAULT = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGIO", "SIGINFO")
_STOPPING = ("SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")


_AT_SHUTDOWN = "interpreter shutdown"


def real_start_new_thread(
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    late: bool = True,
) -> int:
    """As `_thread.start_new_thread`, also when that refuses because the main program is over (3.12.0).

    Its children may still need threads then.  ``late`` is false for what it asks for itself: that stays refused.
    """
    try:
        return _start_new_thread(function, args, kwargs or {})
    except RuntimeError as error:
        if not late or _AT_SHUTDOWN not in str(error) or sys.is_finalizing():
            raise
        from . import _last_threads  # noqa: PLC0415 - needed there only

        return _last_threads.start(function, args, kwargs or {})


class ProcessExit(SystemExit):
    """Unwinds a thread whose process has ended; a `SystemExit`, so that nobody prints a traceback."""


class Thread:
    """One thread of a thread process."""

    __slots__ = (
        "due",
        "ident",
        "interrupted",
        "late",
        "object",
        "parked",
        "process",
        "shield",
        "stands_for",
        "told",
        "wakeup",
        "watchers",
    )

    def __init__(self, process: ThreadProcess) -> None:
        self.process = process
        self.ident = 0
        self.parked: Releasable | None = None
        #: How many `shield` blocks the thread is in, and what is raised when it has left them.
        self.shield = 0
        self.late: type[BaseException] | None = None
        #: What is raised when it has imported what it is importing.
        self.due: type[BaseException] | None = None
        #: Set when an exception is on its way to the thread; cleared when it parks next.
        self.interrupted = False
        #: Whether the thread has been told, once and for all, that its process has ended.
        self.told = False
        #: Called when the thread has left its process; None once it has.
        self.watchers: list[Callable[[], object]] | None = []
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
        self.pgid: int = parent.pgid if parent is not None else 0
        self.sid: int = parent.sid if parent is not None else 0
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
#: Threads that belong to a process that has ended, and still run.  What is on a hot path tests this first:
#: while it is empty, no process has ended of which anything could still be going on.
FENCED: set[Thread] = set()
#: How many thread processes were ever created (for reports).
created = 0

# Pids lie above what any system hands out (Linux 2**22, macOS 99998, Windows below 2**30 in practice), and
# two hooked programs on one machine seldom share a range, since names of temporary files are made of pids.
_PID_BASE = 1 << 30
_registry_lock = RLock()

_on_start: list[Callable[[ThreadProcess, ThreadProcess], object]] = []
_on_death: list[Callable[[ThreadProcess], object]] = []
_on_enter: list[Callable[[Thread], object]] = []
_on_leave: list[Callable[[Thread], object]] = []
_on_end: list[Callable[[ThreadProcess], object]] = []
_on_unwind: list[Callable[[ProcessExit], object]] = []
#: What the main thread of a process does when its work is over, by what it is about: "threads" joins those
#: of the process, "exit functions" calls them.  Not asked for by the names of the standard library: those
#: are what they were before when somebody has called disable() meanwhile.
ENDINGS: dict[str, Callable[[], object]] = {}


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


def at_enter(function: Callable[[Thread], object]) -> None:
    """Call ``function(thread)`` in every new thread of a thread process, before it does anything."""
    if function not in _on_enter:
        _on_enter.append(function)


def at_leave(function: Callable[[Thread], object]) -> None:
    """Call ``function(thread)`` in every thread of a thread process when it is over; must not block."""
    if function not in _on_leave:
        _on_leave.append(function)


def at_unwind(function: Callable[[ProcessExit], object]) -> None:
    """Call ``function(error)`` in the main thread of a process that ``error`` has unwound."""
    if function not in _on_unwind:
        _on_unwind.append(function)


def at_end(function: Callable[[ThreadProcess], object]) -> None:
    """Call ``function(process)`` when nothing of a process runs any more, before its watchers are called."""
    if function not in _on_end:
        _on_end.append(function)


def _call_all(functions: list[Callable[[Any], object]], argument: Any) -> None:
    """Call each function; one that fails is reported and does not keep the others from running."""
    for function in tuple(functions):
        try:
            function(argument)
        except ProcessExit:
            pass
        except BaseException as error:
            _report(MAIN, error)


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
    forked_by_main = process.method == "fork" and process.parent is MAIN
    try:
        real_start_new_thread(_run, (process, body), None, not forked_by_main)
    except RuntimeError as error:
        _end(process, 1)
        reap(process)
        if forked_by_main and _AT_SHUTDOWN in str(error):
            raise type(error)("can't fork at interpreter shutdown") from None  # as os.fork() itself
        raise ProcessStartError(
            11,  # EAGAIN, what fork() reports when no process is to be had
            f"cannot start thread process {process.name!r}: {error}; the platform gives this program no "
            f"(further) thread: run fewer processes at a time",
        ) from error


def _run(process: ThreadProcess, body: Callable[[], int]) -> None:
    thread = Thread(process)
    process.main = thread
    code = 1
    try:
        _enter(thread)
        checkpoint()  # for signals from before there was a thread to handle them
        code = body()
    except ProcessExit as error:
        _call_all(_on_unwind, error)
    except BaseException as error:  # body() handles everything else itself: report it, do not lose it
        _report(process, error)
    watchers = _leave(thread)
    kill(process, code & 0xFF)
    _left(thread, watchers)
    # What is left to do is the program's: a dead process could close nothing and tell nobody.
    HERE.process, HERE.thread = MAIN, None
    _end(process)


def _enter(thread: Thread) -> None:
    """Make the calling thread one of its process."""
    process = thread.process
    thread.ident = get_ident()
    HERE.process = process
    HERE.thread = thread
    for function in _on_enter:
        function(thread)
    with process.mutex:
        process.threads[thread.ident] = thread
        if process.status is not None:
            FENCED.add(thread)
    if process.status is not None:
        checkpoint()


def _leave(thread: Thread) -> list[Callable[[], object]]:
    """Take the calling thread out of its process; nothing asynchronous reaches it after that.

    Whatever is still under way arrives in here and is dropped, as a signal to a thread that is gone.
    Returns who waits for the thread.
    """
    process = thread.process
    watchers: list[Callable[[], object]] = []
    while True:
        try:
            with process.mutex:
                if process.threads.get(thread.ident) is thread:
                    del process.threads[thread.ident]
                FENCED.discard(thread)
                if thread.watchers is not None:
                    watchers, thread.watchers = thread.watchers, None
            _drain()
            return watchers
        except BaseException:
            continue


def _left(thread: Thread, watchers: list[Callable[[], object]]) -> None:
    HERE.process = MAIN  # what is left to do is the program's: the process may be dead, and fenced
    HERE.thread = None
    _call_all(_on_leave, thread)
    _call_watchers(watchers)


def _call_watchers(watchers: list[Callable[[], object]]) -> None:
    for watcher in watchers:
        try:
            watcher()
        except RuntimeError:  # a lock that was released already
            pass
        except BaseException as error:
            _report(MAIN, error)


def _drain() -> None:
    """Give an asynchronous exception that is still under way a place to arrive."""
    for _ in range(2):
        get_ident()


def _report(process: ThreadProcess, error: BaseException) -> None:
    import traceback  # noqa: PLC0415 - only on an internal fault

    file = process.streams.get("stderr") or sys.stderr
    if file is not None:
        traceback.print_exception(error, file=file)


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
            _drain()
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
                _raise_in(thread, late)


shield = _Shield()


def report_unraisable(error: BaseException, message: str, culprit: object) -> None:
    """Report an exception that nobody can catch, as the interpreter does."""
    from types import SimpleNamespace  # noqa: PLC0415 - only when something fails

    if sys.unraisablehook is not sys.__unraisablehook__:
        arguments: Any = SimpleNamespace(
            exc_type=type(error),
            exc_value=error,
            exc_traceback=error.__traceback__,
            err_msg=message,
            object=culprit,
        )
        sys.unraisablehook(arguments)
    elif sys.stderr is not None:
        import traceback  # noqa: PLC0415 - as above

        print(f"{message}:" if culprit is None else f"{message}: {culprit!r}", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)


def kill(process: ThreadProcess, status: int) -> bool:
    """Fence a process: ``status`` is its exit code, or minus the signal that kills it.

    Holds are released at once; threads that wait in a primitive of ours are woken, the others get an
    asynchronous `ProcessExit`.  Returns False if the process was ending already.  Never blocks.
    """
    if process is MAIN:
        raise ValueError("the main program is not a thread process")
    with shield:
        with process.mutex:
            if process.status is not None:
                return False
            FENCED.update(process.threads.values())  # first: who sees the status must be fenced already
            process.status = status
            process.died_at = monotonic()
            process.state[_KILLING] = False
        try:
            _release_and_wake(process)
        finally:
            with process.mutex:
                end_is_due = process.state.pop(_KILLING)
            if end_is_due:
                _end(process)
    return True


#: In the state of a process while `kill` is at work; True when the process has unwound meanwhile.
_KILLING = "killing"


def _release_and_wake(process: ThreadProcess) -> None:
    here = HERE.thread
    with acting_as(MAIN):  # whoever kills may itself be fenced by now
        _call_all(_on_death, process)
    with process.mutex:
        running = []
        for thread in process.threads.values():
            # Woken inside the mutex: what a thread parks on may be gone once it has left.
            if thread.parked is not None:
                unlock(thread.parked)
            elif thread is not here:
                running.append(thread)
    if running:
        _tell(process, running)
    if process.watchers and here is not process.main:
        # Somebody waits already, perhaps in a select() on the sentinel, where nobody counts seconds.
        _abandon_later(process)


def _tell(process: ThreadProcess, threads: list[Thread]) -> None:
    """Raise `ProcessExit` in threads that run, once in each and in none that found out by itself."""
    _async_raiser()  # imports on first use; nothing may be held then
    with process.mutex:
        for thread in threads:
            if not thread.told and process.threads.get(thread.ident) is thread:
                thread.told = True
                _raise_in(thread, ProcessExit)


def _abandon_later(process: ThreadProcess) -> None:
    with process.mutex:
        if process.ended or "grace" in process.state:
            return
        process.state["grace"] = key = _clock.reserve()
    left = process.died_at + GRACE - monotonic()
    _clock.add(monotonic() + max(0.0, left), lambda: abandon(process), key)


def _end(process: ThreadProcess, code: int | None = None) -> bool:
    """Declare a process ended; returns False if it was already."""
    with shield:
        with process.mutex:
            if process.ended:
                return False
            if _KILLING in process.state:  # whoever learns of the end must find everything released
                process.state[_KILLING] = True
                return True
            if process.status is None:
                process.status = 1 if code is None else code
            process.exitcode = process.status
            process.ended = True
            watchers, process.watchers = process.watchers, []
            process.main = None
            grace = process.state.pop("grace", None)
        if grace is not None:
            cancel(grace)
        for child in list(process.children):
            if child.ended:
                reap(child)
        if process.parent is not None and process.parent.ended:
            reap(process)  # an orphan: nobody else is going to
        with acting_as(MAIN):
            _call_all(_on_end, process)
            _call_watchers(watchers)
    return True


def abandon(process: ThreadProcess) -> None:
    """Declare a killed process ended although its main thread has not unwound, and say so by name.

    A thread that has moved since the last look is not blocked but slow (a busy machine, a long ``finally``):
    it is given more time, up to ten times `GRACE`.
    """
    if process.ended or process.status is None:
        return
    main = process.main
    # One that has left the process runs nothing but the end of `_run`, however slowly.
    if main is not None and (main.watchers is None or _has_moved(process, main)):
        process.died_at += GRACE / 2
        if process.state.pop("grace", None) is not None:
            _abandon_later(process)
        return
    if not _end(process):
        return  # it has unwound in this very moment
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


def _has_moved(process: ThreadProcess, main: Thread) -> bool:
    frame = sys._current_frames().get(main.ident)
    where = None if frame is None else (id(frame), frame.f_lasti)
    if _free_threaded():
        frame = None  # no turn of the GIL to wait for, and those below it must not be looked at
    looks = process.state.setdefault("looks", [])
    looks.append(where)
    if len(looks) >= 20:
        return False
    while frame is not None:
        if frame.f_code is kill.__code__:  # ending itself or another: it waits for its turn, if for anything
            return True
        frame = frame.f_back
    return len(looks) == 1 or looks[-2] != where


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
        _abandon_later(process)
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
                if process.ended or (deadline is not None and monotonic() >= deadline):
                    return process.ended
                continue
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
    return starter(adopt, (Thread(process), function, args, kwargs or {}), **options)


def adopt(
    thread: Thread, function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Call ``function`` in the calling thread, which is new and is to be ``thread`` of its process."""
    try:
        _enter(thread)
        function(*args, **kwargs)
    finally:
        _left(thread, _leave(thread))


def on_the_threshold() -> bool:
    """Return whether the calling thread is one of a thread process, but not in it yet, or not any more.

    It answers as the main program then, and must not run what may wait for that very process.
    """
    if HERE.thread is not None:
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is adopt.__code__ or frame.f_code is _run.__code__:
            return True
        frame = frame.f_back
    return False


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


class acting_as:
    """Let the calling thread answer as ``process`` inside the ``with`` block.

    The thread itself still belongs to its own process, and is unwound when that one dies.
    """

    __slots__ = ("_process", "_saved")

    def __init__(self, process: ThreadProcess) -> None:
        self._process = process

    def __enter__(self) -> None:
        self._saved = HERE.process
        HERE.process = self._process

    def __exit__(self, *exc: object) -> None:
        HERE.process = self._saved


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
            _drain()
        if process.status is None and not (process.pending and thread is process.main):
            taken = waiter.acquire(True, timeout)
    finally:
        thread.parked = outer
    if process.status is not None or process.pending:
        checkpoint()
    return taken


#: The main thread of the program, which the emulation of `threading` knows, and what it is parked on.
programs_thread: int | None = None
_programs_wait: Any = None


def _park_program(waiter: Any, timeout: float) -> bool:
    global _programs_wait
    if get_ident() != programs_thread:
        return waiter.acquire(True, timeout)  # type: ignore[no-any-return]
    outer = _programs_wait
    try:
        _programs_wait = waiter
        return waiter.acquire(True, timeout)  # type: ignore[no-any-return]
    finally:
        _programs_wait = outer


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
        _drain()  # whoever ended the process may have told the thread in this very moment: once is enough
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


_raiser: Callable[[int, type[BaseException]], object] | None = None


def _async_raiser() -> Callable[[int, type[BaseException]], object]:
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
    return lambda ident, exception: set_async_exc(c_ulong(ident), py_object(exception))


def _raise_in(thread: Thread, exception: type[BaseException]) -> None:
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
    thread.interrupted = True
    _async_raiser()(thread.ident, exception)
    if thread.parked is not None:
        unlock(thread.parked)


def _imports(thread: Thread) -> str | None:
    """Return the name of the module that a thread is importing, the outermost one; None if it is not."""
    if _free_threaded():
        return _locks_to_import(thread.ident)
    frame = sys._current_frames().get(thread.ident)
    name = None
    while frame is not None:
        if frame.f_code is _import_code:
            name = frame.f_locals.get("name")
        frame = frame.f_back
    return name


_importing: Any = _frozen_importlib  # what is private in it, and used here, is the same since 3.3
_import_code = _importing._find_and_load.__code__
_gil_is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)


def _free_threaded() -> bool:
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
        # It may have been an inner one: locks, other than frames, do not say which one is the outermost.
        more = _imports(thread) if _free_threaded() else None
    process = thread.process
    _async_raiser()  # may import itself
    with process.mutex:
        if process.threads.get(thread.ident) is thread and thread.due is exception:
            thread.due = None
            if thread.shield:
                thread.late = exception
            else:
                _strike(thread, exception)


# ---------------------------------------------------------------------------------------------------------
# Signals


def _numbers(names: tuple[str, ...]) -> frozenset[int]:
    return frozenset(int(getattr(_signal, name)) for name in names if hasattr(_signal, name))


#: With a number, key in the state of a process: where a signal that is held back comes from.
SIGNAL_ORIGIN = "signal origin"
_ignored = _numbers(_IGNORED_BY_DEFAULT + _STOPPING)
_unblockable = _numbers(("SIGKILL", "SIGSTOP"))


def ignored_by_default(signum: int) -> bool:
    """Return whether a signal without handler does nothing here; one that would stop a process included."""
    return signum in _ignored


def deliver(process: ThreadProcess, signum: int, origin: tuple[int, int, int] | None = None) -> None:
    """Deliver a signal to a thread process: its own handler if it has one, else the default action.

    ``origin`` is what `sigwaitinfo` tells of it: si_code, si_pid and si_status; by default the calling
    process has called kill().

    The handler runs in that process's main thread if it waits in a primitive of ours, else in a thread
    that stands in for it, and what it raises is then raised in the main thread.  Never blocks.
    """
    if signum == 0 or process.ended or process.status is not None:
        return
    here = HERE.thread
    stand_in, fatal = None, False
    with shield:
        with process.mutex:
            handler = process.handlers.get(signum, SIG_DFL) if signum not in _unblockable else SIG_DFL
            if signum in process.blocked and signum not in _unblockable:
                if signum not in process.deferred:
                    process.deferred.append(signum)
                    process.state[SIGNAL_ORIGIN, signum] = origin or (0, HERE.process.pid, 0)
                waiting = process.state.get("sigwait")
                if waiting is not None:
                    unlock(waiting)
                return
            if callable(handler):
                stand_in = _notify(process, signum, here)
            else:
                fatal = handler == SIG_DFL and signum not in _ignored
        if fatal:
            kill(process, -signum)
        elif stand_in is not None:
            _start_stand_in(process, stand_in)
    if here is not None and here.process is process:
        checkpoint()


def _notify(process: ThreadProcess, signum: int, here: Thread | None) -> Thread | None:
    """Note a signal that has a handler, mutex held; returns the stand-in to start if the main thread runs."""
    if signum not in process.pending:  # one that is pending already is not counted again
        process.pending.append(signum)
    fd = process.state.get("wakeup_fd", -1)
    if fd >= 0:
        try:
            real_write(fd, bytes((signum,)))
        except OSError:  # full, or closed: as the interpreter, which warns at most
            pass
    main = process.main
    if main is None or process.threads.get(main.ident) is not main:
        return None  # not started yet: its first checkpoint runs the handler; or over: nobody does
    if main.parked is not None:
        unlock(main.parked)
        return None
    if here is main or (here is not None and here.stands_for is main):
        return None
    stand_in = Thread(process)
    stand_in.stands_for = main
    process.state.setdefault("standing in", []).append(stand_in)
    return stand_in


def _start_stand_in(process: ThreadProcess, thread: Thread) -> None:
    arguments: tuple[Any, ...] = (thread, _stand_in, (thread,), {})
    try:
        real_start_new_thread(adopt, arguments)
    except RuntimeError:  # no thread to be had: the main thread runs the handler when it comes by
        with process.mutex:
            process.state["standing in"].remove(thread)
            watchers, thread.watchers = thread.watchers or [], None
        _left(thread, watchers)


def settle() -> None:
    """Wait until no handler runs in place of the calling main thread, and take what one raised.

    Called where the program changes timers and handlers: after that nothing of the old ones may arrive.
    """
    thread = HERE.thread
    if thread is None or thread is not thread.process.main:
        return
    while True:
        checkpoint()
        with thread.process.mutex:
            standing = list(thread.process.state.get("standing in", ()))
        if not standing:
            _drain()
            return
        wait_thread(standing[0])


def _stand_in(thread: Thread) -> None:
    process, main = thread.process, thread.stands_for
    assert main is not None
    try:
        checkpoint()
    except ProcessExit:
        raise
    except BaseException as error:
        carrier = _carrier(error)
        _async_raiser()
        with process.mutex:
            if process.status is None and process.threads.get(main.ident) is main:
                _raise_in(main, carrier)
    finally:
        with process.mutex:
            process.state["standing in"].remove(thread)


def _carrier(error: BaseException) -> type[BaseException]:
    class Carrier(BaseException):
        """PyThreadState_SetAsyncExc takes a class only; calling this one gives the instance."""

        def __new__(cls) -> BaseException:  # type: ignore[misc]
            return error

    return Carrier


_OURS = __name__.partition(".")[0] + "."


def _run_pending(process: ThreadProcess) -> None:
    while True:
        with process.mutex:
            if not process.pending:
                return
            signum = process.pending.pop(0)
        handler = process.handlers.get(signum, SIG_DFL)
        if callable(handler):
            main = process.main
            if HERE.thread is main or main is None:
                frame: FrameType | None = sys._getframe(1)
            else:
                frame = sys._current_frames().get(main.ident)
            alien = main is not None and HERE.thread is not main and _free_threaded()
            while not alien and frame is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
                frame = frame.f_back  # what was interrupted is the program, not us
            handler(signum, frame)
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

    def reserve(self) -> int:
        """Return a key for a call that is going to be added."""
        with self._lock:
            self._count += 1
            return self._count

    def add(self, when: float, function: Callable[[], object], key: int) -> None:
        with self._lock:
            self._due.append((when, key, function))
            wake, running = self._wake, self._wake is not None
            if not running:
                self._wake = allocate_lock()
                self._wake.acquire()
        if running:
            unlock(wake)
            return
        try:
            real_start_new_thread(self._loop, ())
        except RuntimeError:
            with self._lock:
                self._wake = None  # the next one that adds a call tries again

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
                wake.acquire(True, min(left, LONGEST))
                continue
            try:
                entry[2]()
            except BaseException as error:
                _report(MAIN, error)


_clock = _Clock()


def call_later(seconds: float, function: Callable[[], object]) -> int:
    """Call ``function()`` after ``seconds`` in a thread of the main program; returns a key for `cancel`."""
    key = _clock.reserve()
    with shield:
        _clock.add(monotonic() + seconds, function, key)
    return key


def cancel(key: int) -> None:
    """Take a `call_later` back; nothing happens if it was called already."""
    _clock.cancel(key)


# ---------------------------------------------------------------------------------------------------------
# A real fork, where the platform has it and somebody else uses it


def _after_real_fork() -> None:
    """In the child of a real fork only the calling thread exists, and it is the main program."""
    global _clock, _programs_wait, _registry_lock, programs_thread
    HERE.process = MAIN
    HERE.thread = None
    programs_thread, _programs_wait = get_ident(), None
    MAIN.pid = real_getpid()
    MAIN.mutex = RLock()
    MAIN.children.clear()
    PROCESSES.clear()
    FENCED.clear()
    _registry_lock = RLock()
    _clock = _Clock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)

MAIN.handlers[2] = _signal.default_int_handler
