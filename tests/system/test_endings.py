"""Workers that raise, leave or are killed: the play ends as on processes, and nobody's output is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.system.comparison import HOOKED, SANDBOXED, STOCK, Outcome, Size, play

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

FIVE = Size(5, 5, 1)


def ending(how: tuple[str, ...], folder: Path, end: str, victims: list[str]) -> Outcome:
    options = ("-e", json.dumps({"end": end, "victims": victims}))
    return play("endings", how, folder, FIVE, options=options, limit=120)


def first_task(found: Outcome) -> Counter[str]:
    """Count the lines of the task before the end, which everybody finished."""
    return Counter(re.findall(r"^ok: \[h\d+\] => \(item=\d\) => \{$", found.stdout, re.MULTILINE))


@pytest.mark.smoke
def test_a_worker_that_raises(tmp_path: Path, sandbox: None) -> None:
    """The exception fails the task of that host alone; the comparison with stock is whole."""
    expected = ending(STOCK, tmp_path / "stock", "raise", ["h01", "h02"])
    found = ending(SANDBOXED, tmp_path / "hook", "raise", ["h01", "h02"])
    assert found.differences(expected) == []
    assert found.recap["h01"].split()[3] == "failed=1"


@pytest.mark.parametrize("victims", [["h03"], ["h01", "h02"]], ids=["one", "two at once"])
@pytest.mark.parametrize("end", ["exit", "kill"])
def test_a_worker_that_is_gone(tmp_path: Path, sandbox: None, end: str, victims: list[str]) -> None:
    """The play ends with stock's status and words, and what was printed before is complete."""
    expected = ending(STOCK, tmp_path / "stock", end, victims)
    found = ending(SANDBOXED, tmp_path / "hook", end, victims)
    assert found.status == expected.status != 0
    sentence = "A worker was found in a dead state"
    assert sentence in expected.stderr + expected.stdout
    assert sentence in found.stderr + found.stdout
    assert first_task(found) == first_task(expected)
    assert sum(first_task(found).values()) == 15


def test_a_worker_that_is_gone_without_the_sandbox(tmp_path: Path) -> None:
    """Where the system could create processes the end is the same."""
    found = ending(HOOKED, tmp_path / "hook", "exit", ["h01", "h02"])
    assert found.status != 0
    assert "A worker was found in a dead state" in found.stderr + found.stdout
    assert sum(first_task(found).values()) == 15


def on_a_small_disk(how: tuple[str, ...], folder: Path) -> Outcome:
    """Play on a file system of 200 kB, which lies over the folder that the play writes to."""
    mount = 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"'
    return play("full", ("unshare", "-rm", "sh", "-c", mount, str(folder / "root"), *how), folder, Size(3, 3, 1))


def test_a_full_disk(tmp_path: Path, sandbox: None) -> None:
    """Tasks that find the disk full fail as with stock, the others go on, and no file is cut short."""
    can_mount = ("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path))
    if shutil.which("unshare") is None or subprocess.run(can_mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    expected = on_a_small_disk(STOCK, tmp_path / "stock")
    found = on_a_small_disk(SANDBOXED, tmp_path / "hook")
    assert "No space left on device" in expected.stdout
    assert found.differences(expected) == []
