"""Options of the conformance tests, and one session of runs for each interpreter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from . import plan
from .running import default_python
from .session import Choice, Session

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; CONFORMANCE and CONFORMANCE_PYTHON say the same where no folder is named."""
    group = parser.getgroup("conformance")
    group.addoption(
        "--conformance",
        choices=["quick", "full"],
        default=None,
        help="how much of CPython's suites to run (default: quick)",
    )
    group.addoption(
        "--conformance-python",
        action="append",
        default=None,
        metavar="PATH",
        help="interpreter under test (repeatable; default: the one that runs pytest)",
    )


def extent(config: pytest.Config) -> str:
    """Return "quick" or "full"."""
    return config.getoption("--conformance", default=None) or os.environ.get("CONFORMANCE") or "quick"


def interpreters(config: pytest.Config) -> list[str]:
    """Return the paths of the interpreters under test."""
    named = config.getoption("--conformance-python", default=None)
    return (
        named
        or [p for p in os.environ.get("CONFORMANCE_PYTHON", "").split(os.pathsep) if p]
        or [default_python()]
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each suite, interpreter and mode."""
    if "suite" not in metafunc.fixturenames:
        return
    full = extent(metafunc.config) == "full"
    names = [s.name for s in plan.SUITES if full or s.name in plan.QUICK]
    # Without the C modules the quick subset is one suite: it is the same code that answers.
    pairs = [
        pytest.param(name, (path, hide), id=f"{name}-{path.rpartition('/')[2]}{'-hidden' if hide else ''}")
        for path in interpreters(metafunc.config)
        for hide in (False, True)
        for name in names
        if full or not hide or name == "fork"
    ]
    metafunc.parametrize(("suite", "session"), pairs, indirect=["session"], scope="session")


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Give the runs of one interpreter, with or without the C modules."""
    path, hide = request.param
    made = Session(path, Choice(quick=extent(request.config) == "quick", hidden=hide))
    yield made
    made.close()
