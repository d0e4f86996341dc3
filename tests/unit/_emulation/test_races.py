"""What happens in the same moment: signals against disarming, kills against killers, ends against starts."""

from __future__ import annotations

import threading
from _thread import allocate_lock

import pytest

from mpthread_hook import _identity
from mpthread_hook._identity import records
from tests.unit._emulation.comparing import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

LONG = 60.0
REPEATS = 200

_LATE_ALARM = """
        import random, signal, time
        class Alarm(Exception): pass
        def ring(*_): raise Alarm
        def child():
            outcomes = {"in time": 0, "rang": 0, "late": 0}
            signal.signal(signal.SIGALRM, ring)
            for repeat in range(200):
                outcome = "in time"
                try:
                    try:
                        signal.setitimer(signal.ITIMER_REAL, random.random() * 0.002)
                        if repeat % 2:
                            time.sleep(0.001)
                        else:
                            for _ in range(300):
                                len("x")
                        signal.alarm(0)
                    except Alarm:
                        outcome = "rang"
                        signal.alarm(0)
                    for _ in range(200):
                        len("x")
                    time.sleep(0)
                except Alarm:
                    outcome = "late"
                outcomes[outcome] += 1
            print(sum(outcomes.values()), outcomes["late"], outcomes["rang"] > 0, flush=True)
        def main():
            print(alone(child))
"""


def test_no_alarm_after_it_was_disarmed(tmp_path: Path) -> None:
    """Once alarm(0) has returned the old alarm never rings, however close it was."""
    assert facts(tmp_path, _LATE_ALARM) == ["200 0 True", "0"]


_CRITICAL = """
        import random, signal, threading, time
        def child(parts):
            # What one part of the work does must always be followed by the other.
            while True:
                with lock:
                    parts[0] += 1
                    parts[1] += 1
        def main():
            global lock
            for repeat in range(200):
                lock = mp.Lock()
                parts = [0, 0]
                children = [mp.Process(target=child, args=(parts,)) for _ in range(2)]
                for p in children: p.start()
                time.sleep(random.random() * 0.002)
                for p in children: p.kill()
                for p in children: p.join()
                assert [p.exitcode for p in children] == [-9, -9]
            print(threading.active_count(), [p for p in children if p.is_alive()])
"""


def test_kill_in_python_code(tmp_path: Path) -> None:
    """Processes that run Python code under a lock are killed at any bytecode, two hundred times."""
    assert facts(tmp_path, _CRITICAL) == ["1 []"]


def _process(body: object) -> _identity.ThreadProcess:
    process = _identity.create("racer", "fork")
    _identity.start(process, body)  # type: ignore[arg-type]
    return process


def _parked() -> int:
    lock = allocate_lock()
    lock.acquire()
    while True:
        _identity.park(lock)


def test_a_killer_that_is_killed_finishes() -> None:
    """Who kills a child and is killed meanwhile has released what the child held."""
    released: list[_identity.ThreadProcess] = []
    _identity.at_death(released.append)
    try:
        for _ in range(REPEATS):
            child: list[_identity.ThreadProcess] = []
            ready = threading.Event()

            def parent(child: list[_identity.ThreadProcess] = child, ready: threading.Event = ready) -> int:
                child.append(_process(_parked))
                ready.set()
                _identity.kill(child[0], -15)
                return _parked()

            process = _process(parent)
            ready.wait(LONG)
            _identity.kill(process, -9)
            assert _identity.wait(process, LONG)
            _identity.kill(child[0], -9)
            assert _identity.wait(child[0], LONG)
            assert released.count(child[0]) == released.count(process) == 1
            for ended in (process, child[0]):
                _identity.reap(ended)
    finally:
        records.on_death.remove(released.append)


def test_a_shield_keeps_a_kill_out() -> None:
    """A kill that comes while a thread is in a shield takes effect right after the block."""
    for _ in range(REPEATS):
        steps: list[str] = []
        inside, killed = threading.Event(), threading.Event()

        def body(
            steps: list[str] = steps, inside: threading.Event = inside, killed: threading.Event = killed
        ) -> int:
            with _identity.shield:
                inside.set()
                while not killed.is_set():
                    len("x")
                steps.append("finished")
            for _ in range(1000):
                len("x")
            steps.append("went on")
            return 0

        process = _process(body)
        inside.wait(LONG)
        _identity.kill(process, -9)
        killed.set()
        assert _identity.wait(process, LONG)
        _identity.reap(process)
        assert (steps, process.exitcode) == (["finished"], -9)


def test_threads_of_a_dead_process_leave() -> None:
    """Every thread of a process is told that it ended, whether it waits, runs or has only just begun."""
    for repeat in range(REPEATS):
        left: list[int] = []

        def wait(left: list[int] = left) -> None:
            try:
                _parked()
            finally:
                left.append(1)

        def run(left: list[int] = left) -> None:
            try:
                while True:
                    len("x")
            finally:
                left.append(1)

        threads: list[_identity.Thread] = []

        def body(
            threads: list[_identity.Thread] = threads,
            begun: tuple[object, ...] = (wait, run, wait),
            killed: bool = repeat % 2 == 0,
        ) -> int:
            for function in begun:
                threads.append(_identity.Thread(_identity.current()))
                _identity.real_start_new_thread(_identity.adopt, (threads[-1], function, (), {}))
            return _parked() if killed else 0

        process = _process(body)
        if repeat % 2 == 0:
            _identity.kill(process, -9)
        assert _identity.wait(process, LONG)
        _identity.reap(process)
        for thread in threads:
            assert _identity.wait_thread(thread, LONG)


def test_an_orphan_is_forgotten_when_it_ends() -> None:
    """Nobody waits for a process whose parent has ended: its record goes with it."""
    for _ in range(REPEATS):
        orphan: list[_identity.ThreadProcess] = []

        def parent(orphan: list[_identity.ThreadProcess] = orphan) -> int:
            orphan.append(_process(_parked))
            return 0

        process = _process(parent)
        assert _identity.wait(process, LONG)
        _identity.kill(orphan[0], -9)
        _identity.wait(orphan[0], LONG)
        assert orphan[0].pid not in _identity.PROCESSES
        _identity.reap(process)


_IMPORTING = """
        import random, time
        PARTS = "from .a import *\\nfrom .b import *\\nnames = a.x + b.x\\n", "x = 0\\nfor _ in range(30000): x += 1\\n"
        def child(pipe, name):
            pipe.send("ready")
            __import__(name)
            while True:
                len(name)
        def main():
            with tempfile.TemporaryDirectory() as folder:
                sys.path.insert(0, folder)
                codes = set()
                for number in range(40):
                    name = f"package_{number}"
                    os.mkdir(os.path.join(folder, name))
                    for part, text in zip(("__init__", "a", "b"), (*PARTS, PARTS[1])):
                        with open(os.path.join(folder, name, part + ".py"), "w") as file:
                            file.write(text)
                    ours, theirs = mp.Pipe()
                    p = mp.Process(target=child, args=(theirs, name))
                    p.start()
                    ours.recv()
                    time.sleep(random.random() * 0.008)
                    p.kill()
                    p.join()
                    codes.add((p.exitcode, __import__(name).names))
            print(codes)
"""


def test_a_process_that_is_killed_leaves_no_module_half_imported(tmp_path: Path) -> None:
    """Modules are everybody's: what a child was importing when it was killed can be used by the others."""
    assert facts(tmp_path, _IMPORTING) == ["{(-9, 60000)}"]
