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
        module = importlib.import_module("multiprocessing")
        usual = module.get_start_method()
        module.set_start_method("fork", force=True)  # what the tests are written for; the default up to 3.13
        try:
            yield module
        finally:
            module.set_start_method(usual, force=True)


@pytest.fixture(params=["fork", "spawn"])
def ctx(mp: Any, request: pytest.FixtureRequest) -> Any:
    """Return a context of each start method that differs."""
    return mp.get_context(request.param)
