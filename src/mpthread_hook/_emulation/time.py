"""`time.sleep` that signals and the end of the process interrupt."""

from __future__ import annotations

import time
from _thread import allocate_lock

from .._arguments import as_seconds
from .._identity import HERE, checkpoint, monotonic, park

_real_sleep = time.sleep


class _Sleep:
    """As `time.sleep`; a handler that runs meanwhile does not shorten it (PEP 475).

    An object and not a function, because serializers such as `xmlrpc.client` take whatever has a
    ``__dict__``, which a C function has not.
    """

    __slots__ = ()
    __name__ = __qualname__ = "sleep"

    def __call__(self, seconds: float, /) -> None:
        if HERE.thread is None:
            return _real_sleep(seconds)
        seconds = as_seconds(seconds)
        if seconds <= 0:  # or what it raises for
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

    def __repr__(self) -> str:
        return "<built-in function sleep>"

    def __reduce__(self) -> str:
        return "sleep"


_Sleep.__module__ = "time"
sleep = _Sleep()
