"""`multiprocess`, a copy of `multiprocessing` that pickles by `dill`: its processes are real, so its locks have to be.

It brings all of its modules itself but `_multiprocess`, which is `from _multiprocessing import *`.
"""

from __future__ import annotations

import sys

from .._served import real_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._hook.journal import Journal


def install(journal: Journal) -> None:
    """Give it the interpreter's own semaphores, where there are any; ours let its import succeed elsewhere."""
    real = real_module("_multiprocessing")
    if real is None:
        return
    module = sys.modules["_multiprocess"]
    for name, value in vars(real).items():
        if not name.startswith("_") and name in vars(module):
            journal.set(module, name, value)
