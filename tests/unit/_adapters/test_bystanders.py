"""Packages that are not ours to replace, and would break if we did nothing for them: by stand-ins for each."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import answer, environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def test_real_processes_have_real_locks(tmp_path: Path) -> None:
    """`multiprocess` takes its locks from `_multiprocessing`, and forks: it gets the interpreter's own."""
    pytest.importorskip("_multiprocessing", reason="this interpreter has none")
    (tmp_path / "_multiprocess.py").write_text("from _multiprocessing import *\n", encoding="utf-8")
    code = """
import json
import mpthread_hook
with mpthread_hook.enable():
    import multiprocessing, _multiprocess, _multiprocessing
    own = _multiprocess.SemLock(1, 1, 1, "/mpthread-bystander", True)
    print(json.dumps([own.acquire(), type(own) is _multiprocessing.SemLock, type(type(own).acquire).__name__]))
"""
    assert answer(code, env=environment([str(tmp_path), *this_path()])) == [True, False, "method_descriptor"]


def test_billiard_has_real_locks(tmp_path: Path) -> None:
    """Without its own extension `billiard` falls back on `_multiprocessing`, and forks: it gets the real one."""
    pytest.importorskip("_multiprocessing", reason="this interpreter has none")
    _write(tmp_path / "billiard" / "_ext.py", "import _multiprocessing as _billiard\n")
    code = """
import json
import mpthread_hook
with mpthread_hook.enable():
    import multiprocessing, _multiprocessing
    from billiard import _ext
    print(json.dumps([_ext._billiard is _multiprocessing, type(_ext._billiard.SemLock.acquire).__name__]))
"""
    assert answer(code, env=environment([str(tmp_path), *this_path()])) == [False, "method_descriptor"]


def test_a_worker_of_torch_is_told_about_itself(tmp_path: Path) -> None:
    """`get_worker_info()` is of the worker that asks, also while others run; the program has none."""
    _write(
        tmp_path / "torch" / "utils" / "data" / "_utils" / "worker.py",
        """
_worker_info = None
def get_worker_info(): return _worker_info
def _worker_loop(number, barrier, queue, *, tell):
    global _worker_info
    _worker_info = number
    barrier.wait()
    tell(queue)
""",
    )
    code = """
import json
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from torch.utils.data._utils import worker
from torch.utils.data._utils.worker import get_worker_info

def tell(queue): queue.put(get_worker_info())

if __name__ == "__main__":
    found = []
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        barrier, queue = context.Barrier(3), context.Queue()
        workers = [
            context.Process(target=worker._worker_loop, args=(number, barrier, queue), kwargs={"tell": tell})
            for number in range(3)
        ]
        for one in workers: one.start()
        found.append(sorted(queue.get() for _ in workers))
        for one in workers: one.join()
    print(json.dumps([found, get_worker_info(), worker._worker_info]))
"""
    found = answer(code, env=environment([str(tmp_path), *this_path()]))
    assert found == [[[0, 1, 2], [0, 1, 2]], None, None]


_REUSABLE = """
_executor = None
class _ReusablePoolExecutor:
    @classmethod
    def get_reusable_executor(cls):
        global _executor
        _executor = _executor or object()
        return _executor
"""


def test_both_copies_of_loky_keep_an_executor_by_process(tmp_path: Path) -> None:
    """One is imported when the other is patched already: each process has its own of each, and keeps it."""
    for root in ("loky", "joblib/externals/loky"):
        _write(tmp_path / root / "reusable_executor.py", _REUSABLE)
    code = """
import json
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from joblib.externals.loky import reusable_executor as one
from loky import reusable_executor as other

def executors(): return [module._ReusablePoolExecutor.get_reusable_executor() for module in (one, other)]
def child(): seen.append(executors() == executors()); seen.append(executors()[0] in mine)

seen, mine = [], executors()
process = multiprocessing.Process(target=child)
process.start()
process.join()
print(json.dumps([seen, executors() == mine, process.exitcode]))
"""
    assert answer(code, env=environment([str(tmp_path), *this_path()])) == [[True, False], True, 0]


def test_tests_of_django_run_one_by_one(tmp_path: Path) -> None:
    """Workers of its runner would share settings and mail: it has none."""
    _write(
        tmp_path / "django" / "test" / "runner.py",
        "class DiscoverRunner:\n    def __init__(self, parallel=0): self.parallel = parallel\n",
    )
    code = """
import json
import mpthread_hook
with mpthread_hook.enable():
    import multiprocessing
    from django.test.runner import DiscoverRunner
    inside = DiscoverRunner(4).parallel
print(json.dumps([inside, DiscoverRunner(4).parallel]))
"""
    assert answer(code, env=environment([str(tmp_path), *this_path()])) == [1, 4]


_MEASURED = """
import multiprocessing
def child(number):
    if number:
        return number * 2
    return -1
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(pool.map(child, range(3)))
"""


@pytest.mark.skipif(find_spec("coverage") is None, reason="coverage is an extra of those who develop this package")
def test_coverage_of_processes_is_that_of_threads(tmp_path: Path) -> None:
    """With ``concurrency = multiprocessing`` the lines of children are counted, and once."""
    (tmp_path / "prog.py").write_text(_MEASURED, encoding="utf-8")
    settings = "[run]\nconcurrency = multiprocessing\nparallel = true\nsource = .\n"
    (tmp_path / ".coveragerc").write_text(settings, encoding="utf-8")
    hooked, plain = ("-m", "mpthread_hook", "run", "-m", "coverage"), ("-m", "coverage")
    for command in ((*hooked, "run", "prog.py"), (*plain, "combine"), (*plain, "report", "--format=total")):
        done = run(sys.executable, *command, env=environment(this_path()), cwd=str(tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert done.stdout.strip() == "100"


def _write(path: Path, text: str) -> None:
    """Write a module, and the packages around it."""
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def test_filelock_sees_one_process(tmp_path: Path) -> None:
    """It resets all locks when the pid is another one: it sees the program's in every thread process."""
    _write(
        tmp_path / "filelock" / "_core" / "_fork.py",
        "import os\ncalls = []\n"
        "os.register_at_fork(before=lambda: calls.append(1), after_in_child=lambda: calls.append(2))\n"
        "def pid(): return os.getpid(), os.sep\n",
    )
    code = """
import json, os
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from filelock._core import _fork

seen = []
def child():
    seen.append((_fork.pid() == (before, os.sep), os.getpid() == before))

before = os.getpid()
process = multiprocessing.Process(target=child)
process.start()
process.join()
print(json.dumps([seen, _fork.calls, process.exitcode]))
"""
    assert answer(code, env=environment([str(tmp_path), *this_path()])) == [[[True, False]], [], 0]
