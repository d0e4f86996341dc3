"""On and off: nested, in threads, a thousand times, and exactly as it was in the end."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.interpreters import answer, environment, this_path

pytestmark = [pytest.mark.unit]

#: Everything that the hook could leave behind, as data that can be compared by identity.
PICTURE = """
import gc, json, os, signal, sys, threading, time, warnings
import mpthread_hook

def picture():
    rooms = [os, sys, time, threading, signal, *[m for n, m in list(sys.modules.items()) if n.startswith("concurrent")]]
    return (list(sys.modules.items()), list(sys.meta_path), dict(os.environ),
            [(room, dict(vars(room))) for room in rooms], type(sys), type(os.environ))

def same(before, after):
    wrong = [key for key, value in before[0] if sys.modules.get(key) is not value]
    if [key for key, _ in after[0]][:len(before[0])] != [key for key, _ in before[0]]: wrong.append("order")
    for (room, old), (_, new) in zip(before[3], after[3], strict=False):
        wrong += [f"{room.__name__}.{key}" for key in old.keys() | new.keys() if old.get(key) is not new.get(key)]
    wrong += [name for index, name in enumerate(["", "meta_path", "environ", "", "type(sys)", "type(environ)"])
              if name and before[index] != after[index]]
    return wrong

def news(before, after):
    known = {key for key, _ in before[0]}
    return [key for key, _ in after[0] if key not in known and key.partition(".")[0] != "mpthread_hook"]
"""


def told(code: str, *options: str) -> Any:
    """Run code after the picture's in a fresh interpreter that sees what this one sees."""
    return answer(PICTURE + code, *options, env=environment(this_path()))


def test_enable_and_disable_leave_nothing() -> None:
    """All is as before: modules and their order, the patched rooms, the finders; nothing served is left."""
    code = """
import os.path, sys
before = picture()
mpthread_hook.enable()
import multiprocessing.pool
with multiprocessing.Pool(2) as pool:
    pool.map(abs, [1, 2, 3])
mpthread_hook.disable()
after = picture()
print(json.dumps([same(before, after), [n for n in news(before, after) if "multiprocessing" in n or n == "__mp_main__"]]))
"""
    assert told(code) == [[], []]


def test_it_nests() -> None:
    """Each enable() needs its disable(); one too many is our error and changes nothing."""
    code = """
found = []
mpthread_hook.enable(); mpthread_hook.enable()
mpthread_hook.disable(); found.append(mpthread_hook.enabled())
mpthread_hook.disable(); found.append(mpthread_hook.enabled())
try: mpthread_hook.disable()
except mpthread_hook.errors.ActivationError as error: found.append(str(error))
handle = mpthread_hook.enable(); handle.disable(); handle.disable(); found.append(mpthread_hook.enabled())
print(json.dumps(found))
"""
    assert told("import mpthread_hook.errors\n" + code) == [
        True,
        False,
        "disable() was called more often than enable(): nothing is enabled",
        False,
    ]


def test_a_block_disables_after_an_exception() -> None:
    """The handle of enable() disables at the end of its block, whatever ends it."""
    code = """
try:
    with mpthread_hook.enable():
        raise ValueError
except ValueError:
    print(json.dumps(mpthread_hook.enabled()))
"""
    assert told(code) is False


@pytest.mark.parametrize("early", ["", "import multiprocessing.pool"])
def test_a_thousand_cycles(early: str) -> None:
    """1,000 nested cycles and 1,000 from four threads at once leave no growth and restore exactly."""
    code = f"""
warnings.simplefilter("ignore")
{early}
def cycle(count):
    for _ in range(count):
        with mpthread_hook.enable():
            with mpthread_hook.enable():
                import multiprocessing
                assert multiprocessing.current_process().name == "MainProcess"
                assert multiprocessing.Process(target=cycle).name.startswith("Process-")
cycle(1)
before = picture()
cycle(20)
gc.collect()
objects = len(gc.get_objects())
cycle(1000)
gc.collect()
grown = len(gc.get_objects()) - objects
failures = []
threading.excepthook = lambda args: failures.append(repr(args.exc_value))
before[3][3][1]["excepthook"] = threading.excepthook
threads = [threading.Thread(target=cycle, args=(250,)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
after = picture()
wrong = [name for name in same(before, after) if name not in ("threading._counter", "threading._dangling")]
print(json.dumps([failures, wrong, news(before, after), mpthread_hook.status()["depth"], grown]))
"""
    failures, wrong, new, depth, grown = told(code)
    assert (failures, wrong, new, depth) == ([], [], [], 0)
    assert grown < 50  # no more than caches that fill up once


