"""`Pipe`, its connections and `wait` (`multiprocessing.connection`) without descriptors.

A pipe is two `End`s, each with an inbox that the other one fills.  Messages are what the stdlib would have
written to the descriptor, pickled at `send()`, except that exact immutable atoms travel by reference, since
nobody can tell the difference.

Who holds an end follows the rule of descriptors: a `Connection` object is open in the process that made
it; a fork adds the child to whatever the parent has open; `close()` takes out the calling process alone;
the end of a process takes it out everywhere; when the last one is out, the peer sees the end of file.

`fileno()` makes a real descriptor on first demand and keeps it readable exactly while the inbox is.
"""

from __future__ import annotations

import io
import itertools
import os
import pickle
import selectors
import socket
import sys
from _thread import RLock, allocate_lock
from collections import deque
from importlib import import_module

from .. import _identity
from .._identity import HERE, ThreadProcess, checkpoint, monotonic, park, unlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# The served module is being made while this one is imported: its own classes are there already.
_served: Any = sys.modules["multiprocessing.connection"]
_ForkingPickler: Any = _served._ForkingPickler
_StockConnection: Any = _served.Connection
BufferTooShort: type[Exception] = _served.BufferTooShort

_ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes))
_DEFAULT_REDUCERS = dict(_ForkingPickler._extra_reducers)
_PROTOCOL = pickle.HIGHEST_PROTOCOL
_PLAIN_FAILURES = (TypeError, pickle.PicklingError, AttributeError, NotImplementedError)


# ---------------------------------------------------------------------------------------------------------
# Messages


def pack(obj: Any) -> Any:
    """Return the message that stands for ``obj``: pickled bytes, or a 1-tuple that holds an atom itself."""
    kind = type(obj)
    if kind in _ATOMS or (kind is tuple and _all_atoms(obj)):
        return (obj,)
    return dumps(obj)


def _all_atoms(items: tuple[Any, ...]) -> bool:
    for item in items:
        kind = type(item)
        if kind not in _ATOMS and not (kind is tuple and _all_atoms(item)):
            return False
    return True


def dumps(obj: Any) -> Any:
    """Pickle as the stdlib's ForkingPickler does, but in C where no reducer of a program can be meant."""
    if _ForkingPickler._extra_reducers.keys() == _DEFAULT_REDUCERS.keys():
        try:
            return pickle.dumps(obj, _PROTOCOL)
        except _PLAIN_FAILURES:
            pass  # perhaps a socket or a connection inside: those need their reducers
    return bytes(_ForkingPickler.dumps(obj, _PROTOCOL))


def unpack(message: Any) -> Any:
    """Return the object that a message stands for."""
    if type(message) is tuple:
        return message[0]
    return pickle.loads(message)  # noqa: S301 - pickled by this program


def _as_bytes(message: Any) -> bytes:
    if type(message) is tuple:
        return pickle.dumps(message[0], _PROTOCOL)
    return message  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------------------
# Ends and who holds them

# Re-entrant: the collector may run while it is held, and close connections that nobody refers to.
_holds_lock = RLock()


class Readiness:
    """A real descriptor that is readable while an end has something to read."""

    def __init__(self) -> None:
        # A socket pair, because select() may also ask whether the descriptor is writable.
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.fd = theirs.detach()
        self._ours = ours.detach()
        self._lock = allocate_lock()
        self._raised = False

    def update(self, end: End) -> None:
        """Make the descriptor say what the end says now."""
        with self._lock:
            ready = bool(end.inbox) or not end.peer.open
            if ready and not self._raised:
                os.write(self._ours, b"x")
                self._raised = True
            elif not ready and self._raised:
                os.read(self.fd, 1)
                self._raised = False

    def __del__(self) -> None:
        for fd in (self.fd, self._ours):
            try:
                os.close(fd)
            except OSError:
                pass


