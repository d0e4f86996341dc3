"""What holds for every test of an adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home: keys of hosts are added to the user's, and a later server on the port has another."""
    monkeypatch.setenv("HOME", str(tmp_path))
