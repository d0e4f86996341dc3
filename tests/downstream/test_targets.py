"""A few of ansible-core's integration targets end as they do without the hook.

All of them are run by hand: ``python -m tests.downstream``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from .targets import Target, those_of, unpack

if TYPE_CHECKING:
    from pathlib import Path

SDIST = os.environ.get("MPTHREAD_ANSIBLE_SDIST", "")
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not SDIST,
        reason="MPTHREAD_ANSIBLE_SDIST names no source distribution of the ansible-core that is installed",
    ),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="what a run leaves is looked for in /proc"
    ),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the unpacked source distribution."""
    return unpack(SDIST, str(tmp_path_factory.mktemp("sdist")))


def test_what_a_target_needs_is_found(root: str) -> None:
    """Roles that a target depends on, and what those depend on, are copied with it."""
    assert {"find", "setup_remote_tmp_dir"} <= Target(root, "find").needs()
    assert "setup_remote_tmp_dir" not in {target.name for target in those_of(root)}


@pytest.mark.parametrize(
    ("mode", "name"),
    [("hook", "ping"), ("hook", "args"), ("hook", "add_host"), ("sandbox", "ping"), ("sandbox", "split")],
)
def test_a_target_ends_as_in_stock(mode: str, name: str, root: str, tmp_path: Path) -> None:
    """Its exit status, its recaps and the number of its result lines are the same."""
    from . import running

    stock, ours = (
        running.run(how, sys.executable, Target(root, name), str(tmp_path / "work"), 120)
        for how in ("stock", mode)
    )
    assert stock.status == 0, stock.stdout + stock.stderr
    assert ours.differences(stock) == [], ours.stdout + ours.stderr