def test_enabling_again_serves_the_same_modules() -> None:
    """Classes and instances from an earlier block stay valid in a later one."""
    code = """
with mpthread_hook.enable():
    import multiprocessing.queues as first
    queue = __import__("multiprocessing").Queue()
    queue.put(1)
with mpthread_hook.enable():
    import multiprocessing.queues as second
    print(json.dumps([first is second, queue.get(), isinstance(queue, second.Queue)]))
"""
    assert told(code) == [True, 1, True]


#: What a program does between enable() and disable(); each loads other modules, some of them late.
DEEDS = """
import importlib
def nothing(): pass
def package(): importlib.import_module("multiprocessing")
def process(): one = importlib.import_module("multiprocessing").Process(target=int); one.start(); one.join()
def pool():
    with importlib.import_module("multiprocessing").Pool(2) as pool: assert pool.map(abs, [-1]) == [1]
def spawned():
    with importlib.import_module("multiprocessing").get_context("spawn").Pool(2) as pool: assert pool.map(abs, [-1]) == [1]
def queue():
    queue = importlib.import_module("multiprocessing").Queue(); queue.put(1); assert queue.get() == 1
def descriptor():
    reduction = importlib.import_module("multiprocessing.reduction")
    copy = reduction.DupFd(1); os.close(copy.detach())
def manager():
    with importlib.import_module("multiprocessing").Manager() as manager: assert manager.list([1])[0] == 1
def executor():
    with importlib.import_module("concurrent.futures").ProcessPoolExecutor(1) as one: assert one.submit(abs, -1).result() == 1
deeds = [nothing, package, process, pool, spawned, queue, descriptor, manager, executor]
"""


@pytest.mark.parametrize(
    "first", ["nothing", "package", "process", "pool", "spawned", "queue", "descriptor", "manager", "executor"]
)
def test_all_works_when_it_is_on_again(first: str) -> None:
    """Whatever the first time loaded, and left to be loaded, the next times do everything; nothing is left."""
    code = f"""{DEEDS}
for deed in [{first}, *deeds]:
    with mpthread_hook.enable():
        deed()
    assert not [name for name in sys.modules if "multiprocessing" in name.split(".")[0]], deed
print(json.dumps(True))
"""
    assert told(code)


def test_submodules_are_back_with_their_package() -> None:
    """`import multiprocessing` leaves the same modules in `sys.modules` each time, and the same objects."""
    code = """
def modules():
    import multiprocessing.pool
    return {name: id(module) for name, module in sys.modules.items() if name.startswith("multiprocessing")}
with mpthread_hook.enable(): first = modules()
import multiprocessing.reduction as stock
for name in [name for name in sys.modules if name.startswith("multiprocessing")]: del sys.modules[name]
with mpthread_hook.enable(): second = modules()
print(json.dumps([len(first) > 6, first == second, id(stock) in second.values()]))
"""
    assert told(code) == [True, True, False]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_outlives_disable_leaves_nothing(method: str) -> None:
    """All is as before, though the illusions were laid on when the hook was turned off; it can be on again."""
    code = f"""
import threading, socket, logging
sys.excepthook, threading.excepthook = [lambda *args: None] * 2
before = picture()
for _ in range(3):
    handle = mpthread_hook.enable()
    import multiprocessing
    gate, away, begun, begin = *os.pipe(), *os.pipe()
    steps = f"[os.write({{begin}}, b'x'), os.read({{gate}}, 1)]"
    process = multiprocessing.get_context("{method}").Process(target=eval, args=(steps.replace("os", "__import__('os')"),))
    process.start()
    os.read(begun, 1)
    try: handle.disable(timeout=0)
    except mpthread_hook.errors.LeftoverProcessError: pass
    os.write(away, b"x")
    process.join()
    wrong = same(before, picture())
    if wrong: break
print(json.dumps([wrong, process.exitcode]))
"""
    assert told(code) == [[], 0]


