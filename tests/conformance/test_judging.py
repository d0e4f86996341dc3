"""The judge of a conformance run is strict both ways."""

from __future__ import annotations

import pytest

from .differences import DIFFERENCES, Difference
from .judging import Verdict, judge
from .running import ClassRun

pytestmark = pytest.mark.unit

ROW = Difference(("fork",), "Case.test_forks", "it forks")
OUTSIDE = Difference(("fork",), "Case.test_flags", "-E", kind="outside")


def verdict(
    stock: dict[str, str],
    hooked: dict[str, str],
    *rows: Difference,
    complete: bool = True,
    outside: dict[str, list[str]] | None = None,
    processes: list[dict[str, str]] | None = None,
) -> Verdict:
    """Judge one class."""
    run = ClassRun(outcomes=hooked, outside=outside or {}, processes=processes or [])
    return judge(
        Verdict("fork", "3.x"), {"Case": ClassRun(outcomes=stock)}, {"Case": run}, rows, complete=complete
    )


def test_equal_outcomes_are_good() -> None:
    """What stock passes and the hook passes is counted; what stock skips or fails is not compared."""
    said = verdict(
        {"test_a": "passed", "test_b": "skipped", "test_c": "failed"},
        {"test_a": "passed", "test_b": "failed", "test_c": "passed"},
    )
    assert (said.good, said.passed, said.of) == (True, 1, 1)


@pytest.mark.parametrize(
    "outcome", ["failed", "error", "skipped", "hung", "not run", "ended with status -11"]
)
def test_anything_but_a_pass_is_a_failure(outcome: str) -> None:
    """A skip, a hang and a crash count as failures where stock passes."""
    assert list(verdict({"test_a": "passed"}, {"test_a": outcome}).failures) == ["Case.test_a"]


def test_a_test_that_never_ran_is_a_failure() -> None:
    """A module fixture that turned an error into a skip leaves its tests without outcome."""
    said = verdict({"test_a": "passed"}, {"setUpModule (x)": "skipped"})
    assert list(said.failures) == ["Case.test_a"]


def test_a_fixture_that_fails_only_under_the_hook_is_a_failure() -> None:
    """Exit and module fixtures are judged although they are no tests."""
    said = verdict({"test_a": "passed"}, {"test_a": "passed", "<exit>": "hung"})
    assert (list(said.failures), said.passed) == (["Case.<exit>"], 1)


def test_an_expected_failure_is_not_an_error() -> None:
    """A row covers the failure and is used."""
    said = verdict({"test_forks": "passed"}, {"test_forks": "failed"}, ROW)
    assert (said.good, said.expected) == (True, {"Case.test_forks": ROW})


def test_an_expected_failure_that_passes_is_an_error() -> None:
    """The row must go when the test passes."""
    said = verdict({"test_forks": "passed"}, {"test_forks": "passed"}, ROW)
    assert (said.good, len(said.errors)) == (False, 1)


def test_a_row_may_leave_the_outcome_open() -> None:
    """A test whose outcome depends on timing is accepted either way, and only a failure is a difference."""
    row = Difference(("fork",), "Case.test_races", "one table", kind="varies")
    failing = verdict({"test_races": "passed"}, {"test_races": "failed"}, row)
    passing = verdict({"test_races": "passed"}, {"test_races": "passed"}, row)
    assert (failing.good, passing.good, len(failing.expected), len(passing.expected)) == (True, True, 1, 0)


def test_an_unused_row_is_an_error_in_a_complete_run_only() -> None:
    """A row that matches nothing fails a whole suite, not a part of it."""
    assert verdict({"test_a": "passed"}, {"test_a": "passed"}, ROW).errors == [
        "the row 'Case.test_forks' (fails) was used by no test"
    ]
    assert verdict({"test_a": "passed"}, {"test_a": "passed"}, ROW, complete=False).good


def test_a_row_of_a_test_that_stock_does_not_pass_is_moot() -> None:
    """Where stock itself skips the test on this machine, the row is neither used nor an error."""
    assert verdict({"test_forks": "skipped"}, {"test_forks": "skipped"}, ROW).good


def test_children_that_are_not_hooked_are_told() -> None:
    """A test whose launched Python ran unhooked passed vacuously: a failure, unless a row says so."""
    stock, hooked = {"test_flags": "passed"}, {"test_flags": "passed"}
    outside = {"test_flags": ["python -E -c x"]}
    assert list(verdict(stock, hooked, outside=outside).failures) == ["Case.test_flags"]
    assert verdict(stock, hooked, OUTSIDE, outside=outside).good
    assert not verdict(stock, hooked, OUTSIDE).good


def test_a_process_made_by_what_we_serve_is_an_error() -> None:
    """Processes are counted by who asked; ours must be none."""
    made = [{"test": "test_a", "event": "os.fork", "by": by, "who": "x:y"} for by in ("test", "served")]
    said = verdict({"test_a": "passed"}, {"test_a": "passed"}, processes=made)
    assert (len(said.errors), dict(said.processes)) == (1, {"test": 1, "served": 1})


def test_rows_give_reasons() -> None:
    """Every row of the table names known suites and has a reason."""
    assert all(
        row.reason and row.kind in ("fails", "outside", "varies") and row.suites for row in DIFFERENCES
    )


def test_a_test_that_was_run_alone_brings_its_outcome_and_not_its_exit() -> None:
    """What it left behind is nobody's fault; the processes that it made are counted."""
    run = ClassRun(outcomes={"test_a": "passed"}, total=1.0)
    fact = {"test": "test_b", "event": "os.fork", "by": "test", "who": "x"}
    run.add("test_b", ClassRun(outcomes={"test_b": "failed", "<exit>": "hung"}, processes=[fact], total=2.0))
    assert (run.outcomes, run.processes, run.total) == ({"test_a": "passed", "test_b": "failed"}, [fact], 3.0)
