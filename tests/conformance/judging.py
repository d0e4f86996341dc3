"""Compare a hooked run with the stock package's, test by test, against the table of expected differences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .differences import Difference
    from .running import ClassRun


@dataclass
class Verdict:
    """What is said of one suite on one interpreter."""

    suite: str
    label: str
    passed: int = 0
    of: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    expected: dict[str, Difference] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    processes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    absent: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing but what the table expects is different."""
        return not self.failures and not self.errors

    def line(self) -> str:
        """Return the suite's line of the report."""
        head = f"{self.label:8}{self.suite:14}"
        if self.absent:
            return f"{head}not shipped with this interpreter ({self.absent})"
        made = sum(self.processes.values())
        return (
            f"{head}passed {self.passed} of {self.of}, expected differences {len(self.expected)}, "
            f"unexpected {len(self.failures) + len(self.errors)}, OS processes {made} "
            f"(by what we serve {self.processes['served']}, by tests {self.processes['test']}), "
            f"{self.seconds:.0f} s"
        )


def judge(
    verdict: Verdict,
    stock: Mapping[str, ClassRun],
    hooked: Mapping[str, ClassRun],
    rows: Iterable[Difference],
    *,
    complete: bool,
) -> Verdict:
    """Fill the verdict; `rows` are those that apply here, `complete` says that the whole suite was run.

    `of` counts the tests that the stock package passes. A fixture ("setUpModule (...)", "<exit>") is no test,
    but one that fails only under the hook is a failure too.
    """
    rows = list(rows)
    used: set[Difference] = set()
    known: set[str] = set()
    for name, run in hooked.items():
        base = stock[name]
        known |= {f"{name}.{test}" for test in base.outcomes}
        for test, outcome in base.outcomes.items():
            if outcome == "passed":
                verdict.of += 1
                _one(verdict, f"{name}.{test}", run, test, rows, used)
        for fixture, outcome in run.outcomes.items():
            if fixture not in base.outcomes and outcome not in ("passed", "skipped"):
                _failed(
                    verdict, f"{name}.{fixture}", f"{outcome}: {run.details.get(fixture, '')}", rows, used
                )
        for fact in run.processes:
            verdict.processes[fact["by"]] += 1
            if fact["by"] == "served":
                verdict.errors.append(
                    f"{name}.{fact['test']}: {fact['who']} made an OS process ({fact['event']})"
                )
        verdict.seconds += run.total
    verdict.errors += [
        f"the row {row.test!r} ({row.kind}) was used by no test"
        for row in rows
        if complete and row not in used and not _moot(row, known, stock)
    ]
    return verdict


def _one(
    verdict: Verdict, full: str, run: ClassRun, test: str, rows: list[Difference], used: set[Difference]
) -> None:
    """Judge one test that the stock package passes."""
    outcome = run.outcomes.get(test, "not run")
    if outcome != "passed":
        _failed(verdict, full, f"{outcome}: {run.details.get(test, '')}", rows, used)
        return
    verdict.passed += 1
    for row in rows:
        if row.covers(full) and row.kind == "varies":
            used.add(row)
        if row.covers(full) and row.kind == "fails":
            used.add(row)
            verdict.errors.append(f"{full} passes, though a row expects it to fail ({row.reason})")
    outside = run.outside.get(test)
    row_outside = [row for row in rows if row.covers(full) and row.kind == "outside"]
    used.update(row_outside)
    if outside:
        verdict.passed -= 1  # it ran on the stock package
    if outside and not row_outside:
        verdict.failures[full] = "not hooked, so it passed on the stock package: " + "; ".join(outside)
    elif outside:
        verdict.expected[full] = row_outside[0]
    elif row_outside:
        verdict.errors.append(f"{full}: a row says that its children are not hooked, but all are")


def _failed(verdict: Verdict, full: str, text: str, rows: list[Difference], used: set[Difference]) -> None:
    """Take a failure as expected if a row covers it."""
    for row in rows:
        if row.kind in ("fails", "varies") and row.covers(full):
            used.add(row)
            verdict.expected[full] = row
            return
    verdict.failures[full] = text


def _moot(row: Difference, known: set[str], stock: Mapping[str, ClassRun]) -> bool:
    """Tell whether the row speaks only of tests that the stock package does not pass here either."""
    covered = [full for full in known if row.covers(full)]
    passing = {
        f"{name}.{test}"
        for name, run in stock.items()
        for test, outcome in run.outcomes.items()
        if outcome == "passed"
    }
    return bool(covered) and not any(full in passing for full in covered)