def test_no_process_begins_after_disable() -> None:
    """It would do to the program what it does to itself: `start()` is an error, and nothing has begun."""
    code = """
with mpthread_hook.enable():
    import multiprocessing
process = multiprocessing.Process(target=sys.exit, args=(3,))
try: process.start()
except mpthread_hook.errors.ActivationError as error: text = str(error)
with mpthread_hook.enable():
    process.start()
    process.join()
print(json.dumps([process.name in text, process.exitcode]))
"""
    assert told(code) == [True, 3]


def test_objects_of_an_earlier_time_work_by_every_way_in() -> None:
    """A start-up file that turns it on again, and `enable()`, finish the patches before a process starts."""
    code = """
import os
with mpthread_hook.enable():
    import multiprocessing
os.environ["MPTHREAD_HOOK"] = "1"
import mpthread_hook.auto
process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(4))
process.start()
process.join()
print(json.dumps([mpthread_hook.enabled(), process.exitcode]))
"""
    assert told(code) == [True, 4]


def test_enable_that_fails_is_as_if_it_had_not_been_called() -> None:
    """Also where what fails is the second stage, for objects of an earlier time."""
    code = """
from mpthread_hook._hook import patching
with mpthread_hook.enable():
    import multiprocessing
def broken(*args): raise RuntimeError("broken")
apply, patching._apply = patching._apply, broken
try: mpthread_hook.enable()
except RuntimeError as error: text = str(error)
off = mpthread_hook.enabled(), mpthread_hook.status()["depth"]
patching._apply = apply
with mpthread_hook.enable():
    process = multiprocessing.Process(target=int)
    process.start()
    process.join()
print(json.dumps([text, off, process.exitcode]))
"""
    assert told(code) == ["broken", [False, 0], 0]


def test_a_child_ends_in_silence_after_disable() -> None:
    """Its end needs modules; they are ours, though `sys.modules` has the interpreter's or none by then."""
    code = """
handle = mpthread_hook.enable()
import multiprocessing.util
gate, begun, ended = threading.Event(), threading.Event(), []
def child():
    multiprocessing.util.Finalize(None, ended.append, args=(1,), exitpriority=1)
    begun.set()
    gate.wait()
process = multiprocessing.Process(target=child, daemon=True)
process.start()
begun.wait()
try: handle.disable(timeout=0)
except mpthread_hook.errors.LeftoverProcessError: pass
import multiprocessing.util as stock
gate.set()
process.join()
print(json.dumps([id(stock) == id(mpthread_hook._served.MODULES[stock.__name__]), process.exitcode, ended]))
"""
    assert told(code) == [False, 0, [1]]


def test_leftover_processes_are_named() -> None:
    """disable() waits, then restores all the same, and names what is still alive."""
    code = """
import threading
mpthread_hook.enable()
import multiprocessing
gate, begun = threading.Event(), threading.Event()
def child():
    begun.set()
    gate.wait()
process = multiprocessing.Process(target=child, name="straggler")
process.start()
begun.wait()
try: mpthread_hook.disable(timeout=0.05)
except Exception as error: text, kind = str(error), type(error).__name__
gate.set()
print(json.dumps([kind, "'straggler'" in text, mpthread_hook.enabled(), "multiprocessing" in sys.modules]))
"""
    assert told(code) == ["LeftoverProcessError", True, False, False]


def test_a_finished_child_is_waited_for() -> None:
    """disable() gives a child that is about to end the time to end."""
    code = """
mpthread_hook.enable()
import multiprocessing, time
multiprocessing.Process(target=time.sleep, args=(0.2,)).start()
mpthread_hook.disable()
print(json.dumps(mpthread_hook.status()["processes"]))
"""
    assert all(process["ended"] for process in told(code))


