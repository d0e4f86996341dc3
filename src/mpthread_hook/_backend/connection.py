"""`Pipe`, its connections and `wait` (`multiprocessing.connection`) without descriptors.

Messages are what the stdlib would have written to the descriptor, pickled at `send()`, except that exact
immutable atoms travel by reference, since nobody can tell the difference.  The code of `pack`, of `unpack`
and of an end's `put` and `get` stands in `send` and `recv` once more: a frame each would double their cost.
`fileno()` makes a real descriptor on first demand and keeps it readable exactly while a read would not block.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import selectors
import sys

from .. import _identity
from .._identity import FENCED, HERE, PICKLER, ThreadProcess, checkpoint, monotonic
from .._served import served
from .forked import before_real_fork, own
from .pipe import HEAVY, IN_FLIGHT, NOTHING, End, Hold, Source, cash, send_along, wait_ready, weight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# The served module is being made while this one is imported: its own classes are there already.
_served: Any = served("multiprocessing.connection")
_ForkingPickler: Any = _served._ForkingPickler
_StockConnection: Any = _served.Connection

#: Types whose exact instances travel by reference.
ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes))
#: Reducers that programs register with `reduction.register`, after those that were there from the start.
_reducers: dict[type, Any] = _ForkingPickler._extra_reducers
_c_dumps, loads = pickle.dumps, pickle.loads
_PROTOCOL = pickle.HIGHEST_PROTOCOL
_PLAIN_FAILURES = (TypeError, pickle.PicklingError, AttributeError, NotImplementedError)


# ---------------------------------------------------------------------------------------------------------
# Messages


def pack(obj: Any) -> Any:
    """Return the message that stands for ``obj``, which is no atom.

    An atom stands for itself; ``(data,)`` are pickled bytes, or those of `send_bytes`; ``(None, obj)`` is a
    tuple of atoms.
    """
    if type(obj) is tuple and _all_atoms(obj):
        return (None, obj)
    if len(_reducers) != _known_reducers:
        return (dumps(obj),)
    try:
        return (_c_dumps(obj, _PROTOCOL),)
    except _PLAIN_FAILURES:
        pass  # perhaps a socket or a connection inside: those need their reducers
    return (_dumps_by_reducers(obj),)


def _all_atoms(items: tuple[Any, ...]) -> bool:
    for item in items:
        kind = type(item)
        if kind not in ATOMS and not (kind is tuple and _all_atoms(item)):
            return False
    return True


def dumps(obj: Any) -> Any:
    """Pickle as the stdlib's ForkingPickler does, but in C where no reducer of a program can be meant."""
    try:
        if len(_reducers) == _known_reducers:
            return _c_dumps(obj, _PROTOCOL)
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, _PROTOCOL)
        pickler.dispatch_table = _dispatch_table()
        pickler.dump(obj)
        return buffer.getvalue()
    except _PLAIN_FAILURES:
        pass  # perhaps a socket or a connection inside: those need their reducers
    return _dumps_by_reducers(obj)


def _dumps_by_reducers(obj: Any) -> bytes:
    return bytes(HERE.process.state.get(PICKLER, _ForkingPickler).dumps(obj, _PROTOCOL))


#: The reducers of the pickle module and of programs in one, and how many there were of each.
_merged: tuple[int, int, dict[type, Any]] = (0, 0, {})


def _dispatch_table() -> dict[type, Any]:
    global _merged
    sizes = len(copyreg.dispatch_table), len(_reducers)
    if _merged[:2] != sizes:
        _merged = (*sizes, {**copyreg.dispatch_table, **_reducers})
    return _merged[2]


def unpack(message: Any) -> Any:
    """Return the object that a message stands for."""
    if type(message) is not tuple:
        return message
    return loads(message[0]) if len(message) == 1 else message[1]


def _as_bytes(message: Any) -> bytes:
    if type(message) is not tuple:
        return pickle.dumps(message, _PROTOCOL)
    return message[0] if len(message) == 1 else pickle.dumps(message[1], _PROTOCOL)


# ---------------------------------------------------------------------------------------------------------
# Connections


