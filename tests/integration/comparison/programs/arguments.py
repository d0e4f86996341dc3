"""Wrong arguments: each function raises what the interpreter's own raises, in the same words."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import re
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from .stage import run, say

if TYPE_CHECKING:
    from collections.abc import Callable

#: Out of the range of a C int; of a C long; no number; not quite one.
_LONG, _HUGE = 1 << 40, 1 << 80
_WRONG: tuple[Any, ...] = (_LONG, -_LONG, _HUGE, -_HUGE, "a", None, 1.5)


def _tell(name: str, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    try:
        result: object = function(*args, **kwargs)
    except OSError as error:
        result = f"{type(error).__name__} {errno.errorcode.get(error.errno or 0)}"
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    given = ", ".join(map(repr, [*args, *kwargs.values()]))
    # Addresses, and pids, which nobody could compare.
    say(f"{name}({re.sub(r'0x[0-9a-f]+|[0-9]{3,10}(?![0-9])', 'N', given)}): {result}")


def _both(tell: Callable[[], None]) -> None:
    """Have it told by a child first, then by the program."""
    run(tell)
    tell()


def _of_processes() -> None:
    here = os.getpid()
    for wrong in _WRONG:
        for name in ("getpgid", "getsid"):
            _tell(name, getattr(os, name), wrong)
        for name in ("kill", "killpg", "setpgid", "waitpid"):
            _tell(name, getattr(os, name), wrong, 0)
        _tell("setpgid", os.setpgid, 0, wrong)
        _tell("waitpid", os.waitpid, -1, wrong)
        _tell("killpg", os.killpg, os.getpgrp(), wrong)
        _tell("_exit", os._exit, wrong)
    _tell("kill", os.kill, here, "a")
    _tell("kill", os.kill, here, 9999)
    _tell("kill", os.kill, here, -1)


def case_processes() -> None:
    """Pids, groups and statuses."""
    _both(_of_processes)


def _of_signals() -> None:
    for wrong in (*_WRONG, 0, 999):
        _tell("getsignal", signal.getsignal, wrong)
        _tell("sigmask how", signal.pthread_sigmask, "a" if wrong in (0, 1.5) else wrong, ())
        if wrong != 1.5:
            _tell("alarm", signal.alarm, "b" if wrong in (0, 999) else wrong)
            _tell("signal", signal.signal, wrong, signal.SIG_IGN)
            _tell("raise_signal", signal.raise_signal, wrong)
            _tell("siginterrupt", signal.siginterrupt, wrong, True)
        _tell("setitimer which", signal.setitimer, wrong or 77, 0)
        _tell("sigwait", signal.sigwait, [wrong])
        _tell("sigmask", signal.pthread_sigmask, signal.SIG_BLOCK, [wrong])
    for wrong in ("a", None, -1, -1.5, _LONG, _HUGE, 1e30, float("nan")):
        _tell("setitimer", signal.setitimer, signal.ITIMER_REAL, wrong)
        _tell("sigtimedwait", signal.sigtimedwait, [signal.SIGUSR1], wrong)
    _tell("signal", signal.signal, signal.SIGKILL, signal.SIG_IGN)
    _tell("signal", signal.signal, signal.SIGTERM, None)
    _tell("signal", signal.signal, signal.SIGTERM, 7)
    _tell("pthread_kill", lambda number: signal.pthread_kill(threading.get_ident(), number), 999)


def case_signals() -> None:
    """Signals, masks and timers."""
    _both(_of_signals)


def _of_waiting() -> None:
    for wrong in ("a", None, -1, float("nan"), 1e30, _HUGE):
        _tell("sleep", time.sleep, wrong)
    for wrong in ("a", b"", []):
        _tell("select", select.select, [], [], [], wrong)
        _tell("poll", select.poll().poll, wrong)
        _tell("Connection.poll", multiprocessing.Pipe()[0].poll, wrong)
    _tell("select", select.select, [], [], [], -1)
    _tell("select", select.select, [-1], [], [], 0)
    _tell("select", select.select, ["a"], [], [], 0)
    _tell("register", select.poll().register, "x")
    for name in ("lockf", "flock"):
        _tell(name, getattr(fcntl, name), -1, fcntl.LOCK_EX)
    _tell("lockf", fcntl.lockf, 0, 0)


def case_waiting() -> None:
    """Seconds, and what is waited for."""
    _both(_of_waiting)


def _of_locks() -> None:
    for name, make in (("thread lock", threading.Lock), ("thread rlock", threading.RLock)):
        for blocking, timeout in ((True, -5), (False, 1), (True, 1e30), (True, "a"), (True, float("nan"))):
            _tell(name, make().acquire, blocking, timeout)
        _tell(name, make().release)
    _tell("Semaphore", threading.Semaphore().acquire, False, 1)
    _tell("Event", threading.Event().wait, "a")
    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore"):
        made = getattr(multiprocessing, name)()
        for timeout in ("a", b"1", [], -1, float("-inf")):
            _tell(name, made.acquire, timeout=timeout)
    _tell("Event", multiprocessing.Event().wait, "a")
    condition = multiprocessing.Condition()
    with condition:
        _tell("Condition", condition.wait, "a")
    for wrong in ("a", None, 1.5, -1, _HUGE):
        _tell("Semaphore", multiprocessing.Semaphore, wrong)
        _tell("Queue", multiprocessing.Queue, wrong)
    queue: Any = multiprocessing.Queue(1)
    _tell("put", queue.put, 1, True, "a")
    queue.put(1)
    for block in (True, False):
        _tell("get", queue.get, block, "a")
    queue.get()
    _tell("Event.set", multiprocessing.Event().set, 1)
    _tell("Condition.wait", multiprocessing.Condition().wait, 1, 2)


def case_locks() -> None:
    """Locks and queues, of threads and of processes."""
    _both(_of_locks)


def _of_variables() -> None:
    for name, value in (
        ("a=b", "x"),
        ("", "x"),
        ("a\0b", "x"),
        ("a", "\0"),
        (1, "x"),
        ("a", 1),
        (None, None),
    ):
        _tell("putenv", os.putenv, name, value)
        _tell("unsetenv", os.unsetenv, name)
        _tell("environ", os.environ.__setitem__, name, value)
    for wrong in ("/nowhere", 1.5, None, "a\0b"):
        _tell("chdir", os.chdir, wrong)
    for wrong in ("a", None, _LONG):
        _tell("umask", os.umask, wrong)
        _tell("close", os.close, wrong)
        _tell("dup2", os.dup2, wrong, 50)
        _tell("read", os.read, wrong, 1)


def case_variables() -> None:
    """Variables, directories and descriptors."""
    _both(_of_variables)
