"""Stock's outcomes, which are run once a session for each play, strategy and size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.sandbox import available
from tests.system.comparison import STOCK, Outcome, Size, play

if TYPE_CHECKING:
    from pathlib import Path

Stock = Callable[[str, Size, str], Outcome]

pytest.importorskip("ansible", reason="ansible-core is an extra")


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Return a function that gives the outcome of a play with stock Ansible."""
    known: dict[tuple[str, int, int, str], Outcome] = {}

    def of(name: str, size: Size, strategy: str = "linear") -> Outcome:
        key = name, size.hosts, size.forks, strategy
        if key not in known:
            folder: Path = tmp_path_factory.mktemp("stock")
            known[key] = play(name, STOCK, folder / "run", size, strategy=strategy, limit=3000)
        return known[key]

    return of


@pytest.fixture
def sandbox() -> None:
    """Skip where the kernel cannot deny processes."""
    if not available():
        pytest.skip("no seccomp filter for this kernel or machine")