class Connection(_StockConnection):  # type: ignore[misc]
    """One end of a pipe; see `multiprocessing.connection.Connection` in the stdlib documentation.

    Objects travel by value, as through a real pipe: they are pickled in ``send()`` and unpickled in
    ``recv()``.  One object serves all processes that inherit it; ``closed`` and ``close()`` are about the
    process that asks.
    """

    def __init__(self, end: End, readable: bool, writable: bool, holder: ThreadProcess | None = None) -> None:
        self._end = end
        self._hold = Hold(end, holder)
        self._readable = readable
        self._writable = writable

    def __del__(self, _finalizing: Any = sys.is_finalizing) -> None:
        hold = getattr(self, "_hold", None)
        if hold is not None and not _finalizing():  # at the very end this module is empty already
            hold.drop_all()

    @property
    def _handle(self) -> int | None:
        return self._end.fileno(self._readable, self._writable) if self._hold.admit(HERE.process) else None

    @property
    def closed(self) -> bool:
        """True if the connection is closed in the calling process."""
        return not self._hold.is_open(HERE.process)

    def _check_closed(self) -> None:
        if not self._hold.admit(HERE.process):
            checkpoint()  # a process that has died holds nothing
            raise OSError("handle is closed")

    def fileno(self) -> int:
        """Descriptor for `select`; readable while a message is there, never to be read from directly."""
        self._check_closed()
        return self._end.fileno(self._readable, self._writable)

    def close(self) -> None:
        """Close the connection in the calling process."""
        self._hold.drop(HERE.process)

    def _detach(self) -> None:
        """Count as closed in the calling process, which keeps the end open until it ends (3.14)."""
        process = HERE.process
        if self._hold.admit(process):
            Hold(self._end, process)  # which the process keeps, as it would a descriptor
            self._hold.drop(process)

    def send(self, obj: Any) -> None:
        """Send a (picklable) object; waits for the reader when more is on its way than a pipe holds."""
        hold = self._hold
        if (FENCED or hold.narrow) and HERE.process not in hold.holders:
            self._check_closed()
        if not self._writable:
            raise OSError("connection is read-only")
        kind, heavy = type(obj), False
        if kind is int:
            message = obj
        elif kind in ATOMS:
            message = obj
            heavy = (kind is bytes or kind is str) and len(obj) >= HEAVY
        else:
            message = pack(obj)
            heavy = len(message) == 2 or len(message[0]) >= HEAVY
        peer = self._end.peer
        if not peer.open:
            raise BrokenPipeError(32, "Broken pipe")
        inbox = peer.inbox
        inbox.append(message)
        if peer.waiters:
            peer.waiters.wake()
        if len(inbox) > peer.limit:
            peer.look(message)
        if heavy:
            peer.hold_back(message)

    def send_message(self, message: Any) -> None:
        """Send what stands for an object already (see `pack`)."""
        self._check_closed()
        self._put(message)

    def _put(self, message: Any) -> None:
        peer = self._end.peer
        if not peer.open:
            raise BrokenPipeError(32, "Broken pipe")
        peer.put(message)
        kind = type(message)
        if (len(message[0]) if kind is tuple and len(message) == 1 else weight(message)) >= HEAVY:
            peer.hold_back(message)

    def _send_bytes(self, buf: Any) -> None:
        self._put((bytes(buf),))

    def recv(self) -> Any:
        """Receive a (picklable) object; EOFError when the other end is closed everywhere."""
        hold = self._hold
        if (FENCED or hold.narrow) and HERE.process not in hold.holders:
            self._check_closed()
        if not self._readable:
            raise OSError("connection is write-only")
        end = self._end
        try:
            message = end.inbox.popleft()
        except IndexError:
            message = NOTHING  # waits outside: what is raised there has nothing to do with the deque
        if message is NOTHING:
            message = end.wait(None)
        if end.senders or not end.plain:
            end.taken(message)
        if type(message) is not tuple:
            return message
        return loads(message[0]) if len(message) == 1 else message[1]

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
        return self._end.poll(timeout if timeout is None else 0.0 + timeout)


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:
    """Return a pair of connections: both ways, or (reader, writer) if ``duplex`` is false."""
    one, two = pair(duplex)
    return own(one), own(two)


def pair(duplex: bool) -> tuple[Connection, Connection]:
    """Return what `Pipe` does, for something of ours that looks into its ends: they stay in memory."""
    one, two = End(), End()
    one.peer, two.peer = two, one
    return Connection(one, True, duplex), Connection(two, duplex, True)


def _reduce(connection: Connection) -> tuple[Any, ...]:
    connection._check_closed()
    duplicate = Connection(connection._end, connection._readable, connection._writable, IN_FLIGHT)
    return _rebuild, (send_along(duplicate),)


def _rebuild(ticket: int) -> Connection:
    received = take_over(cash(ticket))
    received._hold.common = True
    return received


def take_over(sent: Connection) -> Connection:
    """Return a connection of the calling process to the end of one that was sent to it."""
    received = Connection(sent._end, sent._readable, sent._writable)
    sent._hold.drop_all()
    return received


# ---------------------------------------------------------------------------------------------------------
# Connections over descriptors (sockets of a `Listener` or `Client`): the stdlib's class, whose descriptor each
# process opens and closes for itself, as the end of a pipe.

