"""Listeners and clients inside the program: the default family, `AF_INPROC`.

It needs no file path (iOS allows 104 bytes for one) and no port.  `multiprocessing.connection.Listener` and
`Client`, with their authentication, are the interpreter's own and come here through `SocketListener` and
`SocketClient`.
"""

from __future__ import annotations

import itertools

from .._identity import HERE
from .._served import served
from .connection import Connection, pair, take_over
from .pipe import IN_FLIGHT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The served module is being made while this one is imported: its own names are there already.
_served: Any = served("multiprocessing.connection")

#: Family of addresses inside this program; needs no file path (iOS allows 104 bytes) and no port.
FAMILY = "AF_INPROC"
_PREFIX = "inproc:"
_listeners: dict[str, InprocListener] = {}
_listener_numbers = itertools.count(1)

_stock_arbitrary_address: Any = _served.arbitrary_address
_stock_address_type: Any = _served.address_type
_stock_validate_family: Any = _served._validate_family
_StockSocketListener: Any = _served.SocketListener
_stock_socket_client: Any = _served.SocketClient


def arbitrary_address(family: str) -> Any:
    """Return an arbitrary free address for the given family."""
    if family == FAMILY:
        return f"{_PREFIX}{HERE.process.pid}-{next(_listener_numbers)}"
    return _stock_arbitrary_address(family)


def address_type(address: Any) -> Any:
    """Return the family of an address."""
    if type(address) is str and address.startswith(_PREFIX):
        return FAMILY
    return _stock_address_type(address)


def _validate_family(family: str) -> None:
    """Check that the family is valid for the platform."""
    if family != FAMILY:
        _stock_validate_family(family)


class InprocListener:
    """Accepts connections from `Client` calls in the same program."""

    def __init__(self, address: str) -> None:
        if address in _listeners and _listeners[address].is_open():
            raise OSError(98, "Address already in use")
        self._address = address
        self._last_accepted = None
        self._queue, self._entrance = pair(duplex=False)
        _listeners[address] = self
        self._unlink = served("multiprocessing.util").Finalize(
            self, _listeners.pop, (address, None), exitpriority=0
        )

    def accept(self) -> Connection:
        """Wait for a client and return the connection to it."""
        try:
            offered: Connection = self._queue.recv()
        except EOFError:
            raise OSError("listener is closed") from None
        return take_over(offered)

    def is_open(self) -> bool:
        """Return whether somebody can still accept: the process that listened may have died."""
        return bool(self._queue._end.open)

    def connect(self) -> Connection:
        """Return the client's end of a new connection."""
        ours, theirs = pair(duplex=True)
        offered = Connection(theirs._end, True, True, IN_FLIGHT)
        theirs.close()
        self._queue._end.put(offered)
        if not self.is_open():
            self._queue._end.inbox.clear()
        return ours

    def close(self) -> None:
        """Stop listening."""
        self._queue.close()
        self._entrance._hold.drop_all()
        unlink = self._unlink
        if unlink is not None:
            self._unlink = None
            unlink()
            _listeners.pop(self._address, None)


def SocketListener(address: Any, family: str, backlog: int = 1) -> Any:
    """Return a listener of the given family."""
    if family == FAMILY:
        return InprocListener(address)
    return _StockSocketListener(address, family, backlog)


def SocketClient(address: Any) -> Any:
    """Return a connection to the listener at ``address``."""
    if address_type(address) == FAMILY:
        listener = _listeners.get(address)
        if listener is None or not listener.is_open():
            raise ConnectionRefusedError(111, f"Connection refused: nothing listens at {address!r}")
        return listener.connect()
    return _stock_socket_client(address)


default_family = FAMILY
families: list[str] = [FAMILY, *_served.families]
