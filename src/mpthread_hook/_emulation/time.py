"""`time.sleep` that signals and the end of the process interrupt."""

from __future__ import annotations

import time
from _thread import allocate_lock

from .._identity import HERE, checkpoint, monotonic, park
from .builtin import Functions

functions = Functions(__name__)

_real_sleep = time.sleep


@functions
def sleep(_: object, seconds: float, /) -> None:
    """As `time.sleep`; a handler that runs meanwhile does not shorten it (PEP 475)."""
    if HERE.thread is None:
        return _real_sleep(seconds)
    if not seconds > 0:  # zero, or what it raises for
        _real_sleep(seconds)
        return checkpoint()
    deadline = monotonic() + seconds
    waiter = allocate_lock()
    waiter.acquire()
    left = float(seconds)
    while left > 0:
        park(waiter, left)
        left = deadline - monotonic()
    return None
