"""Briefcase itself: `dev`, and with a template `create`, `build`, `run --test` and `package linux system`.

``MPTHREAD_HOOK_BRIEFCASE`` names an interpreter that has Briefcase, where this one has not;
``MPTHREAD_HOOK_BRIEFCASE_TEMPLATE`` the folder of a template for Linux system packages, as it needs no network.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.integration.layouts.table import layout
from tests.integration.layouts.test_layouts import AUTO, PROGRAM
from tests.interpreters import (
    copy_package,
    environment,
    place_sitecustomize,
    place_startup_files,
    run,
    site_packages,
)

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.integration]

PROJECT = """
[tool.briefcase]
project_name = "Demo"
bundle = "org.example"
version = "0.0.1"
url = "https://example.org"
author = "Nobody"
author_email = "nobody@example.org"
license = "MIT"
license-files = ["LICENSE"]

[tool.briefcase.app.demo]
formal_name = "Demo"
description = "A demonstration"
long_description = "A demonstration of start-up files."
sources = {sources}
test_sources = ["tests"]
requires = {requires}
console_app = true
"""
TEST_END = "\nprint('>>>>>>>>>> EXIT 0 <<<<<<<<<<')\n"


def python_with_briefcase() -> str:
    """Return an interpreter that has Briefcase."""
    named = os.environ.get("MPTHREAD_HOOK_BRIEFCASE", "")
    if named:
        return named
    if find_spec("briefcase") is None:
        pytest.skip(
            "briefcase is not installed, and MPTHREAD_HOOK_BRIEFCASE names no interpreter that has it"
        )
    return sys.executable


def project(folder: Path, way: str, requires: tuple[str, ...] = ()) -> Path:
    """Write a project whose application says who serves multiprocessing, also when it is tested."""
    root = folder / "project"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "tests").mkdir()
    (folder / "home").mkdir()
    sources = ["src/demo"]
    if way != "wheel":
        copy_package(str(root))
        sources.append("mpthread_hook")
    if way == "sitecustomize":
        place_sitecustomize(str(root))
        sources.append("sitecustomize.py")
    (root / "pyproject.toml").write_text(PROJECT.format(sources=sources, requires=list(requires)))
    (root / "LICENSE").write_text("MIT")
    (root / "README.md").write_text("Demo")
    (root / "CHANGELOG").write_text("0.0.1")
    (root / "src" / "demo" / "__init__.py").write_text("")
    program = AUTO * (way == "auto") + PROGRAM
    (root / "src" / "demo" / "__main__.py").write_text(program)
    (root / "tests" / "__init__.py").write_text("")
    (root / "tests" / "demo.py").write_text(program.partition("if __name__")[0] + "main()" + TEST_END)
    return root


def briefcase(root: Path, *arguments: str, timeout: float = 250) -> subprocess.CompletedProcess[str]:
    """Run a command of Briefcase in the project."""
    env = environment(MPTHREAD_HOOK="1", BRIEFCASE_HOME=str(root.parent / "home"))
    return run(
        python_with_briefcase(),
        "-m",
        "briefcase",
        *arguments,
        "--no-input",
        env=env,
        cwd=str(root),
        timeout=timeout,
    )


@pytest.mark.parametrize("way", list(layout("briefcase dev").ways))
def test_dev(tmp_path: Path, way: str) -> None:
    """`briefcase dev` and `briefcase dev --test` serve multiprocessing through each way in."""
    root = project(tmp_path, way)
    if way == "wheel":
        assert briefcase(root, "dev").returncode == 0
        (python,) = glob.glob(str(root / ".briefcase" / "demo" / "venv-*" / "bin" / "python"))
        place_startup_files(copy_package(site_packages(python)))
    for arguments in (["dev"], ["dev", "--test"]):
        done = briefcase(root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("served" in done.stdout.splitlines()) is layout("briefcase dev").ways[way], done.stdout


@pytest.mark.parametrize("way", list(layout("briefcase package").ways))
def test_linux_system_package(tmp_path: Path, way: str) -> None:
    """A system package is created, built, tested and packaged, and each way in does what the table says."""
    template = os.environ.get("MPTHREAD_HOOK_BRIEFCASE_TEMPLATE", "")
    if not template:
        pytest.skip("MPTHREAD_HOOK_BRIEFCASE_TEMPLATE names no template for Linux system packages")
    if shutil.which("gcc") is None or not sys.platform.startswith("linux"):
        pytest.skip("system packages are built with gcc on Linux")
    wheel = os.environ.get("MPTHREAD_HOOK_WHEEL", "")
    if way == "wheel" and not wheel:
        pytest.skip("MPTHREAD_HOOK_WHEEL names no built wheel to require")
    root = project(tmp_path, way, (wheel,) if way == "wheel" else ())
    chosen = ["linux", "system"]
    for arguments in (
        ["create", *chosen, "-C", f'template="{template}"'],
        ["build", *chosen],
        ["run", *chosen, "--test"],
        ["package", *chosen, "--adhoc-sign"],
    ):
        done = briefcase(root, *arguments)
        if arguments[0] == "create" and "must be run" in done.stdout:
            pytest.skip("Briefcase wants the system's own Python for this, in MPTHREAD_HOOK_BRIEFCASE")
        assert done.returncode == 0, done.stdout + done.stderr
        if arguments[0] == "run":
            assert ("served" in done.stdout.splitlines()) is layout("briefcase package").ways[way], (
                done.stdout
            )
