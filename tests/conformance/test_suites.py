"""CPython's own suites pass under the hook wherever they pass on the stock package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import plan

if TYPE_CHECKING:
    from .session import Session

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(3600)]


def test_suite(suite: str, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """What stock passes passes, but for the table's rows, and nothing we serve makes an OS process."""
    verdict, _ = session.hooked(plan.suite(suite))
    with capsys.disabled():
        print(f"\n{verdict.line()}", end=" ")
    if verdict.absent:
        pytest.skip(f"not shipped with this interpreter: {verdict.absent}")
    failures = {test: text.strip().splitlines()[-1:] for test, text in verdict.failures.items()}
    assert (failures, verdict.errors) == ({}, [])
