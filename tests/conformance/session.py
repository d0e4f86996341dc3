"""A conformance run: choose classes, run them stock and hooked a few at a time, judge each suite."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from . import plan
from .differences import DIFFERENCES, Difference
from .judging import Verdict, judge
from .running import Cache, ClassRun, Interpreter, Mode, run_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Classes = dict[str, tuple[str, list[str]]]


@dataclass
class Choice:
    """Which classes and tests to run, and how."""

    quick: bool = False
    classes: tuple[str, ...] = ()
    keyword: str = ""
    jobs: int = 2
    hidden: bool = False
    activation: str = "site"
    refresh: bool = False
    test_limit: float = plan.TEST_LIMIT
    say: Callable[[str], None] = field(default=lambda _text: None)

    @property
    def complete(self) -> bool:
        """Whether a suite is run whole, so that an unused row is an error."""
        return not (self.quick or self.classes or self.keyword)

    def select(self, suite: str, found: Classes) -> Classes:
        """Return the chosen classes of a suite, each with its chosen tests."""
        chosen: Classes = {}
        for name, (module, tests) in found.items():
            if self.quick and not plan.quick(suite, name):
                continue
            if self.classes and not any(fnmatchcase(name, pattern) for pattern in self.classes):
                continue
            kept = [t for t in tests if self.keyword in f"{name}.{t}"]
            if kept:
                chosen[name] = module, kept
        return chosen


class Session:
    """All runs on one interpreter."""

    def __init__(self, executable: str, choice: Choice) -> None:
        """Prepare a scratch folder and the cache."""
        self._temp = tempfile.TemporaryDirectory(prefix="cf-", ignore_cleanup_errors=True)
        self.choice = choice
        self.python = Interpreter(executable, Path(self._temp.name))
        self.cache = Cache(self.python, choice.refresh)

    def close(self) -> None:
        """Remove the scratch folder."""
        self._temp.cleanup()

    def _all(
        self, suite: plan.Suite, chosen: Classes, mode: Mode, rows: Sequence[Difference] = ()
    ) -> dict[str, ClassRun]:
        def one(name: str) -> ClassRun:
            module, tests = chosen[name]
            alone = [t for t in tests if any(row.alone and row.covers(f"{name}.{t}") for row in rows)]
            run = ClassRun()
            if together := [t for t in tests if t not in alone]:
                run = run_class(self.python, mode, module, name, together, self.choice.test_limit)
            for test in alone:
                run.add(test, run_class(self.python, mode, module, name, [test], self.choice.test_limit))
            bad = sum(o not in ("passed", "skipped") for o in run.outcomes.values())
            self.choice.say(
                f"  {self.python.label} {suite.name} {'hook ' if mode.hook else 'stock'} {name}: "
                f"{len(run.outcomes)} tests, {bad} bad, {run.total:.1f} s"
            )
            return run

        with ThreadPoolExecutor(max_workers=self.choice.jobs) as pool:
            return dict(zip(chosen, pool.map(one, chosen), strict=True))

    def stock(self, suite: plan.Suite) -> tuple[Classes, dict[str, ClassRun], str]:
        """Return the chosen classes and the stock package's outcomes, from the cache where they are known."""
        found, reason = self.cache.classes(self.python, suite)
        chosen = self.choice.select(suite.name, found)
        runs: dict[str, ClassRun] = {}
        missing: Classes = {}
        for name, (module, tests) in chosen.items():
            kept = self.cache.get(suite.name, name, tests)
            if kept is None:
                missing[name] = module, found[name][1]
            else:
                runs[name] = kept
        for name, run in self._all(suite, missing, Mode(hook=False)).items():
            runs[name] = self._again(suite, name, missing[name], run)
            self.cache.put(suite.name, name, run)
        self.cache.save()
        return chosen, runs, reason

    def _again(self, suite: plan.Suite, name: str, what: tuple[str, list[str]], run: ClassRun) -> ClassRun:
        """Give what the stock package did not pass a second chance: its flakes must not excuse us."""
        failed = [t for t in what[1] if run.outcomes.get(t) not in ("passed", "skipped")]
        if failed:
            second = self._all(suite, {name: (what[0], failed)}, Mode(hook=False))[name]
            run.outcomes |= second.outcomes
            run.details |= second.details
        return run

    def hooked(self, suite: plan.Suite) -> tuple[Verdict, dict[str, ClassRun]]:
        """Run a suite under the hook and judge it."""
        verdict = Verdict(suite.name, self.python.label)
        chosen, stock, verdict.absent = self.stock(suite)
        if not chosen:
            return verdict, {}
        verdict.absent = ""
        mode = Mode(hook=True, activation=self.choice.activation, hidden=self.choice.hidden)
        rows = [
            row for row in DIFFERENCES if row.applies(suite.name, self.python.version, self.choice.hidden)
        ]
        runs = self._all(suite, chosen, mode, rows)
        for name, run in stock.items():
            wanted = set(chosen[name][1])
            run.outcomes = {
                t: o for t, o in run.outcomes.items() if t in wanted or t not in self._tests(suite, name)
            }
        return judge(verdict, stock, runs, rows, complete=self.choice.complete), runs

    def _tests(self, suite: plan.Suite, name: str) -> list[str]:
        return self.cache.classes(self.python, suite)[0][name][1]
