"""One and the same program prints the same on the stock package and under the hook."""

from __future__ import annotations

import pytest

from . import differences, open_faults, running
from .programs.stage import LIMIT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_PLAYS = [
    pytest.param(case, method, id=f"{case.label}-{method}")
    for case in running.cases()
    for method in case.methods
]


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> running.Stage:
    """Return what plays the chosen cases, a topic at a time."""
    chosen: dict[tuple[str, str], list[str]] = {}
    for item in request.session.items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        case, method = params.get("case"), params.get("method")
        if isinstance(case, running.Case):
            chosen.setdefault((case.topic, str(method)), []).append(case.name)
    return running.Stage(chosen)


@pytest.mark.parametrize(("case", "method"), _PLAYS)
def test_same_text_same_outcome(case: running.Case, method: str, stage: running.Stage) -> None:
    """A program prints and ends the same on both sides, but for the very lines that a row documents."""
    stock, hook = stage.outcomes(case, method)
    assert min(stock.seconds, hook.seconds) < LIMIT, f"it waits for what never comes, on both sides\n{hook.dump}"
    lines = running.differing(stock, hook)
    found = differences.row_for(case.label, method, running.version())
    fault = open_faults.FAULTS.get(f"{case.label}-{method}") or open_faults.FAULTS.get(case.label)
    if lines and fault is not None and (found is None or not differences.agree(found[1], lines)):
        pytest.xfail(f"open fault: {fault}")
    if found is None:
        assert lines == [], f"{case.promise}\n{hook.dump}"
    elif not differences.agree(found[1], lines):
        wrong = "does not show any more" if not lines else "shows otherwise"
        pytest.fail(f"the row {found[0].key!r} {wrong}:\n" + "\n".join(lines))


def test_every_case_says_what_it_promises() -> None:
    """A compared program has a docstring, which is the promise that it checks."""
    assert [case.label for case in running.cases() if not case.promise] == []


def test_rows_name_cases_that_exist() -> None:
    """A documented difference shows in at least one case, and every case that it names exists."""
    labels = {case.label for case in running.cases()}
    wrong = [row.key for row in differences.DIFFERENCES if not row.shows or not row.labels() <= labels]
    assert wrong == []


def test_open_faults_name_cases_that_exist() -> None:
    """What is known to be wrong names a case that exists."""
    labels = {case.label for case in running.cases()}
    labels |= {f"{case.label}-{method}" for case in running.cases() for method in case.methods}
    assert sorted(set(open_faults.FAULTS) - labels) == []


def test_rows_are_complete() -> None:
    """A documented difference has a key of its own and says what differs, and why it must."""
    keys = [row.key for row in differences.DIFFERENCES]
    assert len(keys) == len(set(keys))
    assert [r.key for r in differences.DIFFERENCES if not (r.title and r.stock and r.hook and r.reason)] == []
