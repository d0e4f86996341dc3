"""Calls that block in foreign code, made by a helper thread so that the caller can be interrupted."""

from __future__ import annotations

from _thread import allocate_lock

from .._identity import Mutex, park, unlock
from .._identity import real_start_new_thread as _start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Call:
    """One call under way; who loses interest in its result and who brings it meet under one lock."""

    def __init__(self, function: Callable[[], Any], unwanted: Callable[[Any], object] | None) -> None:
        self._function = function
        self._unwanted = unwanted
        self._mutex = Mutex()
        self._forgotten = False
        self.waiter = allocate_lock()
        self.waiter.acquire()
        self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make the call, in the helper thread."""
        try:
            result, error = self._function(), None
        except BaseException as raised:  # travels to the caller
            result, error = None, raised
        with self._mutex:
            self.result, self.error, self.finished = result, error, True
            forgotten = self._forgotten
        unlock(self.waiter)
        if forgotten and error is None and self._unwanted is not None:
            self._unwanted(result)

    def forget(self) -> None:
        """Give the result up; if it is there already, or when it comes, ``unwanted`` gets it."""
        with self._mutex:
            self._forgotten = True
            finished = self.finished
        if finished and self.error is None and self._unwanted is not None:
            self._unwanted(self.result)


def call(function: Callable[[], Any], unwanted: Callable[[Any], object] | None = None) -> Any:
    """Return what ``function()`` returns; signals and the end of the process interrupt the waiting.

    The function runs in a thread of the main program and is not interrupted itself: if nobody waits for its
    result any more, ``unwanted(result)`` is called with it.
    """
    under_way = _Call(function, unwanted)
    _start_new_thread(under_way.run, ())
    try:
        while not under_way.finished:
            park(under_way.waiter)
    except BaseException:
        under_way.forget()
        raise
    if under_way.error is not None:
        raise under_way.error
    return under_way.result
