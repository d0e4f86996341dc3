"""``python -m mpthread_hook demo``: what a first look shows is true."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.system.comparison import recap

pytestmark = [pytest.mark.system, pytest.mark.smoke]


def test_the_demo_plays_and_counts() -> None:
    """Ten hosts, every count of the recap right, the guard named, no OS process created."""
    done = subprocess.run(
        [sys.executable, "-m", "mpthread_hook", "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = recap(done.stdout)
    assert len(counts) == 10
    assert set(counts.values()) == {"ok=13 changed=6 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0"}
    assert re.search(r"^guard: (seccomp|audit hook): ", done.stdout, re.MULTILINE)
    assert "fork denied, subprocess denied" in done.stdout
    assert re.search(r"^files written: 50$", done.stdout, re.MULTILINE)
    created = re.search(r"^thread processes created: (\d+)$", done.stdout, re.MULTILINE)
    assert created is not None
    assert int(created[1]) >= 130  # a worker for each of 13 tasks on 10 hosts, and the modules
    assert done.stdout.endswith("OS processes created: 0\n")
