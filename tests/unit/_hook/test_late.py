"""A program that imported `multiprocessing` before the hook: what was taken early follows, or is named."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import answer, environment, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.unit]

WORKER = """
import multiprocessing
from multiprocessing import Process, Queue, Lock, Pipe, Pool, TimeoutError, active_children, current_process, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from os import getpid
from time import sleep

LOCK = Lock()

class Worker(multiprocessing.Process):
    def run(self):
        self.sink.put([getpid(), current_process().name, parent_process().name])

class Sink(SimpleQueue):
    pass
"""
HEAD = """
import json, os, sys, warnings
import worker, multiprocessing.pool
import concurrent.futures.process
import mpthread_hook, mpthread_hook.errors
"""


@pytest.fixture
def late(tmp_path: Path) -> Any:
    """Return a function that runs code after a module that took names from multiprocessing early."""
    (tmp_path / "worker.py").write_text(WORKER)

    def run(code: str, stderr: str | None = None) -> Any:
        return answer(HEAD + code, env=environment([str(tmp_path), *this_path()]), stderr=stderr)

    return run


QUIET = "warnings.simplefilter('ignore')\n"


def test_early_classes_travel_to_a_new_interpreter(late: Any) -> None:
    """Where a process object is pickled (spawn, and what is the default from 3.14 on), it names the served class."""
    code = """
found = []
with mpthread_hook.enable():
    for method in ("spawn", "forkserver"):
        multiprocessing.set_start_method(method, force=True)
        queue = multiprocessing.SimpleQueue()
        process = worker.Process(target=queue.put, args=(method,), name="early")
        process.start(); process.join()
        own = worker.Worker(name="own"); own.sink = queue; own.start(); own.join()
        found.append([process.exitcode, own.exitcode, queue.get(), queue.get()[1:]])
print(json.dumps(found))
"""
    assert late(QUIET + code) == [
        [0, 0, "spawn", ["own", "MainProcess"]],
        [0, 0, "forkserver", ["own", "MainProcess"]],
    ]


def test_a_start_method_that_was_chosen_early_stays_chosen(late: Any) -> None:
    """It is that of thread processes, too, and of real ones again afterwards."""
    code = """
def get(): return sys.modules["multiprocessing"].get_start_method()
found = []
multiprocessing.set_start_method("spawn", force=True)
for _ in range(2):
    with mpthread_hook.enable():
        found.append([get(), worker.multiprocessing.get_context().Process.__name__])
        import multiprocessing
        multiprocessing.set_start_method("forkserver", force=True)
        found.append(get())
    found.append(get())
print(json.dumps(found))
"""
    assert late(QUIET + code) == [["spawn", "SpawnProcess"], "forkserver", "spawn"] * 2


def test_early_names_run_on_threads(late: Any) -> None:
    """Classes, subclasses, functions and the module itself, all taken early, work on thread processes."""
    code = """
found = []
with mpthread_hook.enable():
    sink = worker.Queue()
    process = worker.Worker(); process.sink = sink; process.start(); process.join()
    pid, name, parent = sink.get()
    found.append([process.exitcode, pid == process.pid, pid != os.getpid(), name, parent])
    process = worker.Process(target=worker.sleep, args=(60,), name="sleeper"); process.start()
    found.append([child.name for child in worker.active_children()])
    ready = worker.wait([process.sentinel], 0)
    process.terminate(); process.join(30)
    found.append([ready, process.exitcode])
    one, two = worker.Pipe(); one.send("over"); found.append([two.recv(), isinstance(one, multiprocessing.connection.Connection)])
    with worker.Pool(2) as pool:
        found.append(pool.map(abs, [-1, -2]))
        try: pool.apply_async(worker.sleep, (60,)).get(0.01)
        except worker.TimeoutError: found.append("timeout")
    found.append(worker.multiprocessing.current_process() is sys.modules["multiprocessing"].current_process())
    event = worker.Event(ctx=worker.multiprocessing.get_context()); event.set(); found.append(event.is_set())
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        found.append(executor.submit(os.getpid).result() > 1 << 30)
    sink = worker.Sink(ctx=worker.multiprocessing.get_context()); sink.put(5); found.append(sink.get())
