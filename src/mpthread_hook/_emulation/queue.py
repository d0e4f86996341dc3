"""`queue.SimpleQueue` for thread processes: the C one waits in a way that nothing interrupts."""

from __future__ import annotations

import queue as _real
from _thread import allocate_lock
from collections import deque
from types import GenericAlias

from .._identity import HERE, monotonic, park, unlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RealSimpleQueue: Any = _real.SimpleQueue


class _StandInType(type(_RealSimpleQueue)):  # type: ignore[misc]
    """Instances of the real class are, to `isinstance`, ones of ours."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _RealSimpleQueue if cls is SimpleQueue else ()) or type.__instancecheck__(
            cls, instance
        )


class SimpleQueue(_RealSimpleQueue, metaclass=_StandInType):  # type: ignore[misc]
    """As `queue.SimpleQueue`; in the main program, calling it makes a real one.

    Without locks, so that `put()` may be called from finalizers and signal handlers like the real one.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a real queue for the main program."""
        if cls is SimpleQueue and HERE.thread is None:
            return _RealSimpleQueue(*args, **kwargs)
        self = super().__new__(cls)
        self._items = deque()
        self._waiters = deque()
        return self

    _items: deque[Any]
    _waiters: deque[Any]

    __class_getitem__: Any = classmethod(GenericAlias)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item; never blocks."""
        self._items.append(item)
        self._wake()

    put_nowait = put

    def _wake(self) -> None:
        try:
            unlock(self._waiters.popleft())
        except IndexError:
            pass

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take an item, waiting for one if asked to."""
        if timeout is not None and timeout < 0 and block:
            raise ValueError("'timeout' must be a non-negative number")
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            try:
                return self._items.popleft()
            except IndexError:
                if not block:
                    raise _real.Empty from None
            left = -1.0 if deadline is None else deadline - monotonic()
            if deadline is not None and left <= 0:
                raise _real.Empty
            self._wait(left)

    def _wait(self, timeout: float) -> None:
        """Wait to be woken by `put`; whoever was, and cannot take the item, wakes the next."""
        waiter = allocate_lock()
        waiter.acquire()
        self._waiters.append(waiter)
        interrupted = True
        try:
            if not self._items:
                park(waiter, timeout)
            interrupted = False
        finally:
            try:
                self._waiters.remove(waiter)
            except ValueError:
                if interrupted:
                    self._wake()

    def get_nowait(self) -> Any:
        """Take an item if there is one."""
        return self.get(block=False)

    def empty(self) -> bool:
        """Return whether there is no item."""
        return not self._items

    def qsize(self) -> int:
        """Return the number of items."""
        return len(self._items)


SimpleQueue.__module__ = "_queue"