_close_descriptor: Any = _StockConnection._close.__defaults__[0]


class _Descriptor:
    """What the hold of a connection over a descriptor is about; closed with the last process that has it."""

    __slots__ = ("error", "fd", "given_up", "open")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        #: In how many processes it is open (see `Hold`).
        self.open = 0
        #: Whether the connection was told to forget its descriptor, which stays open then.
        self.given_up = False
        self.error: OSError | None = None

    def last_out(self) -> None:
        """Close it: nobody has it any more."""
        if not self.given_up:
            try:
                _close_descriptor(self.fd)
            except OSError as error:  # for who closes the connection to see
                self.error = error


def _get_handle(self: Any) -> int | None:
    hold = self.__dict__.get("_hold")
    if hold is None:
        return None
    if not hold.admit(HERE.process):
        checkpoint()  # a process that has died holds nothing
        return None
    return hold.thing.fd  # type: ignore[no-any-return]


def _set_handle(self: Any, handle: int | None) -> None:
    if handle is not None:
        self._hold = Hold(_Descriptor(handle))
        self._hold.common = True
    elif "_hold" in self.__dict__ and self._hold.is_open(HERE.process):
        self._hold.thing.given_up = True
        self._hold.drop(HERE.process)


def _close(self: Any) -> None:
    hold = self._hold
    hold.drop(HERE.process)
    error, hold.thing.error = hold.thing.error, None
    if error is not None:
        raise error


_StockConnection._handle = property(_get_handle, _set_handle)
_StockConnection._close = _close
_StockConnection.__del__ = Connection.__del__

Connection.__module__ = _served.__name__  # where its base is found: what `repr` and tracebacks should say
_served.reduction.register(Connection, _reduce)
_known_reducers = len(_reducers)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lambda: before_real_fork(_as_bytes))


# ---------------------------------------------------------------------------------------------------------
# Waiting for several


def _source_of(obj: Any) -> Source | None:
    """Return how to wait for one of our own objects without a descriptor; None for anything else."""
    if isinstance(obj, Connection):
        obj._check_closed()
        end = obj._end
        return Source(end.ready, end.add_poller, end.remove_poller)
    kind = type(obj)
    if kind is int or kind is ThreadProcess:
        record = _sentinels().get(obj) if kind is int else obj
        if record is not None:
            return Source(
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
    need no descriptor.  The records of processes, which only we know, are among these.
    """
    objects = list(object_list)
    ready = _ready(objects)
    if ready:
        return ready
    sources = [_source_of(obj) for obj in objects]
    own = [source for source in sources if source is not None]
    if len(own) == len(objects):
        return [objects[index] for index in wait_ready(own, timeout)]
    return _wait_for_descriptors(objects, timeout)


def _ready(objects: list[Any]) -> list[Any]:
    """Return those that are ready if all are connections of ours and sentinels: the case that has to be quick."""
    ready, ended = _look(objects)
    if ended and len(ready) != len(objects):
        # Again: what a process has sent before its end is there as soon as that is seen.
        ready, _ = _look(objects)
    return ready


def _look(objects: list[Any]) -> tuple[list[Any], bool]:
    """Return what is ready, and whether a process among them has ended."""
    process, sentinels, ended = HERE.process, None, False
    ready: list[Any] = []
    for obj in objects:
        if type(obj) is Connection:
            if process not in obj._hold.holders:
                obj._check_closed()
            end = obj._end
            if end.inbox or not end.peer.open:
                ready.append(obj)
            continue
        record = obj if type(obj) is ThreadProcess else None
        if type(obj) is int:
            if sentinels is None:
                sentinels = _sentinels()
            record = sentinels.get(obj)
        if record is None:
            return [], False
        if record.status is not None and _identity.poll(record) is not None:
            ready.append(obj)
            ended = True
    return ready, ended


#: As in the stdlib: unlike epoll it takes a regular file, which is always ready, and needs no descriptor.
_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)


def _wait_for_descriptors(objects: list[Any], timeout: float | None) -> list[Any]:
    deadline = None if timeout is None else monotonic() + timeout
    with _Selector() as selector:
        for obj in objects:
            known = (
                sys.modules["mpthread_hook._backend.popen"].sentinel_of
                if type(obj) is ThreadProcess
                else None
            )
            selector.register(known(obj) if known else obj, selectors.EVENT_READ, obj)
        left = timeout
        while True:
            ready = selector.select(left)
            checkpoint()
            if ready:
                chosen = {id(key.data) for key, _ in ready}
                return [obj for obj in objects if id(obj) in chosen]
            if deadline is not None:
                left = deadline - monotonic()
                if left < 0:
                    return []