class End:
    """One end of a pipe."""

    __slots__ = ("inbox", "open", "peer", "pollers", "readiness", "waiters")

    peer: End

    def __init__(self) -> None:
        self.inbox: deque[Any] = deque()
        self.waiters: deque[Any] = deque()
        self.pollers: list[Callable[[], object]] = []
        self.readiness: Readiness | None = None
        #: In how many (connection, process) pairs it is open.
        self.open = 0

    def ready(self) -> bool:
        """Return whether a read would not block."""
        return bool(self.inbox) or not self.peer.open

    def put(self, message: Any) -> None:
        """Add a message to the inbox and wake one reader, and everybody who polls."""
        self.inbox.append(message)
        if self.waiters:
            self.wake_one()
        if self.pollers or self.readiness is not None:
            self.tell()

    def wake_one(self) -> None:
        try:
            waiter = self.waiters.popleft()
        except IndexError:
            return
        unlock(waiter)

    def tell(self) -> None:
        """Tell everybody who polls, and the descriptor, that something changed."""
        for poller in list(self.pollers):
            poller()
        if self.readiness is not None:
            self.readiness.update(self)

    def hang_up(self) -> None:
        """The peer was closed by its last holder: every reader sees the end of file."""
        while self.waiters:
            self.wake_one()
        self.tell()

    def get(self, deadline: float | None = None) -> Any:
        """Take the next message; EOFError at the end of file, TimeoutError past the deadline."""
        try:
            message = self.inbox.popleft()
        except IndexError:
            message = self._wait(deadline)
        if self.readiness is not None:
            self.readiness.update(self)
        return message

    def _wait(self, deadline: float | None) -> Any:
        inbox, waiters = self.inbox, self.waiters
        waiter = allocate_lock()
        waiter.acquire()
        try:
            while True:
                waiters.append(waiter)
                peer_open = self.peer.open  # before the look at the inbox: what was sent first is read first
                try:
                    return inbox.popleft()
                except IndexError:
                    pass
                if not peer_open:
                    raise EOFError
                left = -1.0 if deadline is None else deadline - monotonic()
                if deadline is not None and left <= 0:
                    raise TimeoutError
                park(waiter, left)
                _discard(waiters, waiter)
        finally:
            _discard(waiters, waiter)
            # A turn that was given to this thread and not used belongs to the next one.
            if inbox and waiters:
                self.wake_one()

    def poll(self, timeout: float | None) -> bool:
        """Return whether a read would not block, after waiting at most ``timeout`` seconds."""
        if self.ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        return bool(wait_ready([_Ready(self.ready, self.add_poller, self.remove_poller)], timeout))

    def add_poller(self, function: Callable[[], object]) -> None:
        self.pollers.append(function)

    def remove_poller(self, function: Callable[[], object]) -> None:
        try:
            self.pollers.remove(function)
        except ValueError:
            pass

    def fileno(self) -> int:
        """Return the real descriptor, made at the first call."""
        with _holds_lock:
            if self.readiness is None:
                self.readiness = Readiness()
        self.readiness.update(self)
        return self.readiness.fd


def _discard(waiters: deque[Any], waiter: Any) -> None:
    try:
        waiters.remove(waiter)
    except ValueError:
        pass


class Hold:
    """In which processes one `Connection` object is open."""

    __slots__ = ("end", "holders")

    def __init__(self, end: End) -> None:
        self.end = end
        process = HERE.process
        with _holds_lock:
            self.holders = {process}
            end.open += 1
            process.handles[self] = None

    def drop(self, process: ThreadProcess) -> None:
        """Close it for one process."""
        with _holds_lock:
            if process not in self.holders:
                return
            self.holders.discard(process)
            process.handles.pop(self, None)
            end = self.end
            end.open -= 1
            last = not end.open
        if last:
            end.inbox.clear()  # nobody can read it any more
            end.peer.hang_up()

    def drop_all(self) -> None:
        """Close it for everybody: the object is gone."""
        for process in list(self.holders):
            self.drop(process)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if child.method != "fork" or not parent.handles:
        return
    with _holds_lock:
        child.handles = parent.handles.copy()
        for hold in list(child.handles):
            hold.holders.add(child)
            hold.end.open += 1


def _release(process: ThreadProcess) -> None:
    for hold in list(process.handles):
        hold.drop(process)


_identity.at_start(_inherit)
_identity.at_death(_release)


# ---------------------------------------------------------------------------------------------------------
# Connections


