"""Records of thread processes: life, death, waiting and signals, without anything of multiprocessing."""

from __future__ import annotations

import _frozen_importlib
import _imp
import ctypes
import importlib
import select
import signal
import socket
import sys
import threading
import time
from _thread import allocate_lock

import pytest

from mpthread_hook import _identity
from mpthread_hook._identity import life, waits
from mpthread_hook.errors import AbandonedThreadWarning, ProcessStartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def started(body: Callable[[], int], name: str = "child") -> _identity.ThreadProcess:
    process = _identity.create(name, "fork")
    _identity.start(process, body)
    return process


def ended(process: _identity.ThreadProcess) -> int | None:
    assert _identity.wait(process, LONG), process
    _identity.reap(process)
    return process.exitcode


def held_lock() -> Callable[..., bool]:
    lock = allocate_lock()
    lock.acquire()
    return lambda: _identity.park(lock)


def test_the_main_program_is_the_default() -> None:
    """A thread that nobody told otherwise belongs to the main program."""
    seen: list[_identity.ThreadProcess] = []
    thread = threading.Thread(target=lambda: seen.append(_identity.current()))
    thread.start()
    thread.join()
    assert seen == [_identity.MAIN]
    assert _identity.current() is _identity.MAIN


def test_exit_code_is_what_the_body_returns() -> None:
    """The body's value is the exit code, cut to eight bits as the kernel does."""
    assert ended(started(lambda: 7)) == 7
    assert ended(started(lambda: 256 + 3)) == 3
    assert ended(started(lambda: -1)) == 255


def test_pids_are_unique_and_above_the_systems() -> None:
    """No two thread processes share a pid, and none could be a real one."""
    processes = [started(lambda: 0) for _ in range(20)]
    pids = {process.pid for process in processes}
    for process in processes:
        ended(process)
    assert len(pids) == 20
    assert min(pids) >= 2**30


def test_a_process_waiting_in_park_is_killed_at_once() -> None:
    """kill() wakes a parked thread, which unwinds with its finally blocks run."""
    parked = threading.Event()
    unwound = threading.Event()
    wait = held_lock()

    def body() -> int:
        try:
            parked.set()
            wait()
        finally:
            unwound.set()
        return 0

    process = started(body)
    assert parked.wait(LONG)
    assert _identity.kill(process, -15)
    assert ended(process) == -15
    assert unwound.is_set()
    assert not _identity.kill(process, -9), "a second kill changes nothing"


def test_a_process_running_python_code_is_killed() -> None:
    """An asynchronous exception ends a thread that never waits."""
    running = threading.Event()

    def body() -> int:
        running.set()
        number = 0
        while True:
            number += 1

    process = started(body)
    assert running.wait(LONG)
    _identity.kill(process, -9)
    assert ended(process) == -9


def test_a_process_blocked_in_foreign_code_is_abandoned_by_name() -> None:
    """A thread that cannot be unwound does not keep its process alive; a warning names it."""
    ours, theirs = socket.socketpair()
    write = ctypes.CDLL(None).write

    def body() -> int:
        write(theirs.fileno(), bytes(1 << 24), 1 << 24)
        return 0

    process = started(body, "stuck one")
    # What arrives was written by that call, which has far more to write than the socket takes.
    assert select.select([ours], [], [], LONG)[0] == [ours]
    _identity.kill(process, -9)
    with pytest.warns(AbandonedThreadWarning, match="'stuck one'"):
        assert _identity.wait(process, LONG)
    assert process.exitcode == -9
    _identity.reap(process)
    ours.close()
    theirs.close()


def test_nobody_is_abandoned_who_could_not_have_moved() -> None:
    """A look that comes late says nothing of a thread that stands still: nothing gets its turn in time then."""
    blocked, begun = allocate_lock(), allocate_lock()
    blocked.acquire()
    begun.acquire()

    def body() -> int:
        begun.release()
        blocked.acquire()
        return 0

    process = started(body, "starved one")
    begun.acquire()
    _identity.kill(process, -9)
    for _ in range(5):
        _identity.abandon(process, _identity.monotonic() - _identity.GRACE)
        assert not process.ended

    def look_in_time() -> None:
        while not process.ended:  # it may just have been on its way to the lock
            _identity.abandon(process, _identity.monotonic())

    with pytest.warns(AbandonedThreadWarning, match="'starved one'"):
        look_in_time()
    blocked.release()


