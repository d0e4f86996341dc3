"""The pytest plugin, in runs of pytest of its own: fixtures, marker, option, ini key, and what it brings."""

# ruff: noqa: E501 - programs in strings

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests import interpreters
from tests.interpreters import environment, this_path

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.integration]
pytest_plugins = ["pytester"]

PROGRAM = """
import os, multiprocessing, time, pytest
from multiprocessing import Process, Queue

def tell(queue):
    queue.put([os.getpid(), multiprocessing.parent_process().name])

def served():
    queue = Queue()
    process = Process(target=tell, args=(queue,))
    process.start()
    pid, parent = queue.get(timeout=60)
    process.join()
    assert (pid, parent, process.exitcode) == (process.pid, "MainProcess", 0)
    return pid > 1 << 30
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Return a function that writes a test file, after `PROGRAM`, and runs pytest on it in a subprocess."""
    wanted = environment(this_path(), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    for key in set(os.environ) - set(wanted):
        monkeypatch.delenv(key)
    for key, value in wanted.items():
        monkeypatch.setenv(key, value)

    def run(code: str, *options: str, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
        pytester.makepyfile(test_program=PROGRAM + code)
        names = [part for plugin in ("mpthread_hook.pytest_plugin", *plugins) for part in ("-p", plugin)]
        return pytester.runpytest_subprocess(*names, "-p", "no:cacheprovider", *options, timeout=120)

    return run


def needs(module: str) -> pytest.MarkDecorator:
    """Skip a test where a package is not installed."""
    return pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed")


SERVED = "def test_it(): assert served()\n"
NOT_SERVED = "def test_real(): assert type(multiprocessing.__spec__.loader).__module__.partition('.')[0] != 'mpthread_hook'\n"


def test_the_fixture_is_for_one_test(run: Callable[..., pytest.RunResult]) -> None:
    """A test with the fixture runs on thread processes, although its module took names early; the next not."""
    code = "def test_it(mpthread): assert served() and mpthread.status()['enabled'] and mpthread.processes() == []\n"
    run(code + NOT_SERVED).assert_outcomes(passed=2)


def test_module_and_session_fixtures_stay(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """The module fixture ends with its module, the session fixture with the run."""
    pytester.makepyfile(test_z=PROGRAM + NOT_SERVED)
    run("def test_a(mpthread_module): pass\ndef test_b(): assert served()\n").assert_outcomes(passed=3)
    pytester.makepyfile(test_z=PROGRAM + SERVED)
    run("def test_a(mpthread_session): pass\ndef test_b(): assert served()\n").assert_outcomes(passed=3)


def test_the_marker(run: Callable[..., pytest.RunResult]) -> None:
    """The marker does it for a test without the fixture, before its other fixtures, also with strict markers."""
    code = """
@pytest.fixture
def queue():
    return Queue()
@pytest.mark.mpthread
def test_it(queue):
    assert served() and type(queue).__module__ == "multiprocessing.queues"
    process = Process(target=tell, args=(queue,)); process.start(); queue.get(timeout=60); process.join()
@pytest.mark.mpthread(late="warn", timeout=1)
def test_warned(): pass
"""
    result = run(code + NOT_SERVED, "--strict-markers", "-W", "error")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*LateActivationWarning*", "*test_program.Process is multiprocessing.context.Process*"]
    )


@pytest.mark.parametrize("how", ["option", "ini"])
def test_a_whole_run(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, how: str) -> None:
    """The option and the ini key are there before conftest, so that nothing is late, and the header says it."""
    pytester.makeconftest("import multiprocessing\nclass Early(multiprocessing.Process): pass\n")
    if how == "ini":
        pytester.makeini("[pytest]\nmpthread = true\n")
    result = run(SERVED, *(["--mpthread"] if how == "option" else []), "-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["mpthread_hook: multiprocessing is thread-backed"])


def test_without_being_asked_it_changes_nothing(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """A plugin that is only installed loads two modules besides itself, and no multiprocessing."""
    code = """
import json, sys
def pytest_sessionstart():
    names = [n for n in sys.modules if n.partition(".")[0] in ("mpthread_hook", "multiprocessing")]
    open("names.json", "w").write(json.dumps(sorted(names)))
"""
    pytester.makeconftest(code)
    run(NOT_SERVED).assert_outcomes(passed=1)
    assert json.loads((pytester.path / "names.json").read_text()) == [
        "mpthread_hook",
        "mpthread_hook._switch",
        "mpthread_hook.pytest_plugin",
    ]


def test_what_is_left_behind_is_named(run: Callable[..., pytest.RunResult]) -> None:
    """A process left behind is an error of its test, by name; it is ended, and the next test is clean."""
    code = """
@pytest.mark.mpthread(timeout=0.1)
def test_careless():
    Process(target=time.sleep, args=(600,), name="straggler").start()
def test_next(mpthread):
    assert mpthread.processes() == [] and multiprocessing.active_children() == []
@pytest.mark.mpthread(timeout=60)
def test_slow_but_good():
    Process(target=time.sleep, args=(0.3,)).start()
"""
    result = run(code, "-W", "error")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_careless*", "*1 thread process(es) left behind: 'straggler' (pid *"]
    )
    run(code, "--mpthread").assert_outcomes(passed=3, errors=1)


def test_a_hang_shows_every_process(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    """After the limit, each process's stack is on stderr under its name, although output is captured."""
    pytester.makeini("[pytest]\nmpthread_hang_timeout = 0.2\n")
    code = """
import threading
seen = threading.Event()
def stuck_here():
    seen.wait(10)  # far longer than the limit, on a busy machine as well
def test_hanging(mpthread):
    process = Process(target=stuck_here, name="stuck"); process.start(); process.join()
"""
    result = run(code)
    result.assert_outcomes(passed=1)
    result.stderr.fnmatch_lines(
        ["mpthread_hook: *test_hanging runs for more than 0.2 s", "--- process 'MainProcess' *"]
    )
    result.stderr.re_match_lines([r"--- process 'stuck' \(pid \d+\), main thread \d+", ".* in stuck_here"])


def test_mocks_reach_children(run: Callable[..., pytest.RunResult]) -> None:
    """What a test patches is patched in child processes, also with spawn's pickling."""
    code = """
from unittest import mock
class Service:
    def price(self): return 1
def ask(queue): queue.put(Service().price())
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it(mpthread, monkeypatch, method):
    monkeypatch.setattr(Service, "price", lambda self: 42)
    context = multiprocessing.get_context(method)
    queue = context.Queue(); process = context.Process(target=ask, args=(queue,)); process.start()
    assert queue.get(timeout=60) == 42
    process.join()
    with mock.patch.object(Service, "price", return_value=43) as price:
        process = context.Process(target=ask, args=(queue,)); process.start(); process.join()
        assert queue.get(timeout=60) == 43 and price.call_count == 1
"""
    run(code).assert_outcomes(passed=2)


def test_a_breakpoint_in_a_child(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    """`breakpoint()` in a child process talks to the terminal, and the test goes on after it."""
    code = """
def ask(queue):
    secret = 6 * 7
    breakpoint()
    queue.put(secret)
def test_it(mpthread):
    queue = Queue(); process = Process(target=ask, args=(queue,)); process.start()
    assert queue.get(timeout=60) == 43
    process.join()
    assert process.exitcode == 0
"""
    pytester.makepyfile(test_program=PROGRAM + code)
    command = ("-m", "pytest", "-p", "mpthread_hook.pytest_plugin", "-p", "no:cacheprovider")

    result = pytester.run(sys.executable, *command, stdin=b"p secret\nsecret = 43\nc\n", timeout=120)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*(Pdb) 42", "*PDB continue*"])


def test_importlib_mode(run: Callable[..., pytest.RunResult]) -> None:
    """``--import-mode=importlib`` works, with early names and with spawn."""
    code = (
        SERVED
        + "def test_spawn():\n    multiprocessing.set_start_method('spawn', force=True)\n    assert served()\n"
    )
    run(code, "--import-mode=importlib", "--mpthread").assert_outcomes(passed=2)


@needs("xdist")
@pytest.mark.parametrize("option", [True, False])
def test_xdist(run: Callable[..., pytest.RunResult], option: bool) -> None:
    """Workers of xdist have it, each for itself, through the option and through the fixture."""
    tests = "def test_a({0}): assert served()\ndef test_b({0}): assert served()\n".format(
        "" if option else "mpthread"
    )
    options = ["--mpthread"] if option else []
    run(tests, "-n", "2", *options, plugins=("xdist",)).assert_outcomes(passed=2)


CHILD = """
def child_only(queue):
    total = 0
    for number in range(3):
        total += number
    queue.put(total)
def test_it({}):
    queue = Queue(); process = Process(target=child_only, args=(queue,)); process.start()
    assert queue.get(timeout=60) == 3
    process.join()
"""


def lines_of_child(pytester: pytest.Pytester) -> tuple[set[int], set[int]]:
    """Return the lines that only the child runs, and those of them that the coverage data has."""
    file = str(pytester.path / "test_program.py")
    text = (pytester.path / "test_program.py").read_text().splitlines()
    start = text.index("def child_only(queue):") + 1
    wanted = set(range(start + 1, start + 5))
    # Not in this interpreter: coverage derives a class from the stock package's, which tests behind this one would see.
    code = "import coverage, json, sys; data = coverage.CoverageData(sys.argv[1]); data.read(); "
    code += "print(json.dumps(data.lines(sys.argv[2])))"
    done = interpreters.run(sys.executable, "-c", code, str(pytester.path / ".coverage"), file)
    return wanted, wanted & set(json.loads(done.stdout) or ())


@needs("pytest_cov")
@pytest.mark.parametrize("option", [True, False])
def test_coverage_counts_children(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, option: bool
) -> None:
    """pytest-cov counts the lines that only a child process runs, with no configuration at all."""
    code = CHILD.format("" if option else "mpthread")
    options = ["--mpthread"] if option else []
    run(code, "--cov=.", "--cov-report=", *options, plugins=("pytest_cov",)).assert_outcomes(passed=1)
    wanted, counted = lines_of_child(pytester)
    assert counted == wanted


@needs("coverage")
def test_coverage_run_counts_children(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """`coverage run`, which has imported multiprocessing before any test, counts them as well."""
    pytester.makepyfile(test_program=PROGRAM + CHILD.format("mpthread"))
    command = ("-m", "coverage", "run", "-m", "pytest", "-p", "mpthread_hook.pytest_plugin", "-W", "error")
    result = pytester.run(sys.executable, *command, timeout=120)
    result.assert_outcomes(passed=1)
    wanted, counted = lines_of_child(pytester)
    assert counted == wanted
