"""Two hundred children at a time, each ending in another way: every exit code is right, nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent.parent.parent / "src"
CHILDREN = 200
#: Rounds under the hook; a hundred is the measure of the issue, fewer are for every day.
ROUNDS = int(os.environ.get("FAILURE_INJECTION_ROUNDS", "2"))
SEED = os.environ.get("FAILURE_INJECTION_SEED", "1")


def storm(hook: bool, method: str, rounds: int) -> dict[str, Any]:
    """Run the storm in a fresh interpreter and return what it tells."""
    command = [str(HERE / "storm.py"), method, str(rounds), str(CHILDREN), SEED]
    start = ["-m", "mpthread_hook", "run"] if hook else []
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MPTHREAD_HOOK"))}
    done = subprocess.run(
        [sys.executable, *start, *command],
        env=env | {"PYTHONPATH": str(SOURCES), "MPTHREAD_HOOK": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120 + 60 * rounds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{told['ended']} children in {told['seconds']} s")
    return told


@pytest.fixture(scope="module", params=["fork", "spawn"])
def told(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the rounds under the hook tell, for each start method."""
    return storm(True, request.param, ROUNDS)


def test_the_expectations_hold_for_processes() -> None:
    """On the stock package every child of the table ends as the table says: it is true of processes."""
    seen = storm(False, "fork", 1)
    assert (seen["wrong"], seen["left"], seen["bystander"]) == ([], [], 0)


def test_every_child_ends_as_it_must(told: dict[str, Any]) -> None:
    """Exit codes, ends of pipes, messages put before the end and locks held at the end are as on processes."""
    assert told["wrong"] == []
    assert told["ended"] == CHILDREN * (ROUNDS + 1)


def test_nobody_else_notices(told: dict[str, Any]) -> None:
    """A process that stands by goes on, and no child is left."""
    assert (told["bystander"], told["left"]) == (0, [])


def test_nothing_is_left_over(told: dict[str, Any]) -> None:
    """There are as many threads and descriptors after the rounds as before them."""
    assert all(after <= before for before, after in zip(told["before"], told["after"], strict=True)), (
        told["before"],
        told["after"],
    )


def test_the_abandoned_are_named(told: dict[str, Any]) -> None:
    """Each child that was blocked in foreign C code is reported by its name, and no other one is."""
    foreign = [text for text in told["abandoned"] if "'a write in C'" in text]
    assert [text for text in told["abandoned"] if text not in foreign] == []
    assert len(foreign) == told["foreign"]
