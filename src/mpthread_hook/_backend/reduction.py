"""Descriptors in pickles and messages (`multiprocessing.reduction`): duplicates within one table."""

from __future__ import annotations

import os

from .._identity import real_close, real_dup
from .._served import served
from .pipe import cash, send_along

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_served: Any = served("multiprocessing.reduction")
_stock_send_handle: Any = getattr(_served, "send_handle", None)
_stock_recv_handle: Any = getattr(_served, "recv_handle", None)


class DupFd:
    """A duplicate of a descriptor that travels in a pickle and is handed over by `detach()` once."""

    def __init__(self, fd: int) -> None:
        self._fd = real_dup(fd)

    def __reduce__(self) -> tuple[Any, ...]:
        travelling = DupFd.__new__(DupFd)
        travelling._fd, self._fd = self._fd, -1
        return cash, (send_along(travelling),)

    def detach(self) -> int:
        """Return the descriptor; it is the caller's from now on."""
        fd, self._fd = self._fd, -1
        return fd

    def __del__(self) -> None:
        if self._fd >= 0:
            real_close(self._fd)


def send_handle(conn: Any, handle: int, destination_pid: int | None) -> None:
    """Send a descriptor over a connection; the receiver gets a duplicate of it."""
    ours = served("mpthread_hook._backend.connection").Connection
    if isinstance(conn, ours):
        fd = real_dup(handle)
        try:
            conn.send(("fd", fd))
        except BaseException:
            real_close(fd)
            raise
    else:
        _stock_send_handle(conn, handle, destination_pid)


def recv_handle(conn: Any) -> int:
    """Receive a descriptor over a connection."""
    ours = served("mpthread_hook._backend.connection").Connection
    if isinstance(conn, ours):
        _, fd = conn.recv()
        try:
            return os.dup(fd)  # which is counted as the receiver's own
        finally:
            real_close(fd)
    return _stock_recv_handle(conn)  # type: ignore[no-any-return]