def test_threads_of_a_process_belong_to_it_and_end_with_it() -> None:
    """A thread adopted by a process answers as that process and is unwound when it dies."""
    answers: list[_identity.ThreadProcess] = []
    waiting = threading.Event()
    unwound = threading.Event()
    wait = held_lock()

    def helper() -> None:
        answers.append(_identity.current())
        waiting.set()
        try:
            wait()
        finally:
            unwound.set()

    def body() -> int:
        _identity.spawn_thread(_identity.current(), helper)
        waiting.wait(LONG)
        return 0

    process = started(body)
    assert ended(process) == 0
    assert answers == [process]
    assert unwound.wait(LONG)


def test_a_signal_handler_runs_in_a_waiting_process() -> None:
    """deliver() runs the handler in the main thread of the process, which then goes on waiting."""
    lock = allocate_lock()
    lock.acquire()
    ready = threading.Event()
    handled: list[tuple[int, _identity.ThreadProcess]] = []
    idents: list[int] = []

    def handler(signum: int, frame: object) -> None:
        handled.append((signum, _identity.current()))
        idents.append(threading.get_ident())

    def body() -> int:
        _identity.current().handlers[signal.SIGUSR1] = handler
        idents.append(threading.get_ident())
        ready.set()
        while not _identity.park(lock):
            pass
        return 5

    process = started(body)
    assert ready.wait(LONG)
    main = process.main
    assert main is not None
    while main.parked is None:  # parked is set just before the wait; nothing else tells
        time.sleep(0.001)
    _identity.deliver(process, signal.SIGUSR1)
    while not handled:
        time.sleep(0.001)
    lock.release()
    assert ended(process) in (5, 0)
    assert handled == [(signal.SIGUSR1, process)]
    assert idents[0] == idents[1]


def test_default_action_kills_and_ignored_does_not() -> None:
    """SIGTERM without a handler kills with its number; SIG_IGN and SIGCHLD do nothing."""
    ready = threading.Event()
    wait = held_lock()

    def body() -> int:
        _identity.current().handlers[signal.SIGUSR1] = signal.SIG_IGN
        ready.set()
        wait()
        return 0

    process = started(body)
    assert ready.wait(LONG)
    _identity.deliver(process, signal.SIGUSR1)
    _identity.deliver(process, signal.SIGCHLD)
    assert _identity.poll(process) is None
    _identity.deliver(process, signal.SIGTERM)
    assert ended(process) == -signal.SIGTERM


def test_wait_has_a_timeout() -> None:
    """wait() returns False when the process is still alive after its seconds."""
    wait = held_lock()
    process = started(lambda: int(wait()))
    assert not _identity.wait(process, 0.01)
    _identity.kill(process, -9)
    assert ended(process) == -9


def test_watchers_are_called_once() -> None:
    """watch() calls back at the end, and says so when it is too late."""
    calls: list[int] = []
    wait = held_lock()
    process = started(lambda: int(wait()))
    assert _identity.watch(process, lambda: calls.append(1))
    _identity.kill(process, -9)
    ended(process)
    assert calls == [1]
    assert not _identity.watch(process, lambda: calls.append(2))
    assert calls == [1]


