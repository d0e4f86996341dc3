"""Runs tests with the hook enabled: a fixture, a marker, an option and an ini key.

* ``mpthread`` (function), ``mpthread_module`` and ``mpthread_session`` are fixtures that enable the hook for
  as long as they live;
* ``@pytest.mark.mpthread(late="rebind", timeout=5.0)`` does the same for a test that does not ask for one;
* ``--mpthread``, or ``mpthread = true`` in the ini file, does it for the whole run, before any conftest.

A thread process that a test leaves behind fails the test by name and is ended.  A test that runs longer than
``mpthread_hang_timeout`` seconds has the stack of every thread process written to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mpthread_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("MpthreadFixture", "mpthread", "mpthread_module", "mpthread_session")

#: Seconds that a test's thread processes are given to end after the test.
_TIMEOUT = 5.0
_HANG_TIMEOUT = 60.0

_run = pytest.StashKey[Any]()
_handles = pytest.StashKey[list[Any]]()
_stderr = pytest.StashKey[int]()


class MpthreadFixture:
    """What the fixtures return: the hook as a test wants to ask it."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def processes(self) -> list[str]:
        """Return the names of the thread processes that are alive at this moment."""
        return [one["name"] for one in self._handle.leftover(0.0)]

    def stacks(self) -> str:
        """Return where every thread stands, under the name of its process."""
        return str(self._handle.stacks())

    def status(self) -> dict[str, Any]:
        """As `mpthread_hook.status`."""
        return mpthread_hook.status()

    def original(self, module: str, name: str) -> Any:
        """As `mpthread_hook.original`."""
        return mpthread_hook.original(module, name)


# ---------------------------------------------------------------------------------------------------------
# The whole run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the ini keys."""
    group = parser.getgroup("mpthread", "thread-backed multiprocessing")
    group.addoption(
        "--mpthread", action="store_true", default=None, help="enable mpthread_hook for the whole run"
    )
    parser.addini("mpthread", "enable mpthread_hook for the whole run", type="bool", default=False)
    parser.addini(
        "mpthread_hang_timeout",
        "seconds after which a test under mpthread_hook has its thread processes' stacks written; 0: never",
        default=str(_HANG_TIMEOUT),
    )


def _wanted(config: pytest.Config) -> bool:
    return bool(getattr(config.known_args_namespace, "mpthread", None) or config.getini("mpthread"))