class Connection(_StockConnection):  # type: ignore[misc]
    """One end of a pipe; see `multiprocessing.connection.Connection` in the stdlib documentation.

    Objects travel by value, as through a real pipe: they are pickled in ``send()`` and unpickled in
    ``recv()``.  One object serves all processes that inherit it; ``closed`` and ``close()`` are about the
    process that asks.
    """

    def __init__(self, end: End, readable: bool, writable: bool) -> None:  # noqa: FBT001 - as in the stdlib
        self._end = end
        self._hold = Hold(end)
        self._readable = readable
        self._writable = writable

    def __del__(self) -> None:
        hold = getattr(self, "_hold", None)
        if hold is not None:
            hold.drop_all()

    @property
    def _handle(self) -> int | None:
        return self._end.fileno() if HERE.process in self._hold.holders else None

    @property
    def closed(self) -> bool:
        """True if the connection is closed in the calling process."""
        return HERE.process not in self._hold.holders

    def _check_closed(self) -> None:
        if HERE.process not in self._hold.holders:
            checkpoint()  # a process that has died holds nothing
            raise OSError("handle is closed")

    def fileno(self) -> int:
        """Descriptor for `select`; readable while a message is there, never to be read from directly."""
        self._check_closed()
        return self._end.fileno()

    def close(self) -> None:
        """Close the connection in the calling process."""
        self._hold.drop(HERE.process)

    def send(self, obj: Any) -> None:
        """Send a (picklable) object; never blocks."""
        if HERE.process not in self._hold.holders:
            self._check_closed()
        if not self._writable:
            raise OSError("connection is read-only")
        self._put(pack(obj))

    def _put(self, message: Any) -> None:
        peer = self._end.peer
        if not peer.open:
            raise BrokenPipeError(32, "Broken pipe")
        peer.put(message)

    def _send_bytes(self, buf: Any) -> None:
        self._put(bytes(buf))

    def recv(self) -> Any:
        """Receive a (picklable) object; EOFError when the other end is closed everywhere."""
        if HERE.process not in self._hold.holders:
            self._check_closed()
        if not self._readable:
            raise OSError("connection is write-only")
        message = self._end.get()
        if type(message) is tuple:
            return message[0]
        return pickle.loads(message)  # noqa: S301 - pickled by this program

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Receive bytes; OSError and no further use if they are longer than ``maxlength``."""
        self._check_closed()
        self._check_readable()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        data = _as_bytes(self._end.get())
        if maxlength is not None and len(data) > maxlength:
            self._bad_message_length()
        return data

    def _recv_bytes(self, maxsize: int | None = None) -> io.BytesIO | None:
        data = _as_bytes(self._end.get())
        if maxsize is not None and len(data) > maxsize:
            return None
        buffer = io.BytesIO()
        buffer.write(data)
        return buffer

    def _poll(self, timeout: float | None) -> bool:
        return self._end.poll(timeout)


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802, FBT001, FBT002 - stdlib's
    """Return a pair of connections: both ways, or (reader, writer) if ``duplex`` is false."""
    one, two = End(), End()
    one.peer, two.peer = two, one
    return Connection(one, True, duplex), Connection(two, duplex, True)  # noqa: FBT003


_in_flight: dict[int, Any] = {}
_tickets = itertools.count(1)


def send_along(thing: Any) -> int:
    """Keep ``thing`` until the ticket that is returned, which travels in a pickle, is cashed."""
    ticket = next(_tickets)
    _in_flight[ticket] = thing
    return ticket


def cash(ticket: int) -> Any:
    """Return what a ticket stands for; a ticket is good once."""
    return _in_flight.pop(ticket)


def _reduce(connection: Connection) -> tuple[Any, ...]:
    connection._check_closed()
    # The duplicate is held by the sender until it arrives, as a descriptor in a message is by the kernel.
    duplicate = Connection(connection._end, connection._readable, connection._writable)
    return _rebuild, (send_along(duplicate),)


def _rebuild(ticket: int) -> Connection:
    return _take_over(cash(ticket))


def _take_over(sent: Connection) -> Connection:
    received = Connection(sent._end, sent._readable, sent._writable)
    sent._hold.drop_all()
    return received


_served.reduction.register(Connection, _reduce)
_DEFAULT_REDUCERS[Connection] = _reduce


# ---------------------------------------------------------------------------------------------------------
# Waiting for several


class _Ready:
    """Something in this program that can be waited for."""

    __slots__ = ("subscribe", "test", "unsubscribe")

    def __init__(
        self,
        test: Callable[[], bool],
        subscribe: Callable[[Callable[[], object]], object],
        unsubscribe: Callable[[Callable[[], object]], object],
    ) -> None:
        self.test = test
        self.subscribe = subscribe
        self.unsubscribe = unsubscribe


def wait_ready(sources: list[_Ready], timeout: float | None) -> list[int]:
    """Return the indices of the ready ones, after waiting at most ``timeout`` seconds for the first."""
    deadline = None if timeout is None else monotonic() + timeout
    waiter = allocate_lock()
    waiter.acquire()

    def wake() -> None:
        unlock(waiter)

    for source in sources:
        source.subscribe(wake)
    try:
        while True:
            ready = [index for index, source in enumerate(sources) if source.test()]
            if ready:
                return ready
            left = -1.0 if deadline is None else deadline - monotonic()
            if deadline is not None and left <= 0:
                return []
            park(waiter, left)
    finally:
        for source in sources:
            source.unsubscribe(wake)


def _source_of(obj: Any) -> _Ready | None:
    """Return how to wait for one of our own objects without a descriptor; None for anything else."""
    if isinstance(obj, Connection):
        obj._check_closed()
        end = obj._end
        return _Ready(end.ready, end.add_poller, end.remove_poller)
    if type(obj) is int:
        record = _sentinels().get(obj)
        if record is not None:
            return _Ready(
                lambda: _identity.poll(record) is not None,
                lambda function: _identity.watch(record, function),
                lambda function: _identity.unwatch(record, function),
            )
    return None


def _sentinels() -> dict[int, ThreadProcess]:
    # Through sys.modules, because popen is a later room than this one and loads only with a first start.
    popen = sys.modules.get("mpthread_hook._backend.popen")
    return popen.SENTINELS if popen is not None else {}


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Wait till an object in ``object_list`` is ready; return the list of those that are.

    Connections, sentinels, sockets and anything with a descriptor may be mixed.  Our own objects alone
    need no descriptor.
    """
    objects = list(object_list)
    sources = [_source_of(obj) for obj in objects]
    own = [source for source in sources if source is not None]
    if len(own) == len(objects):
        return [objects[index] for index in wait_ready(own, timeout)]
    return _wait_for_descriptors(objects, timeout)