def test_modules_built_on_served_ones_do_not_stay() -> None:
    """`concurrent.futures.process`, imported meanwhile, is imported anew for real processes afterwards."""
    code = """
import concurrent.futures
before = dict(vars(concurrent.futures))
with mpthread_hook.enable():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1) as executor:
        inside = executor.submit(os.getpid).result() != os.getpid()
left = ["concurrent.futures.process" in sys.modules, ProcessPoolExecutor in vars(concurrent.futures).values()]
import concurrent.futures.process as again
print(json.dumps([inside, left, type(again.mp.__spec__.loader).__module__.partition(".")[0]]))
"""
    inside, left, loader = told(code)
    assert inside
    assert left == [False, False]
    assert loader != "mpthread_hook"


def test_original_gives_the_real_thing() -> None:
    """`original()` returns what a patched name was, and what an unpatched one is."""
    code = """
real = [os.getpid, os.path.join]
with mpthread_hook.enable():
    import multiprocessing
    found = [os.getpid is real[0], mpthread_hook.original("os", "getpid") is real[0]]
    found.append(mpthread_hook.original("posixpath" if os.name == "posix" else "ntpath", "join") is real[1])
print(json.dumps([*found, os.getpid is real[0], mpthread_hook.original("os", "getpid") is real[0]]))
"""
    assert told(code) == [False, True, True, True, True]


def test_enabling_imports_nothing_served() -> None:
    """enable() installs the finder only: multiprocessing is not imported, and nothing is patched."""
    code = """
real = os.getpid
mpthread_hook.enable()
names = [name for name in sys.modules if "multiprocessing" in name or ".emulation" in name or "._backend" in name]
print(json.dumps([names, os.getpid is real, mpthread_hook.status()["completed"]]))
"""
    assert told(code) == [[], True, False]


def test_a_real_fork_can_use_it() -> None:
    """The child of a real fork, made while another thread held the lock, can enable and disable."""
    if sys.platform == "win32":
        pytest.skip("this platform has no fork")
    code = """
import mpthread_hook._switch as switch, mpthread_hook._hook.activation
held, go = threading.Event(), threading.Event()
def hold():
    with switch.lock:
        held.set(); go.wait()
thread = threading.Thread(target=hold); thread.start(); held.wait()
warnings.simplefilter("ignore")
pid = os.fork()
if pid == 0:
    with mpthread_hook.enable():
        os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
go.set(); thread.join()
print(json.dumps(status))
"""
    assert told(code) == 7


def test_the_first_process_brings_what_is_for_processes() -> None:
    """What is in force only while there are processes is loaded with the first, whoever of several makes it."""
    code = """
import logging, weakref
before = picture()
mpthread_hook.enable()
import multiprocessing
names = ["streams", "doors", "files", "hooks", "module_class", "finalizers", "loggers"]
def loaded(): return [name for name in names if f"mpthread_hook._emulation.{name}" in sys.modules]
def child(results): sys.argv, sys.excepthook = ["child"], print; results.put([sys.stdout is not sys.__dict__["stdout"], sys.argv])
early, found = loaded(), []
for enabled_again in (False, True):
    if enabled_again: mpthread_hook.disable(); mpthread_hook.enable(); import multiprocessing
    context = multiprocessing.get_context("fork")
    results, go = context.Queue(), threading.Event()
    def make(): go.wait(); process = context.Process(target=child, args=(results,)); process.start(); process.join()
    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads: thread.start()
    go.set()
    for thread in threads: thread.join()
    found += [results.get() for _ in threads]
mpthread_hook.disable()
print(json.dumps([early, loaded() == names, found == [[True, ["child"]]] * 16, same(before, picture())]))
"""
    assert told(code) == [[], True, True, []]


def test_status_is_plain_data() -> None:
    """status() can be dumped as JSON at every moment, and says why."""
    code = """
found = [mpthread_hook.status()]
with mpthread_hook.enable():
    found.append(mpthread_hook.status())
    import multiprocessing
    found.append(mpthread_hook.status())
found.append(mpthread_hook.status())
print(json.dumps(found))
"""
    before, on, used, after = told(code)
    assert [state["enabled"] for state in (before, on, used, after)] == [False, True, True, False]
    assert [state["reason"] for state in (before, on, used, after)] == [
        "off: nobody turned it on",
        "on: enable() was called",
        "on: enable() was called",
        "off: disable() was called",
    ]
    assert (on["completed"], used["completed"], after["completed"]) == (False, True, False)
    assert "multiprocessing.context" in used["served"]
    assert used["patches"] > 0 == after["patches"]
