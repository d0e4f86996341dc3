"""Pipes over a real fork: what is in memory is copied by it, so they get descriptors just before.

Only where the program has a single thread, as programs that fork for themselves nearly always do: nobody can
be in the middle of a message then.  From the fork on both processes have the standard library's connections
over a socket pair or a pipe of the system, and what was on its way is in it.  A pipe that holds more than a
real one would stays in memory, where each process has its own copy.
"""

from __future__ import annotations

import os
import socket
import sys
from _thread import _count
from _weakref import ref

from .._identity import MAIN, real_close, real_write
from .._served import served
from .pipe import End, Hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

#: What a pipe of the system takes without a reader.
_ROOM = 1 << 16

_served: Any = served("multiprocessing.connection")
_StockConnection: Any = _served.Connection


class _Framing(_StockConnection):  # type: ignore[misc]
    """Collects what a connection would have written to its descriptor."""

    def __init__(self) -> None:
        self.written = b""

    def _send(self, buf: Any, write: Any = None) -> None:
        self.written += bytes(buf)

    def __del__(self) -> None:
        """There is nothing to close."""


def own(connection: Any) -> Any:
    """Note that a connection is a program's own, not a part of a queue or a listener; return it."""
    connection._hold.owner = ref(connection)
    return connection


def before_real_fork(as_bytes: Callable[[Any], bytes]) -> None:
    """Give descriptors to the pipes of the program; ``as_bytes`` makes them of a message."""
    if _count() or not MAIN.handles or _is_for_a_program():
        return
    free = {hold.thing: hold for hold in list(MAIN.handles) if _is_free(hold)}
    for end, hold in free.items():
        peer = free.get(end.peer)
        if type(hold.owner()) is _StockConnection or (peer is None and end.peer.open):
            continue  # done with its peer; or there is more to it than this pipe
        _materialize(hold, peer, as_bytes)


def _is_for_a_program() -> bool:
    """Return whether `subprocess` forks, for a ``preexec_fn``: no connection is used before the program begins."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_execute_child" and frame.f_globals.get("__name__") == "subprocess":
            return True
        frame = frame.f_back
    return False


def _is_free(hold: Hold) -> bool:
    """Return whether a hold is the only one, of a connection that a program has, and nobody waits for its end."""
    end = hold.thing
    return (
        type(end) is End
        and end.open == 1
        and end.readiness is None
        and not (end.waiters or end.senders or end.pollers)
        and hold.owner is not None
        and hold.owner() is not None
    )


def _materialize(one: Hold, two: Hold | None, as_bytes: Callable[[Any], bytes]) -> None:
    connection = one.owner()
    ends = _descriptors(connection._readable, connection._writable)
    holds = (one, two)
    for number, hold in enumerate(holds):
        if hold is not None and not _fill(ends[1 - number], hold.thing.inbox, as_bytes):
            for fd in ends:
                real_close(fd)
            return
    for fd, hold in zip(ends, holds, strict=True):
        if hold is None:
            real_close(fd)
            continue
        connection = hold.owner()
        hold.drop_all()
        del connection._end, connection._hold
        connection.__class__ = _StockConnection
        connection._handle = fd


def _descriptors(readable: bool, writable: bool) -> tuple[int, int]:
    if readable and writable:
        one, two = socket.socketpair()
        return one.detach(), two.detach()
    reader, writer = os.pipe()
    return (reader, writer) if readable else (writer, reader)


def _fill(fd: int, inbox: Any, as_bytes: Callable[[Any], bytes]) -> bool:
    """Write what waits in an inbox to the descriptor that it comes from; return whether there was room."""
    frames = _Framing()
    for message in inbox:
        frames._send_bytes(as_bytes(message))
        if len(frames.written) > _ROOM:
            return False
    if not frames.written:
        return True
    os.set_blocking(fd, False)
    try:
        return real_write(fd, frames.written) == len(frames.written)
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(fd, True)
