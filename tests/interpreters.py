"""Fresh interpreters for tests: none of this environment's start-up files, one JSON answer each."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SITECUSTOMIZE = os.path.join(ROOT, "sitecustomize.py")


def package() -> str:
    """Return the folder of the package under test, as installed or as PYTHONPATH names it."""
    import mpthread_hook

    return os.path.dirname(os.path.abspath(mpthread_hook.__file__))


def place_package(folder: str) -> str:
    """Make the package importable from ``folder``, and nothing else of the place where it is."""
    os.makedirs(folder, exist_ok=True)
    os.symlink(package(), os.path.join(folder, "mpthread_hook"))
    return folder


def copy_package(folder: str) -> str:
    """Copy the package into ``folder``, without byte code."""
    shutil.copytree(
        package(), os.path.join(folder, "mpthread_hook"), ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


def place_sitecustomize(folder: str) -> str:
    """Copy the repository's sitecustomize.py into ``folder`` and return its path."""
    os.makedirs(folder, exist_ok=True)
    return shutil.copy(SITECUSTOMIZE, os.path.join(folder, "sitecustomize.py"))


def place_startup_files(folder: str) -> str:
    """Put what the wheel has beside the package into ``folder``: start-up files and what the .pth line imports."""
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(package(), "_startup")
    for name in os.listdir(source):
        if name.startswith("00-"):
            shutil.copy(os.path.join(source, name), folder)
    shutil.copy(SITECUSTOMIZE, os.path.join(folder, "_mpthread_hook_start.py"))
    return folder


def make_venv(folder: str) -> str:
    """Make an environment without pip, as fresh as one can be, and return its interpreter."""
    venv.EnvBuilder(symlinks=os.name != "nt").create(folder)
    names = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *names)


@functools.cache
def bare_python() -> str:
    """Return an interpreter whose environment holds nothing, so no ``.pth`` of ours either."""
    folder = tempfile.mkdtemp(prefix="mpthread-bare-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_venv(os.path.join(folder, "venv"))


def site_packages(python: str) -> str:
    """Return the site-packages of an interpreter."""
    done = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    return done.stdout.strip()


def environment(path: Sequence[str] = (), **variables: str) -> dict[str, str]:
    """Return an environment in which nothing of this run's Python, coverage or hook settings is left."""
    ours = ("PYTHON", "MPTHREAD", "COV", "COVERAGE", "PYTEST", "AWS_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    if path:
        env["PYTHONPATH"] = os.pathsep.join(path)
    env.update(variables)
    return env


def this_path() -> list[str]:
    """Return what this interpreter imports from, without the checkout's root: no sitecustomize of ours."""
    return [entry for entry in sys.path if entry and os.path.realpath(entry) != os.path.realpath(ROOT)]


def run(
    *command: str, env: Mapping[str, str] | None = None, cwd: str | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it printed; its status is the caller's business."""
    return subprocess.run(
        command,
        env=environment() if env is None else env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def answer(
    code: str,
    *options: str,
    python: str = sys.executable,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stderr: str | None = "",
) -> Any:
    """Run ``code``, which prints one line of JSON last, and return it; checks what it wrote to stderr."""
    done = run(python, *options, "-c", code, env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    if stderr is not None:
        assert done.stderr == stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
