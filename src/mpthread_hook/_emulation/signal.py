"""Signals of a thread process: handlers, mask, timers and waiting for them.

The mask of a process is that of its main thread; other threads only remember what they set.  Timers that
count processor time (`ITIMER_VIRTUAL`, `ITIMER_PROF`) count elapsed time, since there is no clock of that
kind for a group of threads.
"""

from __future__ import annotations

import _signal as _core  # type: ignore[import-not-found]  # typeshed knows `signal` only
import errno
import os
import signal as _real
from _operator import index
from _thread import allocate_lock
from _thread import interrupt_main as _real_interrupt_main

from .._arguments import as_int, as_seconds
from .._identity import (
    HERE,
    LONGEST,
    MAIN,
    PROCESSES,
    SIG_DFL,
    SIG_IGN,
    SIGNAL_ORIGIN,
    Mutex,
    Thread,
    ThreadProcess,
    at_death,
    at_start,
    call_later,
    cancel,
    checkpoint,
    deliver,
    monotonic,
    park,
    settle,
    shield,
    unblock,
)
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

functions = Functions(__name__)


def _of(name: str) -> Any:
    return getattr(_real, name, None)


_real_signal, _real_getsignal = _real.signal, _real.getsignal
_real_set_wakeup_fd, _real_raise_signal = _real.set_wakeup_fd, _real.raise_signal
_real_alarm, _real_setitimer, _real_getitimer = _of("alarm"), _of("setitimer"), _of("getitimer")
_real_pause, _real_sigwait, _real_sigpending = _of("pause"), _of("sigwait"), _of("sigpending")
_real_sigwaitinfo, _real_sigtimedwait = _of("sigwaitinfo"), _of("sigtimedwait")
_real_pthread_sigmask, _real_pthread_kill = _of("pthread_sigmask"), _of("pthread_kill")
_real_siginterrupt = _of("siginterrupt")

_SIGINT = int(_real.SIGINT)
# si_code of Linux, the system with sigwaitinfo(): sent to a thread, sent by the kernel.
_SI_TKILL, _SI_KERNEL = -6, 0x80
_UNCATCHABLE = frozenset(int(number) for number in (_of("SIGKILL"), _of("SIGSTOP")) if number)
# Ignored by the interpreter itself, in every program that it starts.
_IGNORED_AT_START = frozenset(int(number) for number in (_of("SIGPIPE"), _of("SIGXFSZ")) if number)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if child.method == "fork":
        child.handlers = parent.handlers.copy()
        child.blocked = parent.blocked
        return
    # A new program: what was ignored stays ignored, everything else is as at its start.
    child.handlers = {number: SIG_IGN for number, handler in parent.handlers.items() if handler == SIG_IGN}
    child.handlers.update(dict.fromkeys(_IGNORED_AT_START, SIG_IGN))
    child.handlers.setdefault(_SIGINT, _real.default_int_handler)
    child.blocked = parent.blocked


at_start(_inherit)


def mirror_main() -> None:
    """Note the handlers that the main program has, for its children."""
    for number in _core.valid_signals():  # those of `signal` make an enum of each number and handler
        handler = _core.getsignal(number)
        if handler != SIG_DFL:
            MAIN.handlers[number] = _plain(handler)


def _plain(handler: Any) -> Any:
    return int(handler) if isinstance(handler, int) else handler


def _shown(handler: Any) -> Any:
    return _real.Handlers(handler) if type(handler) is int else handler


def _check_number(signum: Any) -> int:
    number = as_int(signum)
    if not 1 <= number < _real.NSIG:
        raise ValueError("signal number out of range")
    return number


def _is_main(thread: Thread) -> bool:
    main = thread.process.main
    return thread is main or thread.stands_for is main