def _wait_for_descriptors(objects: list[Any], timeout: float | None) -> list[Any]:
    deadline = None if timeout is None else monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for obj in objects:
            selector.register(obj, selectors.EVENT_READ)
        left = timeout
        while True:
            ready = selector.select(left)
            checkpoint()
            if ready:
                chosen = {id(key.fileobj) for key, _ in ready}
                return [obj for obj in objects if id(obj) in chosen]
            if deadline is not None:
                left = deadline - monotonic()
                if left < 0:
                    return []


# ---------------------------------------------------------------------------------------------------------
# Listener and Client without a socket: the default family

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
        self._queue, self._entrance = Pipe(duplex=False)
        _listeners[address] = self
        self._unlink = import_module("multiprocessing.util").Finalize(
            self, _listeners.pop, (address, None), exitpriority=0
        )

    def accept(self) -> Connection:
        """Wait for a client and return the connection to it."""
        try:
            offered: Connection = self._queue.recv()
        except EOFError:
            raise OSError("listener is closed") from None
        return _take_over(offered)

    def is_open(self) -> bool:
        """Return whether somebody can still accept: the process that listened may have died."""
        return bool(self._queue._end.open)

    def connect(self) -> Connection:
        """Return the client's end of a new connection."""
        ours, theirs = Pipe()
        self._queue._end.put((theirs,))
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


def SocketListener(address: Any, family: str, backlog: int = 1) -> Any:  # noqa: N802 - the stdlib's class
    """Return a listener of the given family."""
    if family == FAMILY:
        return InprocListener(address)
    return _StockSocketListener(address, family, backlog)


def SocketClient(address: Any) -> Any:  # noqa: N802 - the stdlib's name
    """Return a connection to the listener at ``address``."""
    if address_type(address) == FAMILY:
        listener = _listeners.get(address)
        if listener is None or not listener.is_open():
            raise ConnectionRefusedError(111, f"Connection refused: nothing listens at {address!r}")
        return listener.connect()
    return _stock_socket_client(address)


default_family = FAMILY
families: list[str] = [FAMILY, *_served.families]
