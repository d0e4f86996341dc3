"""The test command: makes environments inside the checkout, runs every suite, ends with one summary line.

``python3 tests/run.py`` needs Python, pip and a package index.  All suites run on the first interpreter (3.11
if there is one, else the one that runs this file); the quick ones and a part of the system tests run again on
every other supported interpreter that is found and starts; and the system tests' comparisons once more with
the oldest ansible-core, and with the next one, whose failures are shown and do not count.  Suites run two at a
time where there are two cores, since most of them keep one busy.  Options: ``--only 3.12`` (repeatable) names
interpreters, ``--keep`` uses the environments as they are, ``--jobs 1`` runs one suite at a time, ``--list`` says
what would run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENVS = os.path.join(ROOT, ".venv-tests")
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
#: The oldest ansible-core that is supported, and the interpreter that it gets an environment of its own on.
OLDEST, ON = "2.16", "3.11"
#: What installs the release that is about to come, over the one that is there.
NEXT = ("--pre", "--upgrade", "--no-deps", "ansible-core")


#: The suites under way: who interrupts this command ends them, too.
RUNNING: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True)
class Suite:
    """One command in one environment, with a time limit in seconds."""

    name: str
    command: tuple[str, ...]
    limit: float
    env: tuple[tuple[str, str], ...] = ()


def pytest_suite(name: str, expression: str, limit: float, *paths: str, **env: str) -> Suite:
    """Return a suite that pytest runs, chosen by markers; of variables, those of the caller count first."""
    command = ("-m", "pytest", "-q", "-m", expression, "-p", "no:cacheprovider", *paths)
    return Suite(name, command, limit, tuple(env.items()))


FULL = (
    Suite("ruff", ("-m", "ruff", "check", "."), 120),
    Suite("mypy", ("-m", "mypy"), 300),
    pytest_suite("unit, integration", "unit or integration", 900),
    pytest_suite("conformance", "conformance", 900, CONFORMANCE="quick"),
    pytest_suite("system", "system", 1500),
)
AGAIN = (
    # The comparison with the stock package takes minutes: it runs on the first interpreter.
    pytest_suite("unit, integration", "unit or integration", 900, "--ignore=tests/integration/comparison"),
    pytest_suite("system smoke", "system and smoke", 600),
)
# How tasks of many hosts work beside each other does not depend on the release.
SMOKE = (pytest_suite("system smoke", "system and smoke", 600, PLAY_HOSTS="1", PLAY_FORKS="1"),)


@dataclass(frozen=True)
class Run:
    """Suites in an environment of their own.

    ``requirements`` are what pip installs there, one set after the other; ``{package}`` is the wheel of this checkout.
    Of a run that is ``advisory`` a failure is shown, and is none.
    """

    name: str
    python: str
    requirements: tuple[tuple[str, ...], ...]
    suites: tuple[Suite, ...]
    advisory: bool = False


def version_of(python: str) -> str:
    """Return "3.x" if ``python`` starts and is a CPython that pip could serve, else ""."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def candidates(version: str) -> list[str]:
    """Return where an interpreter of this version may be, most likely first."""
    found = [sys.executable]
    found += filter(None, [shutil.which(f"python{version}")])
    versions = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    if os.path.isdir(versions):
        names = sorted(name for name in os.listdir(versions) if name.startswith(version + "."))
        found += [os.path.join(versions, name, "bin", "python") for name in reversed(names)]
    # A shim on PATH may hide a real one behind it.
    found += [os.path.join(folder, f"python{version}") for folder in os.get_exec_path()]
    return found


def interpreters(only: list[str]) -> dict[str, str]:
    """Return the interpreters that start, by version."""
    found = {}
    for version in only or VERSIONS:
        for python in candidates(version):
            if version_of(python) == version:
                found[version] = python
                break
    own = "{}.{}".format(*sys.version_info[:2])
    if not found:
        found[own] = sys.executable
    return found


def planned(found: dict[str, str]) -> list[Run]:
    """Return what is run on the interpreters that were found."""
    runs = []
    for number, (version, python) in enumerate(found.items()):
        # The pages are built where all suites run.
        extras = "dev" if number else "dev,docs"
        runs.append(Run(version, python, ((f"{{package}}[{extras}]",),), AGAIN if number else FULL))
        if version == ON:
            wanted = ("{package}[dev]", f"ansible-core=={OLDEST}.*")
            runs.append(Run(f"{version}, ansible-core {OLDEST}", python, (wanted,), SMOKE))
    version, python = list(found.items())[-1]
    runs.append(Run(f"{version}, next ansible-core", python, (("{package}[dev]",), NEXT), SMOKE, advisory=True))
    return runs


def pip_of(python: str) -> list[str]:
    """Return a command that runs pip, of this interpreter or of the one that runs this file."""
    pips = [command for command in ([python, "-m", "pip"], [sys.executable, "-m", "pip"]) if starts(command)]
    if not pips:
        raise Failure(f"neither {python} nor {sys.executable} has pip")
    return [*pips[0], "--disable-pip-version-check"]