@functions
def signal(_: object, signalnum: int, handler: Any) -> Any:
    """As `signal.signal`: in the main thread of a thread process, for that process."""
    thread = HERE.thread
    if thread is None:
        old = _real_signal(signalnum, handler)
        MAIN.handlers[int(signalnum)] = _plain(handler)
        return old
    settle()
    if not _is_main(thread):
        raise ValueError("signal only works in main thread of the main interpreter")
    number = _check_number(signalnum)
    if not callable(handler) and handler not in (SIG_DFL, SIG_IGN):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    if number in _UNCATCHABLE:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    handlers = thread.process.handlers
    previous = handlers.get(number, SIG_DFL)
    handlers[number] = _plain(handler)
    return _shown(previous)


@functions
def getsignal(_: object, signalnum: int) -> Any:
    """As `signal.getsignal`."""
    if HERE.thread is None:
        return _real_getsignal(signalnum)
    return _shown(HERE.process.handlers.get(_check_number(signalnum), SIG_DFL))


@functions
def set_wakeup_fd(_: object, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    """As `signal.set_wakeup_fd`; the byte is written by whoever sends the signal, without a warning."""
    thread = HERE.thread
    if thread is None:
        return _real_set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
    if not _is_main(thread):
        raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
    if fd != -1:
        if os.name != "nt" and os.get_blocking(fd):
            raise ValueError(f"the fd {fd} must be in non-blocking mode")
        os.fstat(fd)
    old = thread.process.state.get("wakeup_fd", -1)
    thread.process.state["wakeup_fd"] = fd
    return old  # type: ignore[no-any-return]


@functions
def siginterrupt(_: object, signalnum: int, flag: bool, /) -> None:
    """As `signal.siginterrupt`; nothing is restarted or interrupted by the kernel here."""
    if HERE.thread is None:
        return _real_siginterrupt(signalnum, flag)  # type: ignore[no-any-return]
    _check_number(signalnum)
    return None


# ---------------------------------------------------------------------------------------------------------
# Sending


@functions
def raise_signal(_: object, signalnum: int, /) -> None:
    """As `signal.raise_signal`: to the calling process."""
    if HERE.thread is None:
        return _real_raise_signal(signalnum)
    number = as_int(signalnum)
    if not 0 <= number < _real.NSIG:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    deliver(HERE.process, number, (_SI_TKILL, HERE.process.pid, 0))
    return checkpoint()


@functions
def interrupt_main(_: object, signum: Any = _SIGINT, /) -> None:
    """As `_thread.interrupt_main`: the main thread of the calling process."""
    process = HERE.process
    if process is MAIN:
        return _real_interrupt_main(signum)
    number = as_int(signum)
    if not 1 <= number < _real.NSIG:
        raise ValueError("signal number out of range")
    if callable(process.handlers.get(number)):
        deliver(process, number)
    return None


def _process_of(ident: int) -> ThreadProcess | None:
    for process in list(PROCESSES.values()):
        if ident in process.threads:
            return process
    return None


@functions
def pthread_kill(_: object, thread_id: int, signalnum: int, /) -> None:
    """As `signal.pthread_kill`; a signal to any thread of a thread process is one to the process."""
    process = _process_of(thread_id) if PROCESSES else None
    if process is None:
        return _real_pthread_kill(thread_id, signalnum)  # type: ignore[no-any-return]
    number = as_int(signalnum)
    if not 0 <= number < _real.NSIG:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    deliver(process, number, (_SI_TKILL, HERE.process.pid, 0))
    return checkpoint()


# ---------------------------------------------------------------------------------------------------------
# The mask, and waiting for signals that it holds back


#: Of a C long.
_BITS = 64


def _numbers(signals: Iterable[int]) -> frozenset[int]:
    numbers = frozenset(map(index, signals))
    for number in numbers:
        if not 1 <= number < _real.NSIG:
            number = number if number.bit_length() < _BITS else -1  # noqa: PLW2901 - as the C code says it
            raise ValueError(f"signal number {number} out of range [1; {_real.NSIG - 1}]")
    return numbers


def _signals(numbers: Iterable[int]) -> set[Any]:
    return {_signal(number) for number in numbers}


def _signal(number: int) -> Any:
    try:
        return _real.Signals(number)
    except ValueError:
        return number


@functions
def pthread_sigmask(_: object, how: int, mask: Iterable[int]) -> set[Any]:
    """As `signal.pthread_sigmask`."""
    thread = HERE.thread
    if thread is None:
        old: set[Any] = _real_pthread_sigmask(how, mask)
        if HERE.process is MAIN:
            MAIN.blocked = frozenset(map(int, _real_pthread_sigmask(_real.SIG_BLOCK, ())))
        return old
    process, how = thread.process, as_int(how)
    numbers = _numbers(mask)
    masks = process.state.setdefault("masks", {})
    before = process.blocked if _is_main(thread) else masks.get(thread.ident, process.blocked)
    if how == _real.SIG_BLOCK:
        after = before | numbers
    elif how == _real.SIG_UNBLOCK:
        after = before - numbers
    elif how == _real.SIG_SETMASK:
        after = numbers
    else:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if _is_main(thread):
        unblock(process, after - _UNCATCHABLE)
        checkpoint()
    else:
        masks[thread.ident] = after - _UNCATCHABLE
    return _signals(before)


@functions
def sigpending(_: object) -> set[Any]:
    """As `signal.sigpending`."""
    if HERE.thread is None:
        return _real_sigpending()  # type: ignore[no-any-return]
    return _signals(HERE.process.deferred)


def _take(numbers: frozenset[int], timeout: float | None) -> int | None:
    """Wait for one of the signals that the mask holds back, and take it; None when the time is over."""
    process = HERE.process
    deadline = None if timeout is None else monotonic() + timeout
    waiter = allocate_lock()
    waiter.acquire()
    try:
        while True:
            with process.mutex:
                for number in sorted(numbers.intersection(process.deferred)):
                    process.deferred.remove(number)
                    return number
                process.state["sigwait"] = waiter
            left = -1.0 if deadline is None else deadline - monotonic()
            if deadline is not None and left <= 0:
                return None
            park(waiter, left)
    finally:
        with process.mutex:
            if process.state.get("sigwait") is waiter:
                del process.state["sigwait"]


@functions
def sigwait(_: object, sigset: Iterable[int], /) -> Any:
    """As `signal.sigwait`."""
    if HERE.thread is None:
        return _real_sigwait(sigset)
    return _signal(_take(_numbers(sigset), None) or 0)


def _info(number: int) -> Any:
    code, pid, status = HERE.process.state.pop((SIGNAL_ORIGIN, number), (0, 0, 0))
    uid = os.getuid() if pid else 0
    # The last field lies where pid and uid do: so it is with signals that are about no file.
    return _of("struct_siginfo")((number, code, 0, pid, uid, status, pid | uid << 32))


@functions
def sigwaitinfo(_: object, sigset: Iterable[int], /) -> Any:
    """As `signal.sigwaitinfo`."""
    if HERE.thread is None:
        return _real_sigwaitinfo(sigset)
    return _info(_take(_numbers(sigset), None) or 0)


@functions
def sigtimedwait(_: object, sigset: Iterable[int], timeout: float, /) -> Any:
    """As `signal.sigtimedwait`."""
    if HERE.thread is None:
        return _real_sigtimedwait(sigset, timeout)
    timeout = as_seconds(timeout)
    if timeout < 0:
        raise ValueError("timeout must be non-negative")
    number = _take(_numbers(sigset), timeout)
    return None if number is None else _info(number)


@functions
def pause(_: object) -> None:
    """As `signal.pause`."""
    thread = HERE.thread
    if thread is None:
        return _real_pause()  # type: ignore[no-any-return]
    waiter = allocate_lock()
    waiter.acquire()
    while True:
        until = monotonic() + LONGEST
        park(waiter)
        # Nobody else knows the lock: if the waiting ended before its time, a handler has run.
        if monotonic() < until and _is_main(thread):
            return None


# ---------------------------------------------------------------------------------------------------------
# Timers


class _Timer:
    """An armed timer of a process."""

    __slots__ = ("due", "interval", "key", "mutex", "process", "signum", "which")

    def __init__(self, process: ThreadProcess, which: int, seconds: float, interval: float) -> None:
        self.process = process
        self.which = which
        self.interval = interval
        self.signum = _TIMER_SIGNALS[which]
        # Held while the signal is sent: whoever disarms the timer knows afterwards that nothing is to come.
        self.mutex = Mutex()
        self.due = monotonic() + seconds
        with self.mutex:
            self.key: int | None = call_later(seconds, self._fire)

    def _fire(self) -> None:
        with self.mutex:
            if self.key is None or self.process.status is not None:
                return
            if self.interval:
                self.due += self.interval
                self.key = call_later(max(0.0, self.due - monotonic()), self._fire)
            else:
                self.key = None
            deliver(self.process, self.signum, (_SI_KERNEL, 0, 0))

    def disarm(self) -> tuple[float, float]:
        """Stop it; returns the seconds that were left, and the interval."""
        with self.mutex:
            key, self.key = self.key, None
        if key is None:
            return 0.0, 0.0
        cancel(key)
        return max(self.due - monotonic(), 1e-6), self.interval

    def left(self) -> tuple[float, float]:
        """Return the seconds that are left, and the interval."""
        if self.key is None:
            return 0.0, 0.0
        return max(self.due - monotonic(), 1e-6), self.interval


_TIMER_SIGNALS = {
    int(getattr(_real, which)): int(getattr(_real, name))
    for which, name in (
        ("ITIMER_REAL", "SIGALRM"),
        ("ITIMER_VIRTUAL", "SIGVTALRM"),
        ("ITIMER_PROF", "SIGPROF"),
    )
    if hasattr(_real, which)
}


def _timers(process: ThreadProcess) -> dict[int, _Timer]:
    return process.state.setdefault("timers", {})  # type: ignore[no-any-return]


def _arm(which: int, seconds: float, interval: float) -> tuple[float, float]:
    process = HERE.process
    checkpoint()
    timers = _timers(process)
    with shield:
        old = timers.pop(which, None)
        was = old.disarm() if old is not None else (0.0, 0.0)
    settle()
    if seconds > 0:
        with shield:
            timers[which] = _Timer(process, which, seconds, interval)
    return was


@at_death
def _disarm_all(process: ThreadProcess) -> None:
    for timer in list(process.state.get("timers", {}).values()):
        key, timer.key = timer.key, None
        if key is not None:
            cancel(key)


@functions
def alarm(_: object, seconds: int, /) -> int:
    """As `signal.alarm`."""
    if HERE.thread is None:
        return _real_alarm(seconds)  # type: ignore[no-any-return]
    left, _interval = _arm(int(_real.ITIMER_REAL), max(0, as_int(seconds)), 0.0)
    return int(left) + (1 if left > int(left) else 0)


def _check_timer(which: int) -> int:
    number = as_int(which)
    if number not in _TIMER_SIGNALS:
        raise _real.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
    return number


@functions
def setitimer(_: object, which: int, seconds: float, interval: float = 0.0, /) -> tuple[float, float]:
    """As `signal.setitimer`."""
    if HERE.thread is None:
        return _real_setitimer(which, seconds, interval)  # type: ignore[no-any-return]
    as_int(which)
    seconds, interval = as_seconds(seconds), as_seconds(interval)
    which = _check_timer(which)
    if seconds < 0 or interval < 0:
        raise _real.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
    return _arm(which, float(seconds), float(interval))


@functions
def getitimer(_: object, which: int, /) -> tuple[float, float]:
    """As `signal.getitimer`."""
    if HERE.thread is None:
        return _real_getitimer(which)  # type: ignore[no-any-return]
    timer = _timers(HERE.process).get(_check_timer(which))
    return timer.left() if timer is not None else (0.0, 0.0)


def install(_journal: Any) -> None:
    """Begin: what the main program's handlers are now, its children inherit."""
    mirror_main()
