"""Signals of thread processes: which never reach the kernel, and are handled by what the process itself has set."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed knows `signal` only
import sys

from . import waits
from .life import adopt, after_leaving, kill
from .records import HERE, SIG_DFL, ProcessExit, Thread, ThreadProcess, real_start_new_thread, real_write
from .waits import (
    alert,
    async_raiser,
    checkpoint,
    drain,
    free_threaded,
    raise_in,
    shield,
    unlock,
    wait_thread,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

# Signals whose default action is to do nothing, and those that stop a process, which no thread can do to
# another; by name, because the numbers differ between systems.
_IGNORED_BY_DEFAULT = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGIO", "SIGINFO")
_STOPPING = ("SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")


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
    if alert(main):
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
        after_leaving(thread, watchers)


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
            drain()
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
        async_raiser()
        with process.mutex:
            if process.status is None and process.threads.get(main.ident) is main:
                raise_in(main, carrier)
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
            alien = main is not None and HERE.thread is not main and free_threaded()
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


waits.run_pending = _run_pending
