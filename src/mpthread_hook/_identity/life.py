"""How a process begins, dies, ends and is waited for, and how its threads come and go."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, get_ident

from . import clock
from .records import (
    AT_SHUTDOWN,
    FENCED,
    GRACE,
    HERE,
    MAIN,
    PROCESSES,
    Mutex,
    ProcessExit,
    Thread,
    ThreadProcess,
    acting_as,
    call_all,
    call_watchers,
    exit_program,
    monotonic,
    on_death,
    on_end,
    on_enter,
    on_leave,
    on_start,
    on_unwind,
    real_start_new_thread,
    report,
)
from .waits import (
    alert,
    async_raiser,
    checkpoint,
    drain,
    free_threaded,
    park,
    raise_in,
    release_imports,
    shield,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_created = 0

# Pids lie above what any system hands out (Linux 2**22, macOS 99998, Windows below 2**30 in practice), and
# two hooked programs on one machine seldom share a range, since names of temporary files are made of pids.
_PID_BASE = 1 << 30
_registry_lock = Mutex()


def create(name: str, method: str) -> ThreadProcess:
    """Make the record of a child of the calling process; nothing runs yet."""
    global _created
    parent = HERE.process
    checkpoint()
    with _registry_lock:
        _created += 1
        pid = _PID_BASE + (MAIN.pid % 1024 << 20) + _created % (1 << 20)
    child = ThreadProcess(pid, parent, name, method)
    for function in on_start:  # those as well that one of them has just added
        function(parent, child)
    with _registry_lock:
        PROCESSES[pid] = child
    parent.children.add(child)
    return child


def created() -> int:
    """Return how many thread processes were ever created."""
    return _created


def start(process: ThreadProcess, body: Callable[[], int]) -> None:
    """Run ``body()`` in a new thread as the main thread of ``process``; what it returns is the exit code.

    Does not wait for the thread.  Raises `ProcessStartError` where the platform gives no thread.
    """
    forked_by_main = process.method == "fork" and process.parent is MAIN
    try:
        real_start_new_thread(_run, (process, body), None, not forked_by_main)
    except RuntimeError as error:
        end(process, 1)
        reap(process)
        if forked_by_main and AT_SHUTDOWN in str(error):
            raise type(error)("can't fork at interpreter shutdown") from None  # as os.fork() itself
        from ..errors import ProcessStartError  # noqa: PLC0415 - errors are loaded where one is raised

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
        enter(thread)
        checkpoint()  # for signals from before there was a thread to handle them
        code = body()
    except ProcessExit as error:
        call_all(on_unwind, error)
    except BaseException as error:  # body() handles everything else itself: report it, do not lose it
        report(process, error)
    if HERE.process is not process:  # a real fork: this thread is all there is of another process of the system
        exit_program(code & 0xFF)
    watchers = leave(thread)
    kill(process, code & 0xFF)
    after_leaving(thread, watchers)
    # What is left to do is the program's: a dead process could close nothing and tell nobody.
    HERE.process, HERE.thread = MAIN, None
    end(process)


def enter(thread: Thread) -> None:
    """Make the calling thread one of its process."""
    process = thread.process
    thread.ident = get_ident()
    HERE.process = process
    HERE.thread = thread
    for function in on_enter:
        function(thread)
    with process.mutex:
        process.threads[thread.ident] = thread
        if process.status is not None:
            FENCED.add(thread)
    if process.status is not None:
        checkpoint()


def leave(thread: Thread) -> list[Callable[[], object]]:
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
            drain()
            release_imports()
            return watchers
        except BaseException:
            continue


def after_leaving(thread: Thread, watchers: list[Callable[[], object]]) -> None:
    HERE.process = MAIN  # what is left to do is the program's: the process may be dead, and fenced
    HERE.thread = None
    call_all(on_leave, thread)
    call_watchers(watchers)


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
        if process.parent is not None:
            process.parent.stirred = True
        try:
            _release_and_wake(process)
        finally:
            with process.mutex:
                end_is_due = process.state.pop(_KILLING)
            if end_is_due:
                end(process)
    return True


#: In the state of a process while `kill` is at work; True when the process has unwound meanwhile.
_KILLING = "killing"


def _release_and_wake(process: ThreadProcess) -> None:
    here = HERE.thread
    with acting_as(MAIN):  # whoever kills may itself be fenced by now
        call_all(on_death, process)
    with process.mutex:
        # Woken inside the mutex: what a thread parks on may be gone once it has left.
        running = [thread for thread in process.threads.values() if not alert(thread) and thread is not here]
    if running:
        _tell(process, running)
    if process.watchers and here is not process.main:
        # Somebody waits already, perhaps in a select() on the sentinel, where nobody counts seconds.
        _abandon_later(process)


def _tell(process: ThreadProcess, threads: list[Thread]) -> None:
    """Raise `ProcessExit` in threads that run, once in each and in none that found out by itself."""
    async_raiser()  # imports on first use; nothing may be held then
    with process.mutex:
        for thread in threads:
            if not thread.told and process.threads.get(thread.ident) is thread:
                thread.told = True
                raise_in(thread, ProcessExit)


def _abandon_later(process: ThreadProcess) -> None:
    with process.mutex:
        if process.ended or "grace" in process.state:
            return
        process.state["grace"] = key = clock.reserve()
    due = process.died_at + GRACE
    clock.call_later(max(0.0, due - monotonic()), lambda: abandon(process, due), key)


def end(process: ThreadProcess, code: int | None = None) -> bool:
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
            clock.cancel(grace)
        for child in list(process.children):
            if child.ended:
                reap(child)
        if process.parent is not None:
            process.parent.stirred = True
            if process.parent.ended:
                reap(process)  # an orphan: nobody else is going to
        with acting_as(MAIN):
            call_all(on_end, process)
            call_watchers(watchers)
    return True


def abandon(process: ThreadProcess, due: float | None = None) -> None:
    """Declare a killed process ended although its main thread has not unwound, and say so by name.

    A thread that has moved since the last look is not blocked but slow (a busy machine, a long ``finally``):
    it is given more time, up to ten times `GRACE`.  So is one of which that cannot be said, because the caller
    itself got no turn when it meant to look, which was ``due``.
    """
    if process.ended or process.status is None:
        return
    main = process.main
    # One that has left the process runs nothing but the end of `_run`, however slowly.
    if main is not None and (main.watchers is None or _has_moved(process, main, due)):
        process.died_at += GRACE / 2
        if process.state.pop("grace", None) is not None:
            _abandon_later(process)
        return
    if not end(process):
        return  # it has unwound in this very moment
    import warnings  # noqa: PLC0415 - rare, and warnings is heavy at start-up

    from ..errors import AbandonedThreadWarning  # noqa: PLC0415 - as above

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


def _has_moved(process: ThreadProcess, main: Thread, due: float | None) -> bool:
    frame = sys._current_frames().get(main.ident)
    where = None if frame is None else (id(frame), frame.f_lasti)
    if free_threaded():
        frame = None  # no turn of the GIL to wait for, and those below it must not be looked at
    looks = process.state.setdefault("looks", [])
    looks.append(where)
    if len(looks) >= 20:
        return False
    if due is not None and monotonic() - due > GRACE / 10:
        return True
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
                due = process.died_at + GRACE
                if process.status is not None and monotonic() >= due:
                    abandon(process, due)
                if process.ended or (deadline is not None and monotonic() >= deadline):
                    return process.ended
                continue
            park(waiter, left)
    finally:
        unwatch(process, release)
    return True


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
        enter(thread)
        function(*args, **kwargs)
    finally:
        after_leaving(thread, leave(thread))


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


def _after_real_fork() -> None:
    global _registry_lock
    _registry_lock = Mutex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)
