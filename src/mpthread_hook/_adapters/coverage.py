"""coverage.py with ``concurrency = multiprocessing``: a collector for each child would be one too many.

Children are threads that the collector of the program sees, if it looks at threads.
"""

from __future__ import annotations

import functools
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def install(journal: Journal) -> None:
    """Patch `coverage.multiproc`: no child starts a measurement of its own."""

    def patch_multiprocessing(rcfile: Any) -> None:
        """Do nothing: thread processes are measured as threads."""

    journal.set(sys.modules["coverage.multiproc"], "patch_multiprocessing", patch_multiprocessing)


def install_collector(journal: Journal) -> None:
    """Patch `coverage.collector`: who wants processes measured wants threads measured."""
    collector: Any = sys.modules["coverage.collector"].Collector
    stock = collector.__init__

    @functools.wraps(stock)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        wanted = kwargs.get("concurrency")
        if wanted is not None and "multiprocessing" in wanted and "thread" not in wanted:
            kwargs["concurrency"] = [*wanted, "thread"]
        stock(self, *args, **kwargs)

    journal.set(collector, "__init__", __init__)
