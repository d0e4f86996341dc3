"""Sockets that a thread process waits on: for what arrives, and for who connects.

Before a method of a blocking socket goes into the system, it waits there for the descriptor, which signals
and the end of the process interrupt.  The methods lie on `socket.socket` only while there are thread processes.
"""

from __future__ import annotations

import socket as _real
from weakref import WeakSet

from .._identity import HERE, ThreadProcess, at_end
from . import presence
from .select import wait_readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._hook.journal import Journal

#: Methods of the C class that wait for something to read, and at which place flags are among the arguments.
_WAITING = {
    "recv": 1,
    "recv_into": 2,
    "recvfrom": 1,
    "recvfrom_into": 2,
    "recvmsg": 2,
    "recvmsg_into": 2,
    "_accept": 0,
}
# With any other flag it is not what is readable that counts.
_HARMLESS = int(_real.MSG_PEEK) | int(getattr(_real, "MSG_WAITALL", 0))


_SO_ACCEPTCONN = getattr(_real, "SO_ACCEPTCONN", None)


def _wait(sock: Any, flags: object) -> None:
    timeout: float | None = sock.gettimeout()
    if timeout == 0 or not isinstance(flags, int) or flags & ~_HARMLESS or sock.fileno() < 0:
        return  # does not wait at all, or fails
    if not wait_readable((sock.fileno(),), timeout):
        raise TimeoutError("timed out")


def _accepts(sock: Any) -> bool:
    try:
        return _SO_ACCEPTCONN is None or sock.getsockopt(_real.SOL_SOCKET, _SO_ACCEPTCONN) != 0
    except OSError:
        return False


def _waiting(name: str, place: int, real: Callable[..., Any]) -> Callable[..., Any]:
    into = name.endswith("_into")

    def receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        # What is wrong, or nothing, is answered at once.
        if HERE.thread is not None and args:
            wanted = args[0]
            if not isinstance(wanted, int) if into else isinstance(wanted, int) and wanted > 0:
                _wait(self, args[place] if len(args) > place else kwargs.get("flags", 0))
        return real(self, *args, **kwargs)

    def accept(self: Any) -> Any:
        if HERE.thread is not None and _accepts(self):
            _wait(self, 0)
        return real(self)

    method = accept if name == "_accept" else receive
    method.__name__ = name
    method.__qualname__ = f"socket.{name}"
    method.__doc__ = real.__doc__
    return method


#: Key in the state of a process: the connections that it has accepted.
_ACCEPTED = "accepted sockets"


def _accept_own(self: Any) -> Any:
    """As `socket.socket.accept`; whoever is connected is told when the process has ended."""
    connection, address = _real_accept(self)
    if HERE.thread is not None:
        HERE.process.state.setdefault(_ACCEPTED, WeakSet()).add(connection)
    return connection, address


def _hang_up(process: ThreadProcess) -> None:
    accepted = process.state.pop(_ACCEPTED, ())
    if any(not child.ended for child in process.children):
        return  # which may have inherited them
    for connection in tuple(accepted):
        _real.SocketType.close(connection)  # which `socket.close` puts off while there are files made of it


_real_accept = _real.socket.accept
_accept_own.__name__ = "accept"
_accept_own.__qualname__ = "socket.accept"

_methods = {
    name: _waiting(name, place, getattr(_real.SocketType, name))
    for name, place in _WAITING.items()
    if hasattr(_real.SocketType, name)
}


def _lay_on() -> None:
    for name, method in _methods.items():
        if name not in vars(_real.socket):
            setattr(_real.socket, name, method)
    if _real.socket.accept is _real_accept:
        _real.socket.accept = _accept_own  # type: ignore[method-assign]


def _lift() -> None:
    for name, method in _methods.items():
        if vars(_real.socket).get(name) is method:
            delattr(_real.socket, name)
    if _real.socket.accept is _accept_own:
        _real.socket.accept = _real_accept  # type: ignore[method-assign]


def install(journal: Journal) -> None:
    """Lay the methods over sockets while there are thread processes."""
    at_end(_hang_up)
    journal.undo(presence.during(_lay_on, _lift))
