"""The table of expected differences: what the stock package passes and threads cannot, each with its reason.

Strict both ways: a row's test that passes is an error, and so is a row that no test of a full run uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

CRASHES = "the test crashes a worker with a real SIGSEGV, which ends the whole program"
SIGNALS = "the test signals the resource tracker's or the fork server's own pid, and there is no such process"
SERVERS = "the test looks at the process of the fork server or the resource tracker, and there is none"
MAIN_AGAIN = "the test has the fork server run the main module once more; modules are shared, and it is not run again"
SHARED = "the test expects that what a child has imported is not there for the program; modules are shared"
WARNED = "the test expects the warning about a real fork with threads, and nothing is forked"
TABLES = "the test needs two descriptor tables: numbers used in the child it takes to be free in the parent"
RAW = (
    "the test writes to the connection's descriptor behind its back; ours only tells when there is something"
)
OUTSIDE = "the test launches Python with flags (-E, -I, -S) that shut every hook out: it shows nothing of us"
LISTING = "children list the program's one descriptor table at the same time and see each other's listing"
COUNTED = (
    "the test counts objects in its own process, and those that the manager's server holds are in it too"
)
FEEDER = "the test makes the start of a queue's feeder thread fail, and a queue of ours has none"


@dataclass(frozen=True)
class Difference:
    """One row: which tests ("Class.test", a pattern) of which suites, where, and why.

    `kind` is "fails" for a test that may not pass, "outside" for one that passes but whose launched
    interpreters cannot be hooked, and "varies" for one that depends on which of two threads comes first and
    may do either: a last resort. `hidden` limits the row to runs with (True) or without (False) the hiding
    of the C modules. `alone` is for a test that leaves behind what would be taken for a fault of its class:
    it has an interpreter of its own, whose end says nothing.
    """

    suites: tuple[str, ...]
    test: str
    reason: str
    kind: str = "fails"
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (9, 9)
    hidden: bool | None = None
    alone: bool = False

    def applies(self, suite: str, version: tuple[int, int], hidden: bool) -> bool:
        """Tell whether the row speaks of this suite on this interpreter."""
        return suite in self.suites and self.since <= version < self.until and self.hidden in (None, hidden)

    def covers(self, test: str) -> bool:
        """Tell whether the row speaks of this test."""
        return fnmatchcase(test, self.test)


ALL = ("fork", "spawn", "forkserver")
SPAWNING = ("spawn", "forkserver")

DIFFERENCES: tuple[Difference, ...] = (
    Difference(ALL, "TestFlags.test_flags", OUTSIDE, kind="outside"),
    Difference(ALL, "TestResourceTracker.test_resource_tracker", OUTSIDE),
    Difference(ALL, "TestResourceTracker.test_resource_tracker_sig*", SIGNALS),
    Difference(
        ALL,
        "WithProcessesTestSharedMemory.test_shared_memory_cleaned_after_process_termination",
        OUTSIDE,
        kind="outside",
    ),
    Difference(
        ALL,
        "TestStartMethod.test_import_does_not_determine_default_start_method",
        OUTSIDE,
        kind="outside",
        since=(3, 14),
    ),
    # Passes if the child has taken its numbers before the parent opens its file, as once in some fifty runs.
    Difference(ALL, "WithProcessesTestConnection.test_large_fd_transfer", TABLES, kind="varies"),
    Difference(ALL, "WithProcessesTestConnection.test_missing_fd_transfer", RAW),
    Difference(ALL, "WithManagerTestPool.test_release_task_refs", COUNTED),
    Difference(SPAWNING, "TestCloseFds.test_closefd", TABLES),
    Difference(SPAWNING, "WithProcessesTestProcess.test_child_fd_inflation", LISTING, kind="varies"),
    Difference(("forkserver",), "WithProcessesTestProcess.test_forkserver_sig*", SIGNALS),
    Difference(("forkserver",), "WithProcessesTestProcess.test_forkserver_auth_is_enabled", SERVERS, since=(3, 14)),
    Difference(("forkserver",), "WithProcessesTestProcess.test_forkserver_without_auth_fails", SERVERS, since=(3, 14)),
    Difference(("forkserver",), "TestResourceTracker.test_resource_tracker_*after_fork", SERVERS, since=(3, 14)),
    Difference(("forkserver",), "TestResourceTracker.test_resource_tracker_mp_fork*", SERVERS, since=(3, 14)),
    Difference(("forkserver",), "TestResourceTracker.test_resource_tracker_safety_net*", SERVERS, since=(3, 14)),
    Difference(("forkserver",), "MiscTestCase.test_preload_main*", MAIN_AGAIN, since=(3, 14)),
    Difference(("forkserver",), "*TestSpawnedSysPath.test_std_streams_flushed*", MAIN_AGAIN, since=(3, 14)),
    Difference(("forkserver",), "*TestSpawnedSysPath.test_forkserver_preload_*", SHARED, since=(3, 14)),
    Difference(("futures",), "test_thread_pool.*.test_process_fork_from_a_threadpool", WARNED, since=(3, 14)),
    Difference(("futures",), "test_deadlock.ProcessPool*.test_crash_*", CRASHES),
    Difference(("futures",), "test_deadlock.ProcessPool*.test_shutdown_deadlock", CRASHES),
    # It lets one thread start, in the module that its manager shares: if a thread of that is the first, workers are
    # left without the one that would end them.
    Difference(
        ("futures",),
        "test_process_pool.ProcessPool*.test_python_finalization_error",
        FEEDER,
        since=(3, 13),
        alone=True,
    ),
    Difference(("venv",), "BasicTest.test_multiprocessing_recursion", OUTSIDE, kind="outside", since=(3, 13)),
    Difference(("others",), "CommandLineTests*.test_workers", OUTSIDE, kind="outside", hidden=False),
    Difference(("others",), "CommandLineTests*.test_workers", OUTSIDE, hidden=True),
)
