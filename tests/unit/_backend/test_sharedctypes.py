"""Shared values: fewer locks are taken, and nobody can tell."""

from __future__ import annotations

import threading

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def test_access_waits_for_the_lock_of_somebody_else(mp: Any) -> None:
    """While another thread holds the lock of an array or a value, reading and writing wait."""
    for make, read in ((lambda: mp.Array("i", [1, 2]), "item"), (lambda: mp.Value("i", 1), "value")):
        shared = make()
        entered, done, seen = threading.Event(), threading.Event(), []

        def reader(shared: Any = shared, read: str = read, seen: Any = seen, entered: Any = entered) -> None:
            entered.set()
            seen.append(shared[0] if read == "item" else shared.value)

        thread = threading.Thread(target=reader)
        with shared.get_lock():
            thread.start()
            assert entered.wait(LONG)
            assert seen == []
            if read == "item":
                shared[0] = 7  # the holder does not wait for itself
            else:
                shared.value = 7
            done.set()
        thread.join(LONG)
        assert seen == [7]


def test_a_lock_that_is_not_recursive_still_refuses_its_holder(mp: Any) -> None:
    """With a plain Lock, whoever holds it has to wait at an access, as in the stdlib."""
    lock = mp.Lock()
    value = mp.Value("i", 1, lock=lock)
    lock.acquire()
    reached = []
    thread = threading.Thread(target=lambda: reached.append(value.value))
    thread.start()
    assert reached == []
    lock.release()
    thread.join(LONG)
    assert reached == [1]


def test_slices_and_negative_indices(mp: Any) -> None:
    """What is no plain index, or is no plain value, means what it means in the stdlib."""
    array = mp.Array("i", [1, 2, 3])
    array[-1] = 9
    array[0:2] = [4, 5]
    assert array[:] == [4, 5, 9]
    with pytest.raises(IndexError):
        array[3]
    with pytest.raises(TypeError):
        array[0] = "x"
    assert array._lock._semlock._get_value() == 1
