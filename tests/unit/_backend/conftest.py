"""The backend is tested through the served modules, with the hook enabled for each module of tests."""

from __future__ import annotations

import importlib

import pytest

import mpthread_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@pytest.fixture(scope="module")
def mp() -> Iterator[Any]:
    """Return the served `multiprocessing`; afterwards the hook is off again and no process is left."""
    with mpthread_hook.enable():
        yield importlib.import_module("multiprocessing")


@pytest.fixture(params=["fork", "spawn"])
def ctx(mp: Any, request: pytest.FixtureRequest) -> Any:
    """Return a context of each start method that differs."""
    return mp.get_context(request.param)
