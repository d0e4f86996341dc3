"""Ansible's other programs and its Python API through ``mpthread_hook run``: they print what stock prints."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from typing import TYPE_CHECKING

import pytest

from tests.system.comparison import HERE, PLAYS, SANDBOXED, STOCK, environment, write_inventory

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.system, pytest.mark.smoke]


def run(how: tuple[str, ...], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [*how, *command],
        cwd=PLAYS,
        env=environment(home, ANSIBLE_HOME=str(home / "ansible"), ANSIBLE_REMOTE_TMP=str(home / "remote")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


PROGRAMS = {
    "adhoc debug": ("adhoc", "all", "-i", "INVENTORY", "-f", "1", "-m", "debug", "-a", "msg={{ number }}"),
    "adhoc ping": ("adhoc", "all", "-i", "INVENTORY", "-f", "1", "-m", "ping"),
    "adhoc list": ("adhoc", "odd", "-i", "INVENTORY", "--list-hosts"),
    "inventory list": ("inventory", "-i", "INVENTORY", "--list"),
    "inventory graph": ("inventory", "-i", "INVENTORY", "--graph", "--vars"),
    "inventory host": ("inventory", "-i", "INVENTORY", "--host", "h01"),
    "config dump": ("config", "dump", "--only-changed"),
    "config list": ("config", "list"),
    "doc": ("doc", "ansible.builtin.ping"),
    "doc snippet": ("doc", "-s", "ansible.builtin.copy"),
    "doc list": ("doc", "-t", "strategy", "-l"),
    "playbook version": ("playbook", "--version"),
    "playbook tasks": ("playbook", "-i", "INVENTORY", "--list-tasks", "language.yml"),
    "playbook syntax": ("playbook", "-i", "INVENTORY", "--syntax-check", "language.yml"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_prints_what_stock_prints(tmp_path: Path, sandbox: None, program: str) -> None:
    """Status, standard output and standard error are the same, line by line."""
    inventory = tmp_path / "inventory"
    write_inventory(inventory, 3)
    command = [
        "-m",
        "ansible",
        *(str(inventory) if part == "INVENTORY" else part for part in PROGRAMS[program]),
    ]
    expected = run(STOCK, tmp_path, *command)
    found = run(SANDBOXED, tmp_path, *command)
    assert expected.returncode == 0, expected.stderr
    assert (found.returncode, found.stdout, found.stderr) == (0, expected.stdout, expected.stderr)


def test_the_console_script_itself(tmp_path: Path, sandbox: None) -> None:
    """The script that pip installed runs as SCRIPT."""
    script = os.path.join(sysconfig.get_path("scripts"), "ansible-playbook")
    write_inventory(tmp_path / "inventory", 3)
    found = run(SANDBOXED, tmp_path, script, "-i", str(tmp_path / "inventory"), "quick.yml")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.count("\nok: [h0") == 6


def test_three_playbooks_in_one_program(tmp_path: Path, sandbox: None) -> None:
    """TaskQueueManager plays three times in one program, each time with the results that stock has."""
    program = os.path.join(HERE, "programs", "three_plays.py")
    expected = run(STOCK, tmp_path, program, "4")
    found = run(SANDBOXED, tmp_path, program, "4")
    assert expected.returncode == 0, expected.stderr
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert sorted(lines) == sorted(expected.stdout.splitlines())
    assert [line for line in lines if line.startswith("play")] == [f"play {n} ended with 0" for n in range(3)]
    assert len(lines) == 3 * (1 + 4 * 3)
