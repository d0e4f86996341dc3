"""Finalizers: where and when they run."""

from __future__ import annotations

import importlib
import threading

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def test_a_finalizer_never_runs_in_a_thread_that_its_process_may_wait_for(
    mp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the collector finds in a thread of a child that is not in it any more is finalized in another one."""
    util = importlib.import_module("multiprocessing.util")
    life = importlib.import_module("mpthread_hook._identity.life")
    ran, finalized = threading.Event(), []

    class Thing:
        pass

    def finalize() -> None:
        finalized.append(threading.get_ident())
        ran.set()

    things = [Thing()]
    util.Finalize(things[0], finalize)
    left: list[int] = []

    def collect(thread: Any) -> None:
        if things:
            left.append(threading.get_ident())
            things.clear()

    monkeypatch.setattr(life, "on_leave", [collect, *life.on_leave])
    child = mp.Process(target=int)
    child.start()
    child.join(LONG)
    assert ran.wait(LONG)
    assert len(left) == 1
    assert finalized != left