def test_no_thread_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the error says which process and what to do, and no record is left."""

    def refuse(*args: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(life, "real_start_new_thread", refuse)
    before = dict(_identity.PROCESSES)
    process = _identity.create("unlucky", "fork")
    with pytest.raises(ProcessStartError, match="'unlucky'"):
        _identity.start(process, lambda: 0)
    assert before == _identity.PROCESSES


def test_call_later_and_cancel() -> None:
    """A timer runs its function once; a cancelled one never; the clock thread ends when nothing is due."""
    rang = threading.Event()
    wrong: list[int] = []
    key = _identity.call_later(LONG, lambda: wrong.append(1))
    _identity.call_later(0.01, rang.set)
    assert rang.wait(LONG)
    _identity.cancel(key)
    assert not wrong


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 there is always a GIL")
@pytest.mark.parametrize("gil", [True, False])
def test_a_thread_that_imports_is_known(gil: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a GIL: it imports, waits for one who does, or does neither; it is left alone meanwhile."""
    monkeypatch.setattr(waits, "_gil_is_enabled", lambda: gil)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_slowly.py").write_text("import builtins; builtins.hold_import()")
    inside, go = threading.Event(), threading.Event()

    def hold_import() -> None:
        inside.set()
        assert go.wait(LONG)

    monkeypatch.setattr("builtins.hold_import", hold_import, raising=False)

    def body() -> int:
        importlib.import_module("imported_slowly")
        return 0

    child = started(body)
    try:
        assert inside.wait(LONG)
        main = child.main
        assert main is not None
        assert waits._imports(main) == "imported_slowly"
        here = _identity.Thread(_identity.MAIN)
        here.ident = threading.get_ident()
        assert waits._imports(here) is None
        assert _identity.kill(child, -9)
    finally:
        go.set()
    assert ended(child) == -9
    assert "imported_slowly" in sys.modules  # as a whole: half of a module would have been taken out again
    del sys.modules["imported_slowly"]


@pytest.mark.parametrize("lock", ["the one of all imports", "the one of a module"])
def test_locks_of_imports_die_with_nobody(lock: str) -> None:
    """A thread that ends gives up what it has of the import system, where it was struck before it could do so."""
    begin = _frozen_importlib._get_module_lock
    left = begin("a_module_that_nobody_has")

    def body() -> int:
        if lock == "the one of all imports":
            _imp.acquire_lock()
            _imp.acquire_lock()
        else:
            left.acquire()
        return 3

    assert ended(started(body)) == 3
    # The lock of all imports can be had, by another thread as well, and that of the module.
    done = threading.Event()

    def import_it() -> None:
        _frozen_importlib._lock_unlock_module("a_module_that_nobody_has")
        done.set()

    threading.Thread(target=import_it, daemon=True).start()
    assert done.wait(LONG)
    assert left.owner is None


@pytest.mark.parametrize("where", ["_lock_unlock_module", "_get_module_lock", "cb"])
def test_a_thread_that_takes_locks_of_imports_is_known(where: str) -> None:
    """A statement whose module is there already waits for its lock, too, and a lock that is given up calls back."""
    begin = _frozen_importlib._get_module_lock
    codes = [_frozen_importlib._lock_unlock_module.__code__, begin.__code__, *begin.__code__.co_consts]
    (code,) = [code for code in codes if getattr(code, "co_name", None) == where]
    assert code in waits._import_codes


def test_random_kills_lose_nobody() -> None:
    """Fifty children killed at unpredictable moments all end with the signal they were killed by."""

    def body() -> int:
        number = 0
        while number < 10**9:
            number += 1
            if number % 1000 == 0:
                _identity.checkpoint()
        return int(held_lock()())

    processes = [started(body if number % 2 else (lambda: int(held_lock()()))) for number in range(50)]
    for number, process in enumerate(processes):
        _identity.kill(process, -(9 if number % 3 else 15))
    for number, process in enumerate(processes):
        assert ended(process) == -(9 if number % 3 else 15)


def test_a_mutex_is_not_left_taken() -> None:
    """An exception from outside arrives while a thread waits for one, or takes one; afterwards it is free."""
    strike = waits.async_raiser()

    class Stop(BaseException):
        pass

    def work(mutex: Any, running: threading.Event) -> None:
        running.set()
        try:
            with mutex:
                pass
            while True:
                with mutex, mutex:
                    pass
        except Stop:
            pass

    for held in [True, False] * 10:
        mutex, running = _identity.Mutex(), threading.Event()
        if held:
            mutex.acquire()
        thread = threading.Thread(target=work, args=(mutex, running))
        thread.start()
        running.wait()
        assert thread.ident is not None
        strike(thread.ident, Stop)
        if held:
            mutex.release()
        thread.join(60)
        assert mutex.acquire(False)
        mutex.release()
