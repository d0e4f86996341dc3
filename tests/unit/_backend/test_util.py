"""Finalizers: where and when they run."""

from __future__ import annotations

import _thread
import gc
import importlib
import sys
import threading

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


@pytest.mark.parametrize("hook", ["on_leave", "on_death"])
def test_a_finalizer_never_runs_in_a_thread_that_its_process_may_wait_for(
    hook: str, mp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the collector finds in a thread of a child that acts as the program for its end is finalized in another.

    It may not be in the child any more, or still be, so that the end of the child would break the function off.
    """
    util = importlib.import_module("multiprocessing.util")
    life = importlib.import_module("mpthread_hook._identity.life")
    ran, finalized = threading.Event(), []

    class Thing:
        pass

    def finalize() -> None:
        finalized.append(threading.current_thread().name)
        ran.set()

    things = [Thing()]
    util.Finalize(things[0], finalize)
    left: list[str] = []

    def collect(ending: Any) -> None:
        if things:
            left.append(type(ending).__name__)
            things.clear()

    monkeypatch.setattr(life, hook, [collect, *getattr(life, hook)])
    child = mp.Process(target=int)
    child.start()
    child.join(LONG)
    assert ran.wait(LONG)
    assert len(left) == 1
    assert finalized == ["finalizers"]


@pytest.mark.parametrize(("name", "thread"), [("mpthread_hook._backend.pipe", "finalizers"), ("m", None)])
def test_a_finalizer_never_runs_in_the_middle_of_our_code(name: str, thread: str | None, mp: Any) -> None:
    """Code of ours may hold a lock that a server needs for whom the finalizer waits; elsewhere it runs on the spot."""
    util = importlib.import_module("multiprocessing.util")
    code: dict[str, Any] = {"__name__": name, "collect": gc.collect}
    exec("def interrupted(): collect()", code)
    finalized: list[str] = []
    ran = threading.Event()

    class Knot:
        def __init__(self) -> None:
            self.me = self

    def finalize() -> None:
        finalized.append(threading.current_thread().name)
        ran.set()

    collects = gc.isenabled()
    gc.disable()
    try:
        util.Finalize(Knot(), finalize)
        code["interrupted"]()
        assert thread is not None or ran.is_set()
    finally:
        if collects:
            gc.enable()
    assert ran.wait(LONG)
    assert finalized == [thread or threading.current_thread().name]


def test_a_finalizer_that_interrupts_no_code_at_all(mp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread was started with may be let go after its last frame: there is nothing that it interrupts."""
    util = importlib.import_module("multiprocessing.util")
    errors: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", errors.append)
    ran = threading.Event()

    class Thing:
        pass

    def start() -> None:
        thing = Thing()
        util.Finalize(thing, ran.set)
        _thread.start_new_thread(lambda *_: go.wait(LONG), (thing,))

    go = threading.Event()
    start()
    go.set()
    assert ran.wait(LONG)
    assert errors == []


@pytest.mark.parametrize("gil", [True, False])
def test_no_number_is_given_twice(gil: bool, mp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a GIL, four threads that count together get every number once."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: gil, raising=False)
    count = importlib.import_module("mpthread_hook._backend.util").counter(5)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(count() for _ in range(1000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert sorted(seen) == list(range(5, 4005))
