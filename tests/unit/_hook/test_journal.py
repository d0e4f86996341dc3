"""The journal puts back exactly what it changed."""

from __future__ import annotations

import types

import pytest

from mpthread_hook._hook.journal import Journal

pytestmark = [pytest.mark.unit]


def test_attributes_come_back() -> None:
    """A changed attribute has its value again, an added one is gone, the last change is undone first."""
    module = types.ModuleType("room")
    module.__dict__["kept"] = original = object()
    before = dict(vars(module))
    journal = Journal()
    journal.set(module, "kept", 1)
    journal.set(module, "kept", 2)
    journal.set(module, "added", 3)
    assert (module.kept, module.added, len(journal)) == (2, 3, 3)
    assert journal.original("room", "kept") is original
    journal.rollback()
    assert vars(module) == before
    assert len(journal) == 0
    with pytest.raises(KeyError):
        journal.original("room", "kept")


def test_an_inherited_attribute_is_not_copied() -> None:
    """What a class had from its base it has from its base again, and not as its own."""

    class Base:
        value = 1

    class Derived(Base):
        pass

    journal = Journal()
    journal.set(Derived, "value", 2)
    assert Derived.value == 2
    journal.rollback()
    assert Derived.value == 1
    assert "value" not in vars(Derived)


def test_mapping_entries_come_back() -> None:
    """Changed, added and removed entries are as before."""
    mapping = {"changed": 1, "removed": 2}
    journal = Journal()
    journal.item(mapping, "changed", 10)
    journal.item(mapping, "added", 11)
    journal.pop(mapping, "removed")
    journal.pop(mapping, "never there")
    assert mapping == {"changed": 10, "added": 11}
    journal.rollback()
    assert mapping == {"changed": 1, "removed": 2}


def test_one_failure_does_not_keep_the_others() -> None:
    """A change that cannot be undone is raised at the end, after all others were."""
    mapping: dict[str, int] = {}
    journal = Journal()
    journal.item(mapping, "a", 1)
    journal.undo(lambda: 1 / 0)
    journal.item(mapping, "b", 1)
    with pytest.raises(ZeroDivisionError):
        journal.rollback()
    assert mapping == {}
    assert len(journal) == 0
