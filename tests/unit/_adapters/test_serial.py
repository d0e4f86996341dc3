"""Programs that are told to work without workers; small modules stand in for them here."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_MODULES = {
    "sphinx/util/parallel.py": "parallel_available = True",
    "flake8/checker.py": "def _try_initialize_processpool(job_count, argv): return 'a pool'",
    "pylint/lint/pylinter.py": """
        class PyLinter:
            def __init__(self, config):
                self.config = config
            def check(self, files):
                return self.config.jobs, files
    """,
}

_PROGRAM = """
import types
import mpthread_hook
hook = mpthread_hook.enable()
import multiprocessing
from flake8 import checker
from pylint.lint import pylinter
from sphinx.util import parallel
def tell():
    linter = pylinter.PyLinter(types.SimpleNamespace(jobs=2))
    print(parallel.parallel_available, checker._try_initialize_processpool(2, []), linter.check(["a"]))
tell()
mpthread_hook.disable()
tell()
"""


def test_they_work_without_workers_while_enabled(tmp_path: Path) -> None:
    """Each has one job, and no pool; after `disable()` everything is as they have it."""
    for name, text in _MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        for folder in path.relative_to(tmp_path).parents:
            (tmp_path / folder / "__init__.py").touch()
    done = run(sys.executable, "-c", _PROGRAM, env=environment([str(tmp_path), *this_path()]))
    assert done.stdout.splitlines() == ["False None (1, ['a'])", "True a pool (2, ['a'])"], done.stderr
