"""Worlds take turns, a short round each, so that what else the machine does hits all of them alike."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from statistics import median, quantiles
from typing import Any

from tests.interpreters import ROOT

#: How long an interpreter gets for its preparation or for one round, in seconds.
PATIENCE = 40


class Failed(RuntimeError):
    """A world gave no answer."""


def environment(world: str) -> dict[str, str]:
    """Return the environment of an interpreter: with the package to be seen by the hook alone."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MPTHREAD_"))}
    path = [ROOT]
    if world == "hook":
        import mpthread_hook

        path.append(os.path.dirname(os.path.dirname(os.path.abspath(mpthread_hook.__file__))))
    # The repository's root holds a sitecustomize, which has to keep out of every world.
    env.update(PYTHONPATH=os.pathsep.join(path), MPTHREAD_HOOK="0", PYTHONHASHSEED="0")
    return env


class _World:
    """An interpreter that waits for its turn."""

    def __init__(self, python: str, world: str, program: str, length: float) -> None:
        self.name = world
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [python, "-m", "tests.benchmarks.inside", world, program, str(length)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(world),
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )

    def answer(self) -> Any:
        """Return the next answer."""
        import selectors

        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                raise Failed(f"{self.name}: no answer in {PATIENCE} s")
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(PATIENCE)
            self._errors.seek(0)
            raise Failed(f"{self.name}: {self._errors.read()[-2000:]}")
        return json.loads(line)

    def turn(self) -> float:
        """Ask for one round."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self.answer())

    def close(self) -> None:
        """End the interpreter, and what it may have left."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self._process.pid, 9)
        except ProcessLookupError:
            pass
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


def summary(values: list[float]) -> dict[str, Any]:
    """Return the median of the rounds and their spread (the quartiles)."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return {"median": median(values), "low": low, "high": high, "best": min(values), "rounds": len(values)}


def measure(
    python: str, program: str, worlds: tuple[str, ...], rounds: int, length: float
) -> dict[str, dict[str, Any]]:
    """Run a program in several worlds; return a summary by world."""
    found: dict[str, dict[str, Any]] = {}
    ready: list[_World] = []
    open_worlds = []
    try:
        for name in worlds:
            world = _World(python, name, program, length)
            open_worlds.append(world)
            try:
                world.answer()
                ready.append(world)
            except Failed as error:
                found[name] = {"failed": str(error)}
        times: dict[str, list[float]] = {world.name: [] for world in ready}
        for number in range(rounds):
            for world in ready[number % len(ready) :] + ready[: number % len(ready)] if ready else ():
                if world.name in times:
                    try:
                        times[world.name].append(world.turn())
                    except Failed as error:
                        found[world.name] = {"failed": str(error)}
                        del times[world.name]
        found.update({name: summary(values) for name, values in times.items()})
    finally:
        for world in open_worlds:
            world.close()
    return found


STARTS = {
    "start.enabled": ("start of an interpreter (processor time)", "pass"),
    "start.import": ("start and import multiprocessing (processor time)", "import multiprocessing"),
    "start.import_all": (
        "start, import multiprocessing, Queue and Pool",
        "import multiprocessing.queues, multiprocessing.pool, multiprocessing.synchronize",
    ),
}


def _spent_by_children() -> float:
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


def measure_start(python: str, name: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Return the processor time of fresh interpreters: bare, and with our sitecustomize and the hook on."""
    times: dict[str, list[float]] = {"fork": [], "hook": []}
    with tempfile.TemporaryDirectory() as folder:
        environments = {}
        for world in times:
            place = os.path.join(folder, world)
            os.mkdir(place)
            env = environment(world)
            path = [place, *env["PYTHONPATH"].split(os.pathsep)[1:]]
            if world == "hook":
                shutil.copy(os.path.join(ROOT, "sitecustomize.py"), place)
                env["MPTHREAD_HOOK"] = "1"
            else:
                path.append(os.path.join(folder, "as long a path, and nothing there"))
            env["PYTHONPATH"] = os.pathsep.join(path)
            environments[world] = env
        for number in range(rounds + 1):
            for world in ("fork", "hook") if number % 2 else ("hook", "fork"):
                start = _spent_by_children()
                subprocess.run(
                    [python, "-c", STARTS[name][1]], env=environments[world], cwd=folder, check=True
                )
                if number:  # the first one compiles
                    times[world].append(_spent_by_children() - start)
    return {world: summary(values) for world, values in times.items()}


def python_of(options_python: str | None) -> str:
    """Return the interpreter to measure: this one unless another is asked for."""
    return options_python or sys.executable
