"""Programs whose workers change what they inherited, and that can do without workers: here they do.

Sphinx, flake8, pylint and Django's tests hand their whole state to forked workers, through globals, and each worker
goes on to change it.  Threads would all change the same.  Each of them has a way to do the same work without processes,
with the same results, and loses nothing by it: such work is computation, for which threads take turns.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def install_sphinx(journal: Journal) -> None:
    """Patch `sphinx.util.parallel`: nothing is read or written in parallel."""
    journal.set(sys.modules["sphinx.util.parallel"], "parallel_available", False)


def install_flake8(journal: Journal) -> None:
    """Patch `flake8.checker`: there is no pool, as on systems without semaphores."""
    module = sys.modules["flake8.checker"]
    if hasattr(module, "_try_initialize_processpool"):
        journal.set(module, "_try_initialize_processpool", lambda *args, **kwargs: None)


def install_pylint(journal: Journal) -> None:
    """Patch `pylint.lint.pylinter`: there is one job."""
    linter: Any = sys.modules["pylint.lint.pylinter"].PyLinter
    real = linter.check

    def check(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.config.jobs = 1
        return real(self, *args, **kwargs)

    journal.set(linter, "check", check)


def install_django(journal: Journal) -> None:
    """Patch `django.test.runner`: tests run one after the other, as with ``--parallel=1``."""
    runner: Any = sys.modules["django.test.runner"].DiscoverRunner
    journal.set(runner, "parallel", property(lambda _runner: 1, lambda _runner, _wanted: None))
