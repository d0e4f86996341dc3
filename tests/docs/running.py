"""Runs the blocks of one unit in a folder of their own, with the commands that the documentation uses."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tests.interpreters import environment, this_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.blocks import Block, Unit

#: Seconds that one block may take.
LIMIT = 120


def _lacks(module: str) -> Callable[[], str]:
    return lambda: "" if find_spec(module) is not None else f"{module} is not installed"


def _linux() -> str:
    return "" if sys.platform.startswith("linux") else "it is about Linux"


def _seccomp() -> str:
    good = sys.platform.startswith("linux") and os.uname().machine in {"x86_64", "aarch64"}
    return "" if good else "the filter that denies processes is for Linux on x86-64 and AArch64"


#: What a unit may need, and a function that says why it is not there, or "".
MISSING: dict[str, Callable[[], str]] = {
    "ansible": _lacks("ansible"),
    "briefcase": _lacks("briefcase"),
    "coverage": _lacks("coverage"),
    "pytest": _lacks("pytest"),
    "linux": _linux,
    "seccomp": _seccomp,
}


def missing(unit: Unit) -> str:
    """Return why a unit cannot run here, or ""."""
    return "; ".join(filter(None, (MISSING[need]() for need in sorted(unit.needs))))


def _commands(folder: str) -> str:
    """Make a folder with the commands of the documentation, all of them on this interpreter."""
    os.mkdir(folder)
    for name, rest in (
        ("python", ""),
        ("python3", ""),
        ("pytest", "-m pytest -p mpthread_hook.pytest_plugin -p no:cacheprovider"),
        ("coverage", "-m coverage"),
        ("briefcase", "-m briefcase"),
        ("mpthread_hook", "-m mpthread_hook"),
    ):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            # Briefcase makes an environment of its own, which must not find this one's packages.
            clean = "unset PYTHONPATH\n" if name == "briefcase" else ""
            file.write(f'#!/bin/sh\n{clean}exec "{sys.executable}" {rest} "$@"\n')
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return folder


class Workplace:
    """A folder and the environment in which the blocks of a unit run."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, "work")
        os.mkdir(self.folder)
        home = os.path.join(folder, "home")
        os.mkdir(home)
        bin_folder = _commands(os.path.join(folder, "bin"))
        self.env = environment(this_path(), HOME=home, LC_ALL="C.UTF-8")
        for key in [key for key in self.env if key.startswith("ANSIBLE_")]:
            del self.env[key]
        self.env["PATH"] = os.pathsep.join((bin_folder, os.path.dirname(sys.executable), os.environ["PATH"]))
        self.written = ""
        self.count = 0

    def do(self, block: Block, where: str) -> None:
        """Do with a block what its comment says."""
        words = block.words
        if "file" in words:
            self._write(words["file"], block.text)
        if "parse" in words:
            tomllib.loads(block.text)
        if "run" in words:
            self._run(block, where)
        if "output" in words:
            assert matches(block.text, self.written), (
                f"{where}: it wrote\n{self.written}\nand the page says\n{block.text}"
            )

    def _write(self, name: str, text: str) -> None:
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _run(self, block: Block, where: str) -> None:
        if block.language == "python":
            self.count += 1
            name = block.words.get("code") or f"example_{self.count}.py"
            self._write(name, block.text)
            command = ["python", name]
        else:
            command = ["sh", "-e", "-c", block.text]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        self.written = done.stdout
        expected = int(block.words.get("status", "0"))
        assert done.returncode == expected, (
            f"{where}: status {done.returncode}, not {expected}\n{self.written}"
        )


def matches(expected: str, written: str) -> bool:
    """Return whether a text is as expected, where ``...`` stands for anything and ends of lines do not count.

    A line of three dots stands for any number of lines, none included.
    """
    parts = []
    for line in expected.strip().splitlines():
        text = line.rstrip()
        parts.append("(?:.*\n)?" if text == "..." else ".*".join(map(re.escape, text.split("..."))) + "\n")
    text = "".join(line.rstrip() + "\n" for line in written.strip().splitlines())
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