found.append(mpthread_hook.status()["created"] >= 5)
print(json.dumps(found))
"""
    assert late(QUIET + code) == [
        [0, True, True, "Worker-1", "MainProcess"],
        ["sleeper"],
        [[], -15],
        ["over", True],
        [1, 2],
        "timeout",
        True,
        True,
        True,
        5,
        True,
    ]


def test_one_warning_names_what_was_taken(late: Any, tmp_path: Path) -> None:
    """One warning, at the caller's line, lists classes, subclasses and instances with module, name and file."""
    code = """
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    handle = mpthread_hook.enable()
status = mpthread_hook.status()
handle.disable()
print(json.dumps([[(w.category.__name__, w.filename, str(w.message)) for w in caught], status["early_references"]]))
"""
    caught, references = late(code)
    assert [category for category, _, _ in caught] == ["LateActivationWarning"]
    assert caught[0][1] == "<string>"
    text, file = caught[0][2], os.path.join(str(tmp_path), "worker.py")
    expected = [
        ("Event", "class", "is multiprocessing.synchronize.Event", True),
        ("LOCK", "instance", "was made by multiprocessing.synchronize.Lock", False),
        ("Process", "class", "is multiprocessing.context.Process", True),
        ("SimpleQueue", "class", "is multiprocessing.queues.SimpleQueue", False),
        ("Sink", "subclass", "derives from multiprocessing.queues.SimpleQueue", True),
        ("TimeoutError", "class", "is multiprocessing.context.TimeoutError", True),
        ("Worker", "subclass", "derives from multiprocessing.context.Process", True),
    ]
    assert [(one["name"], one["kind"], one["redirected"]) for one in references] == [
        (name, kind, redirected) for name, kind, _, redirected in expected
    ]
    for name, _, words, redirected in expected:
        fate = "redirected to threads" if redirected else "still the interpreter's own"
        assert f"  worker.{name} {words} ({file}): {fate}" in text.splitlines()


def test_no_warning_without_early_names() -> None:
    """A program that only imported the module is redirected without a word (`coverage run` does so)."""
    code = """
import json, multiprocessing, multiprocessing.reduction
import mpthread_hook
with mpthread_hook.enable():
    process = multiprocessing.Process(target=print, args=("child",)); process.start(); process.join()
    print(json.dumps([process.exitcode, process.pid > 1 << 30]))
"""
    assert answer(code, env=environment(this_path())) == [0, True]


def test_error_changes_nothing(late: Any) -> None:
    """``late="error"`` raises before anything is changed, and names the same things."""
    code = """
before = list(sys.modules.items()), list(sys.meta_path)
import mpthread_hook._hook.activation, mpthread_hook._hook.late
before = list(sys.modules.items()), list(sys.meta_path)
try: mpthread_hook.enable(late="error")
except mpthread_hook.errors.ActivationError as error: text = str(error)
after = list(sys.modules.items()), list(sys.meta_path)
print(json.dumps([before == after, mpthread_hook.enabled(), "worker.Worker derives from" in text]))
"""
    assert late(code) == [True, False, True]


def test_strict_means_error(late: Any) -> None:
    """``MPTHREAD_HOOK=…,strict`` makes ``error`` the default."""
    code = """
os.environ["MPTHREAD_HOOK"] = "strict"
try: mpthread_hook.enable()
except mpthread_hook.errors.ActivationError: print(json.dumps(mpthread_hook.enabled()))
"""
    assert late(code) is False


def test_a_warning_that_is_an_error_changes_nothing(late: Any) -> None:
    """With ``-W error`` enable() raises the warning, is not enabled, and does not count."""
    code = """
import mpthread_hook._hook.activation
before = list(sys.modules.items()), list(sys.meta_path), os.getpid, worker.Worker.__bases__
warnings.simplefilter("error")
try: mpthread_hook.enable()
except mpthread_hook.errors.LateActivationWarning: pass
known = dict(before[0])
after = [item for item in sys.modules.items() if item[0] in known], list(sys.meta_path), os.getpid, worker.Worker.__bases__
print(json.dumps([before == after, mpthread_hook.enabled(), mpthread_hook.status()["depth"]]))
"""
    assert late(code) == [True, False, 0]


def test_a_start_says_a_warning_that_is_an_error(late: Any) -> None:
    """A start-up file that comes late cannot raise: with ``-W error`` it prints the warning, and is on."""
    code = """
os.environ["MPTHREAD_HOOK"] = "1"
warnings.simplefilter("error")
import mpthread_hook.auto
worker.Process(target=print).start()
print(json.dumps([mpthread_hook.enabled(), len(mpthread_hook.status()["problems"])]))
"""
    assert late(code) == [True, 1]


