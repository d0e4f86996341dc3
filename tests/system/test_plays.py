"""Plays in the sandbox come out as with stock: PLAY_HOSTS, PLAY_FORKS and PLAY_REPEATS make them larger."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.system.comparison import HOOKED, SANDBOXED, Size, play

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Stock

pytestmark = [pytest.mark.system, pytest.mark.timeout(int(os.environ.get("PLAY_LIMIT", "600")))]


def compare(stock: Stock, folder: Path, name: str, strategy: str, size: Size, how: tuple[str, ...]) -> None:
    """Play ``name`` as often as the size says, and fail with every difference of every run."""
    expected = stock(name, size, strategy)
    bad = {}
    for number in range(size.repeats):
        found = play(name, how, folder / f"run{number}", size, strategy=strategy, limit=3000)
        differences = found.differences(expected)
        if differences:
            bad[number] = [*differences[:30], found.stderr[-2000:]]
    report = "\n".join(f"run {number}:\n  " + "\n  ".join(lines) for number, lines in bad.items())
    assert not bad, f"{len(bad)} of {size.repeats} runs differ from stock\n{report}"


@pytest.mark.parametrize("strategy", ["linear", "free", "host_pinned"])
def test_the_language(stock: Stock, tmp_path: Path, sandbox: None, strategy: str) -> None:
    """Loops, includes, lookups, filters, blocks, until, handlers, timeouts, delegation and roles."""
    compare(stock, tmp_path, "language", strategy, Size.from_environment(6, 6), SANDBOXED)


@pytest.mark.smoke
def test_the_language_in_small(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """The same on three hosts, two at a time, so that workers are reused while others wait."""
    compare(stock, tmp_path, "language", "linear", Size(3, 2, 1), SANDBOXED)


def test_in_step(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """What needs all hosts in step: run_once, add_host, pause, any_errors_fatal."""
    compare(stock, tmp_path, "once", "linear", Size.from_environment(6, 6), SANDBOXED)


@pytest.mark.smoke
@pytest.mark.parametrize("strategy", ["linear"])
def test_modules(stock: Stock, tmp_path: Path, sandbox: None, strategy: str) -> None:
    """Modules run in the process, with real effects on disk and against a real web server."""
    compare(stock, tmp_path, "modules", strategy, Size.from_environment(2, 2), SANDBOXED)


@pytest.mark.smoke
def test_commands(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """Commands of a shell, Python programs and scripts run in the process; accounts that are right stay so."""
    compare(stock, tmp_path, "commands", "linear", Size.from_environment(3, 3), SANDBOXED)


def test_modules_free(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """The same when every host runs ahead as it can."""
    size = Size.from_environment(2, 2)
    found = play("modules", SANDBOXED, tmp_path / "run", size, strategy="free", limit=3000)
    # Nothing in this play depends on the step, so stock need not run it twice.
    assert found.differences(stock("modules", size, "linear").out_of_step()) == []


def test_modules_as_processes(stock: Stock, tmp_path: Path) -> None:
    """Where processes can be created the modules still run as such, and the outcome is the same."""
    compare(stock, tmp_path, "modules", "linear", Size(2, 2, 1), HOOKED)


def test_persistent_connections(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """What `ansible-connection` would fork to serve a device is a thread process, and leaves no socket behind."""
    size = Size.from_environment(2, 2)
    assert stock("persistent", size).status == 0, stock("persistent", size).stdout
    compare(stock, tmp_path, "persistent", "linear", size, SANDBOXED)
    left = tmp_path / "run0" / "home"
    assert [path for path in left.rglob("*") if path.is_socket()] == []


def test_service_facts(tmp_path: Path, sandbox: None) -> None:
    """The module runs, and says that it knows of no service where it can ask no program."""
    found = play("services", SANDBOXED, tmp_path / "run", Size(2, 2, 1))
    assert found.status == 0, found.stdout + found.stderr
    assert found.stdout.count('"msg": "failed=False True"') == 2


def test_many_hosts(stock: Stock, tmp_path: Path, sandbox: None) -> None:
    """Twenty tasks on many hosts: as with processes (``PLAY_HOSTS=200 PLAY_FORKS=50``)."""
    compare(stock, tmp_path, "many", "linear", Size.from_environment(6, 4), SANDBOXED)


def test_many_hosts_again_and_again(tmp_path: Path, sandbox: None) -> None:
    """The same play five times in one program: what is resident after the second time is enough for the others."""
    size = Size.from_environment(6, 4)
    options = ("-e", '{"watched": true}')
    found = play("again", SANDBOXED, tmp_path / "run", size, options=options, limit=3000)
    assert found.status == 0, found.stdout[-3000:] + found.stderr
    resident = [int(number) for number in re.findall(r"resident=(\d+)", found.stdout)]
    assert len(resident) == 5
    allowed = 8 * 1024 + 32 * size.hosts
    assert resident[-1] - resident[1] < allowed, f"resident set in kB: {resident}"


def test_memory_does_not_grow(tmp_path: Path, sandbox: None) -> None:
    """Two thousand module runs leave less than 8 MB behind."""
    size = Size(4, 4, 1)
    options = ("-e", "first=40", "-e", "more=500")
    found = play("growth", SANDBOXED, tmp_path / "run", size, options=options)
    assert found.status == 0, found.stderr
    before, after = map(int, re.findall(r"resident=(\d+)", found.stdout))
    assert found.recap["h00"].startswith("ok=6 ")
    assert after - before < 8 * 1024, f"resident set grew from {before} to {after} kB"
