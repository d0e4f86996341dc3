"""`multiprocess` (pathos) and `billiard` (celery), copies of `multiprocessing`: their processes are real.

So their locks have to be.  They bring all of their modules themselves but `_multiprocessing`.
"""

from __future__ import annotations

import sys

from .._served import real_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def install(journal: Journal) -> None:
    """Give `_multiprocess` the interpreter's own semaphores, where there are any; with ours its import succeeds."""
    real = real_module("_multiprocessing")
    if real is None:
        return
    module = sys.modules["_multiprocess"]
    for name, value in vars(real).items():
        if not name.startswith("_") and name in vars(module):
            journal.set(module, name, value)


def install_billiard(journal: Journal) -> None:
    """Do the same for `billiard._ext`, where it has no extension of its own."""
    module: Any = sys.modules["billiard._ext"]
    real = real_module("_multiprocessing")
    if real is not None and module._billiard is sys.modules.get("_multiprocessing"):
        journal.set(module, "_billiard", real)
