"""Served modules that are executed when somebody asks for one of their names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interpreters import answer, environment, this_path

pytestmark = [pytest.mark.unit]


def told(code: str) -> Any:
    """Run code in a fresh interpreter with the hook on."""
    return answer(
        "import json, sys\nimport mpthread_hook\nmpthread_hook.enable()\n" + code,
        env=environment(this_path()),
    )


def test_the_import_loads_neither_pickle_nor_socket() -> None:
    """`import multiprocessing` leaves out what its `reduction` needs, and has the module all the same."""
    code = """
import multiprocessing.context
names = ("pickle", "socket", "mpthread_hook._backend.reduction")
before = [name in sys.modules for name in names]
module = sys.modules["multiprocessing.reduction"]
same = module is multiprocessing.reduction is multiprocessing.context.reduction is multiprocessing.reducer
module.ForkingPickler
print(json.dumps([before, same, [name in sys.modules for name in names], type(module).__name__]))
"""
    assert told(code) == [[False] * 3, True, [True] * 3, "module"]


def test_going_through_all_modules_imports_nothing() -> None:
    """Whoever asks every module for its `__path__` and sets its `__file__`, as `test.regrtest` does, may do so."""
    code = """
import mpthread_hook; mpthread_hook.enable()
import multiprocessing, sys
for module in sys.modules.values():
    for name in ("__path__", "__file__", "__name__", "__warningregistry__", "__wrapped__"):
        getattr(module, name, None)
    if getattr(module, "__file__", None):
        module.__file__ = str(module.__file__)
print(json.dumps("pickle" in sys.modules))
"""
    assert answer(f"import json\n{code}", env=environment(this_path())) is False


@pytest.mark.parametrize(
    "use",
    [
        "from multiprocessing.reduction import ForkingPickler",
        "from multiprocessing.reduction import *",
        "import multiprocessing.reduction; vars(multiprocessing.reduction)",
        "import multiprocessing.reduction; multiprocessing.reduction.dump = multiprocessing.reduction.dump",
        "import multiprocessing.reduction; dir(multiprocessing.reduction)",
        "import multiprocessing.reduction, importlib; importlib.reload(multiprocessing.reduction)",
    ],
)
def test_every_use_finds_the_whole_module(use: str) -> None:
    """However it is asked, the module is complete, with ours laid over it, and a plain one from then on."""
    code = f"""
import multiprocessing
{use}
module = sys.modules["multiprocessing.reduction"]
print(json.dumps([type(module).__name__, "ForkingPickler" in vars(module), module.DupFd.__module__, module.__name__]))
"""
    assert told(code) == ["module", True, "multiprocessing.reduction", "multiprocessing.reduction"]


def test_threads_that_ask_at_once_find_the_whole_module() -> None:
    """Who comes second waits until the first one's question has executed the module."""
    code = """
import multiprocessing.context, threading
sys.setswitchinterval(1e-6)
found = []
start = threading.Barrier(8)
def ask():
    start.wait()
    found.append(multiprocessing.reduction.recv_handle.__module__)
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(found))
"""
    assert told(code) == ["multiprocessing.reduction"] * 8


def test_a_room_may_import_the_module_that_it_is_for() -> None:
    """What is laid over `select` imports `select`, and may be what does so first: that is patched afterwards."""
    code = """
import multiprocessing
for name in ("select", "selectors", "socket", "mpthread_hook._emulation.select"):
    sys.modules.pop(name, None)  # as where nobody has imported them yet
import mpthread_hook._emulation.select as room
import select
print(json.dumps([getattr(select, name) is getattr(room, name) for name in ("select", "poll")]))
"""
    assert told(code) == [True, True]


def test_a_module_whose_import_ends_in_this_moment_is_patched() -> None:
    """The second stage sees that a module is being imported, and another thread ends that before it can say so."""
    code = """
from mpthread_hook._hook import patching
later, seen = patching._patch_later, []
def meanwhile(name, unfinished):
    unfinished.__spec__._initializing = False
    seen.append(name)
    later(name, unfinished)
patching._patch_later = meanwhile
import select
select.__spec__._initializing = True
import multiprocessing
import mpthread_hook._emulation.select as room
print(json.dumps([seen, select.select is room.select, type(select.__spec__).__name__]))
"""
    assert told(code) == [["select"], True, "ModuleSpec"]
