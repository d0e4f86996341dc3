"""What a conformance run consists of: suites, the quick subset, time limits; and queries over them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

#: Seconds that one test, and one class, may take; the stock package's own worst are about half of that.
TEST_LIMIT, CLASS_LIMIT = 60.0, 240.0
#: How often the rest of a class is started again after one of its tests hung or crashed.
RESTARTS = 6


@dataclass(frozen=True)
class Suite:
    """One line of the report: modules to look for, and which of their tests belong to it.

    The first list of `modules` of which all import is taken. `tests` are patterns over "Class.test". Where a
    suite has several modules that may repeat a class name, `qualified` puts the module's name before it.
    """

    name: str
    modules: tuple[tuple[str, ...], ...]
    tests: tuple[str, ...] = ("*",)
    qualified: bool = False
    shipped_only: bool = False

    def holds(self, test: str) -> bool:
        """Tell whether the test "Class.test" belongs to the suite."""
        return any(fnmatchcase(test, pattern) for pattern in self.tests)


def _multiprocessing(method: str) -> Suite:
    package = f"test.test_multiprocessing_{method}"
    parts = tuple(f"{package}.test_{part}" for part in ("manager", "misc", "processes", "threads"))
    return Suite(method, (parts, (package,), (f"conformance_{method}",)))


_FUTURES = ("as_completed", "deadlock", "future", "init", "process_pool", "shutdown", "thread_pool", "wait")

SUITES = (
    _multiprocessing("fork"),
    _multiprocessing("spawn"),
    _multiprocessing("forkserver"),
    Suite("main_handling", (("test.test_multiprocessing_main_handling",),)),
    Suite(
        "futures",
        (
            tuple(f"test.test_concurrent_futures.test_{part}" for part in _FUTURES),
            ("test.test_concurrent_futures",),
        ),
        qualified=True,
        shipped_only=True,
    ),
    Suite(
        "logging",
        (("test.test_logging",),),
        (
            "QueueHandlerTest.*",
            "QueueListenerTest.*",
            "LogRecordTest.*",
            "ShutdownTest.*",
            "ConfigDictTest.*queue*",
            "ConfigDictTest.test_111615",
            "HandlerTest.test_post_fork*",
        ),
    ),
    Suite(
        "asyncio",
        (("test.test_asyncio.test_events", "test.test_asyncio.test_unix_events"),),
        ("*.test_get_event_loop_new_process", "TestFork.*", "*.test_run_in_executor*"),
    ),
    Suite("queue", (("test.test_queue",),)),
    Suite("venv", (("test.test_venv",),), ("BasicTest.test_multiprocessing*",)),
    Suite(
        "others",
        (
            (
                "test.test_compileall",
                "test.test_fcntl",
                "test.test_re",
                "test.test_pickle",
                "test.test_genericalias",
                "test.test_importlib.test_threaded_import",
                "test.test___all__",
            ),
        ),
        (
            "*.test_*worker*",
            "*.test_compile_pool_called",
            "*.test_compile_missing_multiprocessing",
            "TestFcntl.test_lockf_*",
            "ReTests.test_regression_gh94675",
            "CompatPickleTests.*",
            "BaseTest.test_subscriptable",
            "ThreadedImportTests.test_multiprocessing_pool_circular_import",
            "AllTest.*",
        ),
    ),
)

#: Classes of the quick subset: each covers a noun of its own, and all of them end within seconds.
QUICK = {
    "fork": (
        "WithProcessesTestProcess",
        "WithProcessesTestSubclassingProcess",
        "WithProcessesTestQueue",
        "WithProcessesTestLock",
        "WithProcessesTestSemaphore",
        "WithProcessesTestEvent",
        "WithProcessesTestConnection",
        "WithProcessesTestPoll",
        "WithProcessesTestValue",
        "WithProcessesTestSharedCTypes",
        "WithProcessesTestPicklingConnections",
        "WithManagerTestContainers",
        "WithManagerTestMyManager",
        "TestWait",
        "TestSimpleQueue",
        "OtherTest",
        "MiscTestCase",
        "SemLockTests",
    ),
    "spawn": ("WithProcessesTestProcess", "WithProcessesTestConnection", "TestNoForkBomb", "TestStartMethod"),
    "forkserver": ("WithProcessesTestSubclassingProcess", "TestStartMethod"),
    "main_handling": ("SpawnCmdLineTest",),
    "futures": ("test_process_pool.ProcessPoolForkProcessPoolExecutorTest", "test_init.*"),
    "logging": ("QueueListenerTest", "LogRecordTest"),
    "asyncio": ("*GetEventLoop*",),
    "others": ("CommandLineTests*", "ReTests"),
}


def suite(name: str) -> Suite:
    """Return the suite of that name."""
    return next(s for s in SUITES if s.name == name)


def quick(suite_name: str, class_name: str) -> bool:
    """Tell whether the class belongs to the quick subset."""
    return any(fnmatchcase(class_name, pattern) for pattern in QUICK.get(suite_name, ()))