def test_an_unknown_mode_is_refused(late: Any) -> None:
    """A ``late`` that does not exist is a ValueError and enables nothing."""
    code = """
try: mpthread_hook.enable(late="never")
except ValueError as error: print(json.dumps([str(error), mpthread_hook.enabled()]))
"""
    assert late(code) == ["late must be one of 'warn', 'error', 'rebind', not 'never'", False]


def test_rebind_replaces_the_names(late: Any) -> None:
    """``late="rebind"`` gives modules the served classes, without a warning, and takes them back."""
    code = """
warnings.simplefilter("error")
before = dict(vars(worker))
with mpthread_hook.enable(late="rebind"):
    import multiprocessing.queues, multiprocessing.context
    inside = [worker.SimpleQueue is multiprocessing.queues.SimpleQueue, worker.Process is multiprocessing.Process]
    queue = worker.SimpleQueue(ctx=multiprocessing.get_context()); queue.put(1); inside.append(queue.get())
print(json.dumps([inside, [key for key, value in vars(worker).items() if before.get(key) is not value]]))
"""
    assert late(code) == [[True, True, 1], []]


def test_everything_is_as_it_was(late: Any) -> None:
    """After disable(): modules, their order, attributes, bases, code objects; and real processes work."""
    code = """
def picture():
    rooms = [m for n, m in list(sys.modules.items()) if n.partition(".")[0] in ("multiprocessing", "_multiprocessing", "worker", "concurrent")]
    classes = [v for room in rooms for v in vars(room).values() if isinstance(v, type)]
    functions = [v for room in rooms for v in vars(room).values() if hasattr(v, "__code__")]
    return [list(sys.modules.items()), [(room, list(vars(room).items())) for room in rooms],
            [(c, c.__bases__, c.__mro__, dict(vars(c))) for c in classes],
            [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions]]
import mpthread_hook._hook.activation
before = picture()
for mode in ("warn", "rebind"):
    with mpthread_hook.enable(late=mode):
        import multiprocessing.managers
        worker.Process(target=print).start()
after = picture()
known = {name for name, _ in before[0]}
after[0] = [item for item in after[0] if item[0] in known]
same = [one == two for one, two in zip(before, after)]
sink = worker.Queue()
process = worker.Worker(); process.sink = sink; process.start()
pid, name, parent = sink.get(timeout=30); process.join(30)
print(json.dumps([same, pid == process.pid != os.getpid(), pid < 1 << 30, process.exitcode]))
"""
    if not hasattr(os, "fork"):
        pytest.skip("this platform has no fork")
    assert late("multiprocessing.set_start_method('fork', force=True)\n" + QUIET + code) == [
        [True, True, True, True],
        True,
        True,
        0,
    ]


def test_functions_of_the_patched_rooms_follow(late: Any) -> None:
    """What a program took from `os` or `time` before is ours where it matters, and its own again after."""
    code = """
from os import getppid
real = [worker.getpid, getppid]
with mpthread_hook.enable():
    import multiprocessing
    inside = worker.getpid is real[0], getppid is real[1]
    names = mpthread_hook.status()["early_functions"]
print(json.dumps([inside, worker.getpid is real[0], getppid is real[1], "worker.getpid" in names, "__main__.getppid" in names]))
"""
    assert late(QUIET + code) == [[False, False], True, True, True, True]


def test_an_instance_made_early_keeps_working(late: Any) -> None:
    """A real lock made before still locks, also between thread processes, if they inherit it."""
    code = """
with mpthread_hook.enable():
    multiprocessing.set_start_method("fork", force=True)
    with worker.LOCK:
        process = worker.Process(target=worker.LOCK.acquire, args=(False,)); process.start(); process.join()
    print(json.dumps(process.exitcode))
"""
    assert late(QUIET + code) == 0


def test_real_children_from_before_stay_real(late: Any) -> None:
    """A process started before is a process still, and can be joined meanwhile and afterwards."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform has no fork")
    code = """
import multiprocessing
real = multiprocessing.get_context("fork").Process(target=print); real.start(); real.join(30)
with mpthread_hook.enable():
    found = [real.exitcode, real.pid < 1 << 30]
print(json.dumps([*found, real.exitcode]))
"""
    assert late(QUIET + code) == [0, True, 0]
