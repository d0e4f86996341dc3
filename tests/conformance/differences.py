"""The table of expected differences: what the stock package passes and threads cannot, each with its reason.

Strict both ways: a row's test that passes is an error, and so is a row that no test of a full run uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

FORKS = "the test itself calls os.fork or _posixsubprocess.fork_exec and expects a process of the system"
CRASHES = "the test crashes a worker with a real signal, which would end the whole program"
SIGNALS = "the test signals the resource tracker's or the fork server's own pid"
TABLES = "the test asserts that a descriptor number is free in one process and used in another"
OUTSIDE = "the child runs with flags (-E, -I, -S) that shut every hook out, so it shows nothing of us"


@dataclass(frozen=True)
class Difference:
    """One row: which tests ("Class.test", a pattern) of which suites, where, and why.

    `kind` is "fails" for a test that may not pass, "outside" for one that passes but whose launched
    interpreters cannot be hooked, and "varies" for one that depends on which of two threads comes first and
    may do either: a last resort. `hidden` limits the row to runs with (True) or without (False) the hiding
    of the C modules.
    """

    suites: tuple[str, ...]
    test: str
    reason: str
    kind: str = "fails"
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (9, 9)
    hidden: bool | None = None

    def applies(self, suite: str, version: tuple[int, int], hidden: bool) -> bool:
        """Tell whether the row speaks of this suite on this interpreter."""
        return suite in self.suites and self.since <= version < self.until and self.hidden in (None, hidden)

    def covers(self, test: str) -> bool:
        """Tell whether the row speaks of this test."""
        return fnmatchcase(test, self.test)


ALL = ("fork", "spawn", "forkserver")

DIFFERENCES: tuple[Difference, ...] = ()
