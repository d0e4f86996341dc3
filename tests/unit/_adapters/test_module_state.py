"""A snapshot gives a module back what it held, whatever a program did to it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from mpthread_hook._adapters.module_state import Snapshot

pytestmark = pytest.mark.unit

SOURCE = """
import collections, functools, os
ARGUMENTS = None
warnings = []
table = {"k": [1]}
names = {"a"}
queue = collections.deque([1])
counts = collections.defaultdict(int, a=1)
raw = bytearray(b"ab")

class Base:
    known = set()
    level = 1
    def method(self): return self.level

class Held:
    def __init__(self):
        self.value = 1
        self.items = [1]

held = Held()

@functools.lru_cache(maxsize=None)
def cached(n):
    return len(warnings)
"""


@pytest.fixture
def module() -> Any:
    """A module as it is after its import."""
    module = ModuleType("somewhere")
    exec(SOURCE, vars(module))
    return module


def test_names_come_back(module: Any) -> None:
    """Rebound and deleted names are restored, new ones go, submodules that came meanwhile stay."""
    snapshot = Snapshot(module)
    submodule = ModuleType("somewhere.below")
    module.ARGUMENTS = b"secret"
    module.extra = 1
    module.below = submodule
    del module.names
    snapshot.restore()
    assert module.ARGUMENTS is None
    assert not hasattr(module, "extra")
    assert module.below is submodule
    assert module.names == {"a"}


def test_containers_come_back_in_place(module: Any) -> None:
    """Whoever holds a container sees it restored: it is the same object."""
    snapshot = Snapshot(module)
    warnings, inner = module.warnings, module.table["k"]
    module.warnings.append("w")
    module.table["k"].append(2)
    module.table["new"] = 1
    module.names.clear()
    module.queue.append(2)
    module.counts["b"] += 1
    module.raw += b"c"
    snapshot.restore()
    assert warnings is module.warnings
    assert (module.warnings, module.names, list(module.queue)) == ([], {"a"}, [1])
    assert module.table == {"k": [1]}
    assert module.table["k"] is inner
    assert (dict(module.counts), module.raw) == ({"a": 1}, bytearray(b"ab"))


def test_classes_and_instances_come_back(module: Any) -> None:
    """Attributes of classes and of instances at module level, and the containers in them."""
    snapshot = Snapshot(module)
    module.Base.known.add(1)
    module.Base.level = 2
    module.Base.added = 3
    module.Base.method = None
    module.held.value = 9
    module.held.items.append(2)
    module.held.more = 1
    snapshot.restore()
    assert (module.Base.known, module.Base.level, module.Base().method()) == (set(), 1, 1)
    assert not hasattr(module.Base, "added")
    assert vars(module.held) == {"value": 1, "items": [1]}


def test_caches_start_empty(module: Any) -> None:
    """What a function remembers was true of the program before."""
    snapshot = Snapshot(module)
    module.warnings.append("w")
    assert module.cached(1) == 1
    snapshot.restore()
    assert module.cached(1) == 0


def test_it_can_be_restored_again(module: Any) -> None:
    """Once for each program, as often as there are programs."""
    snapshot = Snapshot(module)
    for _ in range(3):
        module.warnings.append("w")
        module.ARGUMENTS = 1
        snapshot.restore()
        assert (module.warnings, module.ARGUMENTS) == ([], None)


def test_what_an_import_changes_is_kept(module: Any) -> None:
    """Registrations that another module makes while it is imported belong to the state that comes back."""
    snapshot = Snapshot(module)
    module.ARGUMENTS = b"secret"
    module.warnings.append("w")
    snapshot.begin()
    module.names.add("registered")
    module.Base.patched = True
    module.table["new"] = 1
    module.warnings.append("of the import, but the program had changed it before")
    snapshot.end()
    module.names.add("by the program")
    del module.table["k"]
    snapshot.restore()
    assert module.names == {"a", "registered"}
    assert module.Base.patched is True
    assert module.table == {"k": [1], "new": 1}
    assert (module.ARGUMENTS, module.warnings) == (None, [])
