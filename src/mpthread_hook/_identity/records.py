"""What a process is: its record, the threads' records, who the calling thread is, and who wants to be told of what."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed knows `signal` only
import os
import sys
import time
from _thread import RLock, _local
from _thread import start_new_thread as _start_new_thread

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


#: What guards state that threads of processes share, which may be ended at any moment: a recursive lock.
Mutex: Any = RLock

if sys.version_info[:2] == (3, 14):

    class Mutex(RLock):  # type: ignore[no-redef,misc]
        """A lock for ``with`` that is not left taken by an exception which arrives while it is being taken.

        3.14, unlike all before it and 3.15, raises what is asynchronous right behind the call of ``__enter__``, and is
        not in the statement yet.  Behind the call of `acquire` in here, it is in another one.
        """

        __slots__ = ()

        def __enter__(self) -> bool:  # type: ignore[override]
            depth = self._recursion_count()
            try:
                self.acquire()
            except BaseException:
                while self._recursion_count() > depth:
                    self.release()
                raise
            return True


AT_SHUTDOWN = "interpreter shutdown"
#: Under this a process has, in its state, a pickler for what plain pickling fails at, if not the usual one.
PICKLER = "pickler"


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
        if not late or AT_SHUTDOWN not in str(error) or sys.is_finalizing():
            raise
        from .. import _last_threads  # noqa: PLC0415 - needed there only

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
        "doing",
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
        "started",
        "state",
        "status",
        "stirred",
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
        #: When it was made, in seconds of `monotonic`.
        self.started = monotonic()
        #: What it does, in words for people; adapters know.
        self.doing = ""
        #: The `multiprocessing.process.BaseProcess` that shows for this record.
        self.object: Any = None
        # Re-entrant: the collector may run while it is held, and finalizers may ask for it.
        self.mutex = Mutex()
        self.threads: dict[int, Thread] = {}
        self.main: Thread | None = None
        self.children: set[ThreadProcess] = set()
        #: Whether one of them may have ended since its parent looked; who has thousands does not go through all.
        self.stirred = False
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


on_start: list[Callable[[ThreadProcess, ThreadProcess], object]] = []
on_death: list[Callable[[ThreadProcess], object]] = []
on_enter: list[Callable[[Thread], object]] = []
on_leave: list[Callable[[Thread], object]] = []
on_end: list[Callable[[ThreadProcess], object]] = []
on_unwind: list[Callable[[ProcessExit], object]] = []
on_exit: list[Callable[[], object]] = []
#: What the main thread of a process does when its work is over, by what it is about: "threads" joins those of the
#: process, "executors" ends those of `concurrent.futures`, "exit functions" calls them.  Not asked for by the names of
#: the standard library: those are what they were before when somebody has called disable() meanwhile.
ENDINGS: dict[str, Callable[[], object]] = {}


def current() -> ThreadProcess:
    """Return the record of the process that the calling thread belongs to."""
    return HERE.process


def at_start(function: Callable[[ThreadProcess, ThreadProcess], object]) -> None:
    """Call ``function(parent, child)`` in the parent's thread whenever a thread process is created."""
    if function not in on_start:
        on_start.append(function)


def at_death(function: Callable[[ThreadProcess], object]) -> None:
    """Call ``function(process)`` when a process is fenced, in whichever thread fenced it; must not block."""
    if function not in on_death:
        on_death.append(function)


def at_enter(function: Callable[[Thread], object]) -> None:
    """Call ``function(thread)`` in every new thread of a thread process, before it does anything."""
    if function not in on_enter:
        on_enter.append(function)


def at_leave(function: Callable[[Thread], object]) -> None:
    """Call ``function(thread)`` in every thread of a thread process when it is over; must not block."""
    if function not in on_leave:
        on_leave.append(function)


def at_unwind(function: Callable[[ProcessExit], object]) -> None:
    """Call ``function(error)`` in the main thread of a process that ``error`` has unwound."""
    if function not in on_unwind:
        on_unwind.append(function)


def at_end(function: Callable[[ThreadProcess], object]) -> None:
    """Call ``function(process)`` when nothing of a process runs any more, before its watchers are called."""
    if function not in on_end:
        on_end.append(function)


def at_exit(function: Callable[[], object]) -> None:
    """Call ``function()`` before the program itself ends by `os._exit`, which runs no exit functions."""
    if function not in on_exit:
        on_exit.append(function)


def exit_program(status: int) -> None:
    """End the program, and all of its processes, at once."""
    call_watchers(on_exit)
    real_exit(status)


def call_all(functions: list[Callable[[Any], object]], argument: Any) -> None:
    """Call each function; one that fails is reported and does not keep the others from running."""
    for function in tuple(functions):
        try:
            function(argument)
        except ProcessExit:
            pass
        except BaseException as error:
            report(MAIN, error)


def call_watchers(watchers: list[Callable[[], object]]) -> None:
    for watcher in watchers:
        try:
            watcher()
        except RuntimeError:  # a lock that was released already
            pass
        except BaseException as error:
            report(MAIN, error)


def report(process: ThreadProcess, error: BaseException) -> None:
    import traceback  # noqa: PLC0415 - only on an internal fault

    file = process.streams.get("stderr") or sys.stderr
    if file is not None:
        traceback.print_exception(error, file=file)


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


# In the child of a real fork, where the platform has it and somebody else uses it


def _after_real_fork() -> None:
    """Only the calling thread exists there, and it is the main program: what its process had is the program's."""
    forking = HERE.process
    if forking is not MAIN:
        MAIN.object = forking.object
        MAIN.state.clear()
        MAIN.state.update(forking.state)
    HERE.process = MAIN
    HERE.thread = None
    MAIN.pid = real_getpid()
    MAIN.mutex = Mutex()
    MAIN.children.clear()
    PROCESSES.clear()
    FENCED.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)

MAIN.handlers[2] = _signal.default_int_handler
