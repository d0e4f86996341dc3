"""Sockets that a thread process waits on: for what arrives, and for who connects.

Before a method of a blocking socket goes into the system, it waits there for the descriptor, which signals
and the end of the process interrupt.  The methods lie on `socket.socket` only while there are thread processes.
"""

from __future__ import annotations

import socket as _real
from weakref import WeakSet

from .._identity import (
    FENCED,
    HERE,
    MAIN,
    PROCESSES,
    Thread,
    ThreadProcess,
    at_end,
    at_leave,
    at_start,
    checkpoint,
)
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


def _sending(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        if FENCED:
            checkpoint()  # a process that has ended, and unwinds, sends nothing more
        return real(self, *args, **kwargs)

    send.__name__ = name
    send.__qualname__ = f"socket.{name}"
    send.__doc__ = real.__doc__
    return send


#: Keys in the state of a process: the connections that it has accepted, and what it has bound or listens on.
_ACCEPTED, _BOUND = "accepted sockets", "bound sockets"


def _hold(key: str, sock: Any) -> None:
    HERE.process.state.setdefault(key, WeakSet()).add(sock)


def _accept_own(self: Any) -> Any:
    """As `socket.socket.accept`; whoever is connected is told when the process has ended."""
    connection, address = _real_accept(self)
    if HERE.thread is not None:
        _hold(_ACCEPTED, connection)
    return connection, address


def _bind_own(self: Any, address: Any, /) -> None:
    """As the method of the C class; the address is free again when the process has ended."""
    _real_bind(self, address)
    if HERE.thread is not None:
        _hold(_BOUND, self)


def _init_own(self: Any, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:
    """As `socket.socket`; a duplicate that listens (it came in a pickle) is the calling process's."""
    _real_init(self, family, type, proto, fileno)
    if fileno is not None and HERE.process is not MAIN and _SO_ACCEPTCONN is not None and _accepts(self):
        _hold(_BOUND, self)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if child.method == "fork":
        for key in (_ACCEPTED, _BOUND):
            if key in parent.state:
                child.state[key] = parent.state[key].copy()


def _hang_up(process: ThreadProcess) -> None:
    """Close what served others, unless a process that inherited it lives on.

    Not its connections to others: those may be in a pool that is a global, and so in use by another process.
    """
    for key in (_ACCEPTED, _BOUND):
        own = process.state.pop(key, ())
        for sock in tuple(own):
            if any(sock in other.state.get(key, ()) for other in tuple(PROCESSES.values())):
                continue
            if key is _ACCEPTED or not _has_peer(sock):
                _real.SocketType.close(sock)  # which `socket.close` puts off while there are files made of it


def _left(thread: Thread) -> None:
    # Before the end is known: who has waited for the process may want its address at once.
    process = thread.process
    if process.status is not None and (thread is process.main or not process.threads):
        _hang_up(process)


def _has_peer(sock: Any) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


_real_accept = _real.socket.accept
_real_bind = _real.SocketType.bind
_real_init: Any = _real.socket.__init__

_methods = {
    name: _waiting(name, place, getattr(_real.SocketType, name))
    for name, place in _WAITING.items()
    if hasattr(_real.SocketType, name)
}
_methods |= {
    name: _sending(name, getattr(_real.SocketType, name))
    for name in ("send", "sendall", "sendto", "sendmsg")
    if hasattr(_real.SocketType, name)
}
_methods["bind"] = _bind_own
#: The same for methods that `socket.socket` has itself, each with the real one.
_replaced: dict[str, tuple[Any, Any]] = {
    "accept": (_accept_own, _real_accept),
    "__init__": (_init_own, _real_init),
}
for _name, _method in {"bind": _bind_own, "accept": _accept_own, "__init__": _init_own}.items():
    _method.__name__ = _name
    _method.__qualname__ = f"socket.{_name}"


def _lay_on() -> None:
    for name, method in _methods.items():
        if name not in vars(_real.socket):
            setattr(_real.socket, name, method)
    for name, (method, real) in _replaced.items():
        if vars(_real.socket).get(name) is real:
            setattr(_real.socket, name, method)


def _lift() -> None:
    for name, method in _methods.items():
        if vars(_real.socket).get(name) is method:
            delattr(_real.socket, name)
    for name, (method, real) in _replaced.items():
        if vars(_real.socket).get(name) is method:
            setattr(_real.socket, name, real)


def install(journal: Journal) -> None:
    """Lay the methods over sockets while there are thread processes."""
    at_start(_inherit)
    at_leave(_left)
    at_end(_hang_up)
    journal.undo(presence.during(_lay_on, _lift))
