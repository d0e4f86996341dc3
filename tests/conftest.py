"""What holds for every test: one tier, a docstring, and nothing left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TIERS = ("unit", "integration", "system", "conformance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without exactly one tier or without a sentence that says what must hold."""
    wrong = []
    for item in items:
        tiers = [tier for tier in TIERS if item.get_closest_marker(tier)]
        if len(tiers) != 1:
            wrong.append(f"{item.nodeid}: one of the markers {', '.join(TIERS)} is due, it has {tiers}")
        if not (getattr(getattr(item, "obj", None), "__doc__", None) or "").strip():
            wrong.append(f"{item.nodeid}: a docstring that says what must hold is due")
    if wrong:
        raise pytest.UsageError("\n".join(wrong))


def _finders() -> list[object]:
    return [finder for finder in sys.meta_path if type(finder).__module__.startswith("mpthread_hook")]


@pytest.fixture(autouse=True)
def _leaves_nothing() -> Iterator[None]:
    """Fail a test that leaves a thread, a thread process, our finder or a change of the environment."""
    threads, environ, finders = set(threading.enumerate()), dict(os.environ), _finders()
    yield
    deadline = time.monotonic() + 30
    left = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in left:
        thread._started.wait(max(0.0, deadline - time.monotonic()))  # it may be known before it can be joined
        thread.join(max(0.0, deadline - time.monotonic()))
    assert [thread for thread in left if thread.is_alive()] == []
    identity = sys.modules.get("mpthread_hook._identity")
    if identity is not None:
        assert [process for process in identity.PROCESSES.values() if not process.ended] == []
    assert _finders() == finders
    ours = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    environ.pop("PYTEST_CURRENT_TEST", None)
    assert ours == environ