def built(python: str, folder: str) -> str:
    """Build the package's wheel; return its path."""
    # What an earlier build copied there would get into the package although it is gone from `src`.
    shutil.rmtree(os.path.join(ROOT, "build", "lib"), ignore_errors=True)
    checked([*pip_of(python), "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT])
    (name,) = os.listdir(folder)
    return os.path.join(folder, name)


class Failure(Exception):
    """An environment cannot be made; says which command failed."""


def starts(command: list[str]) -> bool:
    """Return whether a command with --version succeeds."""
    return subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0


def checked(command: list[str]) -> None:
    """Run a command that must succeed; raises Failure with what it said."""
    done = subprocess.run(
        command, check=False, timeout=900, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        raise Failure(f"this failed: {' '.join(command)}\n{done.stdout}{done.stderr}")


def run(suite: Suite, python: str) -> tuple[int | None, str]:
    """Run a suite in a session of its own; return its status (None: out of time) and its output."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    env["PATH"] = os.path.dirname(python) + os.pathsep + env.get("PATH", os.defpath)
    env = {**dict(suite.env), **env}
    process = subprocess.Popen(
        [python, *suite.command],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    RUNNING.add(process)
    try:
        output, _ = process.communicate(timeout=suite.limit)
    except subprocess.TimeoutExpired:
        # The whole session, or a hung grandchild would keep the pipe open.
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output
    finally:
        RUNNING.discard(process)
    return process.returncode, output


_COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)")


def counts(output: str) -> Counter[str]:
    """Return what the summary line of a pytest run counts."""
    for line in reversed(output.splitlines()):
        if re.search(r"\bin \d+(\.\d+)?s\b", line) and _COUNTS.search(line):
            return Counter(
                {word.rstrip("s") if word != "passed" else word: int(n) for n, word in _COUNTS.findall(line)}
            )
    return Counter()


class Report:
    """What came of the suites so far; prints each as it ends."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.bad: list[str] = []

    def add(self, one: Run, suite: Suite, status: int | None, output: str, took: float) -> None:
        """Count what a suite came to, and print it: a line, or all of its output if it failed."""
        seen = counts(output)
        empty = suite.command[1] == "pytest" and not seen["passed"]
        title = f"-- {one.name}, {suite.name}"
        if status == 0 and not empty:
            last = output.strip().splitlines()[-1] if output.strip() else "passed"
            print(f"{title}: {last.strip('= ')} ({took:.0f} s)", flush=True)
            self.total += seen
            return
        ended = f"took longer than {suite.limit:.0f} s" if status is None else f"ended with {status}"
        print(output, f"{title}: {ended}{', ran no test' if empty else ''} ({took:.0f} s)", sep="\n", flush=True)
        if one.advisory:
            print(f"WARNING {one.name}, {suite.name}: {dict(seen)}; this does not count", flush=True)
            return
        self.bad.append(f"{one.name}, {suite.name}")
        self.total += seen
        if not seen["failed"] and not seen["error"]:
            self.total["error"] += 1

    def lack(self, one: Run, error: Failure) -> None:
        """Count and print that a run has no environment."""
        if one.advisory:
            print(f"WARNING {one.name}: {error}; this does not count", flush=True)
            return
        if f"{one.name}, environment" not in self.bad:
            print(f"-- {one.name}: {error}", flush=True)
            self.bad.append(f"{one.name}, environment")
            self.total["error"] += 1


class Environments:
    """The environments of the runs, each made when its first suite is due; ``folder`` takes the wheel for all."""

    def __init__(self, folder: str, *, keep: bool) -> None:
        self._folder = folder
        self._keep = keep
        self._building = threading.Lock()
        self._package = ""
        self._locks: dict[str, threading.Lock] = {}
        self._made: dict[str, str | Failure] = {}

    def get(self, one: Run) -> str:
        """Return the interpreter of a run's environment; raises Failure, for each of its suites."""
        with self._locks.setdefault(one.name, threading.Lock()):
            if one.name not in self._made:
                try:
                    made: str | Failure = self._make(one)
                except Failure as error:
                    made = error
                self._made[one.name] = made
        found = self._made[one.name]
        if isinstance(found, Failure):
            raise found
        return found

    def _make(self, one: Run) -> str:
        """Make a virtual environment with the package and what its tests need; return its interpreter."""
        folder = os.path.join(VENVS, re.sub(r"[^\w.]+", "-", one.name))
        inside = os.path.join(folder, "bin", "python")
        if self._keep and os.path.exists(inside):
            return inside
        with self._building:  # once for all: builds beside each other share a folder
            self._package = self._package or built(one.python, self._folder)
        # Without ensurepip, which some systems package apart: the pip that is there installs into it.
        checked([one.python, "-m", "venv", "--clear", "--without-pip", folder])
        pip = [*pip_of(one.python), "--python", inside, "install", "--quiet"]
        for wanted in one.requirements:
            checked([*pip, *(word.format(package=self._package) for word in wanted)])
        return inside


def main() -> int:
    """Make the environments and run all suites; returns 0 if every one passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], metavar="3.X")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    # Who is started in the background, or by nohup, ignores these, and so would every program in the tests.
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    found = interpreters(options.only)
    runs = planned(found)
    for one in runs:
        print(f"== {one.name}: {one.python}: {', '.join(suite.name for suite in one.suites)}", flush=True)
    if options.list:
        return 0
    report = Report()

    def job(environments: Environments, one: Run, suite: Suite) -> tuple[int | None, str, float]:
        python = environments.get(one)
        start = time.monotonic()
        return (*run(suite, python), time.monotonic() - start)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        try:
            made = Environments(folder, keep=options.keep)
            jobs = {pool.submit(job, made, one, suite): (one, suite) for one in runs for suite in one.suites}
            for done in as_completed(jobs):
                one, suite = jobs[done]
                try:
                    report.add(one, suite, *done.result())
                except Failure as error:
                    report.lack(one, error)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    for line in report.bad:
        print(f"FAILED {line}")
    words = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
    line = ", ".join(f"{report.total[word]} {word}" for word in words if report.total[word]) or "no tests ran"
    print(f" {line} in {time.monotonic() - began:.2f}s ".center(100, "="))
    return 1 if report.bad or not report.total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