def _enable(config: pytest.Config) -> None:
    if _wanted(config) and config.stash.get(_run, None) is None:
        config.stash[_run] = mpthread_hook.enable(late="rebind")
        config.stash.setdefault(_handles, []).append(config.stash[_run])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Enable it before any conftest is imported, if the whole run is to have it."""
    _enable(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; enable it where no conftest was loaded before."""
    text = "mpthread(late='rebind', timeout=5.0): run this test with mpthread_hook enabled"
    config.addinivalue_line("markers", text)
    try:
        # A copy, because a test's output, and so its stderr, is captured while it hangs.
        config.stash[_stderr] = os.dup(sys.__stderr__.fileno())  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        config.stash[_stderr] = -1
    _enable(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Disable what was enabled for the whole run."""
    handle = config.stash.get(_run, None)
    if handle is not None:
        config.stash[_run] = None
        handle.disable(_TIMEOUT)
    if config.stash.get(_stderr, -1) >= 0:
        os.close(config.stash[_stderr])
        config.stash[_stderr] = -1


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that a run has the hook."""
    return ["mpthread_hook: multiprocessing is thread-backed"] if config.stash.get(_run, None) else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the fixture to marked tests, and in a whole run to every test."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and (config.stash.get(_run, None) or item.get_closest_marker("mpthread")):
            # First of its scope: it is there before, and looks after, every other fixture of the test.
            if "mpthread" in names:
                names.remove("mpthread")
            names.insert(0, "mpthread")


# ---------------------------------------------------------------------------------------------------------
# Breakpoints in child processes
#
# pytest stops capturing in the thread that met the breakpoint.  In a child process that changes the child's
# own streams only, and its standard input is empty: so it is done once more as the main program, which has
# the terminal, and the child talks through the main program's streams until it goes on.


def _child_handle(config: pytest.Config) -> Any:
    handles = config.stash.get(_handles, [])
    return handles[-1] if handles and handles[-1].in_child() else None


def pytest_enter_pdb(config: pytest.Config, pdb: Any) -> None:
    """Give a child process that met a breakpoint the terminal."""
    handle = _child_handle(config)
    if handle is None:
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.resume()
    pdb._mpthread_streams = sys.stdin, sys.stdout
    with handle.as_main():
        if capture is not None:
            capture.suspend(in_=True)
        streams = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = pdb.stdin, pdb.stdout = streams


def pytest_leave_pdb(config: pytest.Config, pdb: Any) -> None:
    """Take the terminal back."""
    handle = _child_handle(config)
    if handle is None or not hasattr(pdb, "_mpthread_streams"):
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend(in_=True)
    sys.stdin, sys.stdout = pdb._mpthread_streams
    with handle.as_main():
        if capture is not None:
            capture.resume()


# ---------------------------------------------------------------------------------------------------------
# Fixtures


@pytest.fixture
def mpthread(request: pytest.FixtureRequest) -> Iterator[MpthreadFixture]:
    """Enable the hook for one test, and fail the test for every thread process that it leaves behind."""
    marker = request.node.get_closest_marker("mpthread")
    yield from _fixture(request, **(dict(marker.kwargs) if marker is not None else {}))


@pytest.fixture(scope="module")
def mpthread_module(request: pytest.FixtureRequest) -> Iterator[MpthreadFixture]:
    """Enable the hook for the tests of a module, from the first that asks for it."""
    yield from _fixture(request)


@pytest.fixture(scope="session")
def mpthread_session(request: pytest.FixtureRequest) -> Iterator[MpthreadFixture]:
    """Enable the hook for the rest of the run, from the first test that asks for it."""
    yield from _fixture(request)


def _fixture(
    request: pytest.FixtureRequest, late: str = "rebind", timeout: float = _TIMEOUT
) -> Iterator[MpthreadFixture]:
    handle = mpthread_hook.enable(late=late)
    handles = request.config.stash.setdefault(_handles, [])
    handles.append(handle)
    known = [one["pid"] for one in handle.leftover(0.0)]
    watch = _watch(request, handle) if request.scope == "function" else None
    try:
        yield MpthreadFixture(handle)
    finally:
        if watch is not None:
            watch.cancel()
        left = _leftover(handle, known, timeout)
        handles.remove(handle)
        handle.disable(timeout)
    if left:
        names = ", ".join(f"{one['name']!r} (pid {one['pid']})" for one in left)
        pytest.fail(
            f"{len(left)} thread process(es) left behind: {names}; join() or terminate() them", pytrace=False
        )


def _leftover(handle: Any, known: list[int], timeout: float) -> list[dict[str, Any]]:
    left: list[dict[str, Any]] = handle.leftover(0.0, known)
    if left:
        gc.collect()  # a pool or an executor that nobody refers to ends its processes
        left = handle.leftover(timeout, known)
        handle.end([one["pid"] for one in left])
    return left


def _watch(request: pytest.FixtureRequest, handle: Any) -> threading.Timer | None:
    seconds = float(request.config.getini("mpthread_hang_timeout"))
    file = request.config.stash.get(_stderr, -1)
    if seconds <= 0 or file < 0:
        return None

    def tell() -> None:
        text = f"\nmpthread_hook: {request.node.nodeid} runs for more than {seconds:g} s\n{handle.stacks()}"
        os.write(file, text.encode(errors="backslashreplace"))

    timer = threading.Timer(seconds, tell)
    timer.daemon = True
    timer.start()
    return timer
