"""Packages that are not ours to replace, and would break if we did nothing for them: by stand-ins for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interpreters import answer, environment, this_path

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


def test_filelock_sees_one_process(tmp_path: Path) -> None:
    """It resets all locks when the pid is another one: it sees the program's in every thread process."""
    package = tmp_path / "filelock" / "_core"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "_fork.py").write_text(
        "import os\ncalls = []\n"
        "os.register_at_fork(before=lambda: calls.append(1), after_in_child=lambda: calls.append(2))\n"
        "def pid(): return os.getpid(), os.sep\n",
        encoding="utf-8",
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
