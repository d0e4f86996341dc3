"""The two ends of a pipe in memory, and who holds them.

Each `End` has an inbox that the other one fills.  Who holds an end follows the rule of descriptors: it is
open in the process that made it; a fork adds the child to whatever the parent has open; closing takes out
the calling process alone; the death of a process takes it out everywhere; when the last holder is out, the
peer sees the end of file.

Nothing here takes a lock on the way of a message: `deque` is atomic, a waiter registers before it looks
once more, and a sender looks for waiters after it has put.
"""

from __future__ import annotations

import itertools
import os
import socket
from _thread import _local, allocate_lock
from collections import deque
from operator import is_

from .. import _identity
from .._identity import (
    HERE,
    MAIN,
    PROCESSES,
    Mutex,
    ThreadProcess,
    WaitQueue,
    discard,
    monotonic,
    park,
    real_close,
    real_pipe,
    real_read,
    real_write,
    unlock,
)
from .util import counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Re-entrant: the collector may run while it is held, and close connections that nobody refers to.
_holds_lock = Mutex()


#: How much a pipe holds: more than one of any system that we know of, in bytes and in messages.  Whoever has
#: sent more than that waits for the reader; who would not wait on a real pipe does not wait here.
CAPACITY = 1 << 18
MESSAGES = 1 << 14
#: A message of this many bytes is weighed when it is sent; smaller ones are when they are many.
HEAVY = 1 << 15
#: With how many small messages in an inbox they are weighed for the first time; then whenever they have doubled.
MANY = 63

#: What is no message.
NOTHING: Any = object()


class Readiness:
    """A real descriptor that tells `select` and its kin of an end what that of a real pipe would."""

    def __init__(self, readable: bool, writable: bool) -> None:
        if os.name != "posix" or readable is writable:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self.fd, self._ours = theirs.detach(), ours.detach()
        else:
            reader, writer = real_pipe()
            os.set_blocking(writer, False)
            self.fd, self._ours = (reader, writer) if readable else (writer, reader)
        # Re-entrant: the collector may close the other end in the middle of an update, which then begins again.
        self._lock = Mutex()
        self._updates = 0
        self._busy = False
        self._raised = False
        self._over = False

    def update(self, end: End) -> None:
        """Make the descriptor say what the end says now: that there is something to read, or nobody any more."""
        with self._lock:
            self._updates += 1
            if self._busy:  # this one has interrupted another, which looks again
                return
            self._busy = True
            try:
                updates = 0
                while updates != self._updates:
                    updates = self._updates
                    self._show(end)
            finally:
                self._busy = False

    def _show(self, end: End) -> None:
        if end.inbox and not self._raised and not self._over:
            real_write(self._ours, b"x")
            self._raised = True
        elif not end.inbox and self._raised:
            real_read(self.fd, 1)
            self._raised = False
        if not end.peer.open and not self._over:
            self._over = True
            real_close(self._ours)

    def __del__(self) -> None:
        for fd in (self.fd,) if self._over else (self.fd, self._ours):
            try:
                real_close(fd)
            except OSError:
                pass


class End:
    """One end of a pipe."""

    __slots__ = (
        "inbox",
        "limit",
        "low",
        "many",
        "open",
        "peer",
        "plain",
        "pollers",
        "readiness",
        "senders",
        "server",
        "waiters",
    )

    peer: End

    def __init__(self) -> None:
        self.inbox: deque[Any] = deque()
        self.waiters = WaitQueue(self.inbox)
        #: False from the moment on in which somebody first polled it or asked for its descriptor: until then there is
        #: nobody but readers to tell of a message.
        self.plain = True
        #: With more messages than that in the inbox, who has put one calls `look`; always, if it is -1.
        self.limit = MANY
        #: With more messages than that in the inbox they are weighed, where everybody looks.
        self.many = MANY
        self.pollers: list[Callable[[], object]] = []
        #: Who waits until less is in the inbox, and with how many messages in it they are woken.
        self.senders: list[Any] = []
        self.low = -1
        self.readiness: Readiness | None = None
        #: The manager's server that reads from this end, and its process (see `managers`).
        self.server: Any = None
        #: In how many (connection, process) pairs it is open (see `Hold`).
        self.open = 0

    def ready(self) -> bool:
        """Return whether a read would not block."""
        return bool(self.inbox) or not self.peer.open

    def put(self, message: Any) -> None:
        """Add a message to the inbox and wake one reader, and everybody who polls."""
        self.inbox.append(message)
        if self.waiters:
            self.waiters.wake()
        if len(self.inbox) > self.limit:
            self.look(message)

    def tell(self) -> None:
        """Tell everybody who polls, and the descriptor, that something changed."""
        for poller in list(self.pollers):
            poller()
        if self.readiness is not None:
            self.readiness.update(self)

    def last_out(self) -> None:
        """Nobody holds this end any more: what was sent to it is lost, and the peer is told."""
        self.inbox.clear()
        self._wake_senders()
        self.peer.hang_up()

    def look(self, message: Any) -> None:
        """Do what is left to do when ``message`` was put, and its reader is woken."""
        number = len(self.inbox)
        if self.plain and self.limit >= 0:
            self._set_limit(min(2 * number, MESSAGES - 1))
            self.hold_back(message)
            return
        if not self.plain:
            self.tell()
        if self.senders or number > self.many:
            self.hold_back(message)

    def _set_limit(self, limit: int) -> None:
        self.limit = limit
        if not self.plain:  # since this very moment: who has put something meanwhile saw the wrong limit
            self.limit = -1
            self.tell()

    def _single_out(self) -> None:
        """Have everybody look from now on.  Called before there is something to be seen."""
        self.plain = False
        self.limit = -1

    def hold_back(self, message: Any) -> None:
        """Wait while there is more in the inbox than a pipe holds, for whoever has put ``message`` into it.

        It returns at once for nearly everybody, and when the reader has taken the message.  Raises
        `BrokenPipeError` when nobody is going to read.
        """
        number = len(self.inbox)
        if number > self.many:
            self.many = min(2 * number, MESSAGES - 1)
        low = _low_mark(self.inbox)
        if low < 0:
            return
        self.limit = -1  # until a reader finds nothing: others have to wait too
        waiter = allocate_lock()
        waiter.acquire()
        try:
            while True:
                self.low = max(self.low, low)
                self.senders.append(waiter)
                if not self.open:
                    raise BrokenPipeError(32, "Broken pipe")
                # Once more, since the reader may not have seen the waiter.
                left = _snapshot(self.inbox)
                if len(left) <= low or not any(map(is_, left, itertools.repeat(message))):
                    return
                park(waiter)
                discard(self.senders, waiter)
                if len(self.inbox) > low:  # a large one was taken
                    low = max(low, _low_mark(self.inbox))
        finally:
            discard(self.senders, waiter)

    def taken(self, message: Any) -> None:
        """Tell who wants to know that ``message`` was taken: senders that wait for room, and the descriptor."""
        if self.senders and (len(self.inbox) <= self.low or weight(message) >= HEAVY):
            self._wake_senders()
        if self.readiness is not None:
            self.readiness.update(self)

    def _wake_senders(self) -> None:
        self.low = -1
        while self.senders:
            try:
                waiter = self.senders.pop()
            except IndexError:
                return
            unlock(waiter)

    def hang_up(self) -> None:
        """The peer was closed by its last holder: every reader sees the end of file."""
        self.waiters.wake_all()
        self.tell()

    def get(self, deadline: float | None = None) -> Any:
        """Take the next message; EOFError at the end of file, TimeoutError past the deadline."""
        try:
            message = self.inbox.popleft()
        except IndexError:
            message = NOTHING  # waits outside: what is raised there has nothing to do with the deque
        if message is NOTHING:
            message = self.wait(deadline)
        if self.senders or not self.plain:
            self.taken(message)
        return message

    def wait(self, deadline: float | None) -> Any:
        """Do what `get` does when there was no message."""
        self.many = MANY
        if self.plain and self.limit != MANY:
            self._set_limit(MANY)
        return self.waiters.wait(self.inbox.popleft, deadline, self.peer)

    def poll(self, timeout: float | None) -> bool:
        """Return whether a read would not block, after waiting at most ``timeout`` seconds."""
        if self.ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        return bool(wait_ready([Source(self.ready, self.add_poller, self.remove_poller)], timeout))

    def add_poller(self, function: Callable[[], object]) -> None:
        self._single_out()
        self.pollers.append(function)

    def remove_poller(self, function: Callable[[], object]) -> None:
        try:
            self.pollers.remove(function)
        except ValueError:
            pass

    def fileno(self, readable: bool, writable: bool) -> int:
        """Return the real descriptor, made at the first call, of an end that may be read from or written to."""
        with _holds_lock:
            if self.readiness is None:
                self._single_out()
                self.readiness = Readiness(readable, writable)
        self.readiness.update(self)
        return self.readiness.fd


def weight(message: Any) -> int:
    """Return how many bytes a message would take in a real pipe, or a little less."""
    kind = type(message)
    if kind is bytes or kind is str:
        return 8 + len(message)
    if kind is tuple:  # pickled data, or atoms
        return 8 + sum(map(weight, message))
    return 8


def _snapshot(inbox: deque[Any]) -> list[Any]:
    """Return the messages of an inbox; without the GIL others go on putting and taking meanwhile."""
    while True:
        try:
            return list(inbox)
        except RuntimeError:  # it was changed while it was read
            continue


def _low_mark(inbox: deque[Any]) -> int:
    """Return how many of the messages of an inbox that holds too much would fit; -1 if all of them do."""
    messages = _snapshot(inbox)
    number = len(messages)
    if number >= MESSAGES:
        return MESSAGES // 2
    kinds = set(map(type, messages))
    if kinds <= _LIGHT and 8 * number <= CAPACITY:
        return -1
    # In C where it can be: all that a sender has put is looked at whenever it has doubled.
    sizes = list(map(len if kinds <= _TEXTS else weight, messages))
    head = 8 if kinds <= _TEXTS else 0
    if sum(sizes) + head * number <= CAPACITY:
        return -1
    totals = itertools.accumulate(size + head for size in reversed(sizes))
    return next(number for number, total in enumerate(totals) if total > CAPACITY)


#: Kinds of messages that weigh nothing but their head, and such as weigh as much more as they are long.
_LIGHT = frozenset((int, float, bool, type(None)))
_TEXTS = frozenset((bytes, str))


#: Holds what is on its way: a connection inside a message belongs to nobody until it is received.
IN_FLIGHT = ThreadProcess(0, _identity.MAIN, "in flight", "main")


class Hold:
    """In which processes one object is open that each of them opens and closes for itself.

    ``thing.open`` counts (object, process) pairs; ``thing.last_out()`` is called when the last one closes.
    ``narrow`` is empty as long as every process that lives is surely one of the holders, so that nobody
    needs to ask which process it is: made by the program while there were no others, never closed by a live
    process, and inherited by all that came later.  A list, because the two ends of a queue have one in common.
    """

    __slots__ = ("common", "holders", "left", "maker", "narrow", "owner", "thing")

    def __init__(self, thing: Any, process: ThreadProcess | None = None) -> None:
        self.thing = thing
        #: A weak reference to the connection of a program that it stands for (see `forked`).
        self.owner: Any = None
        #: Whether each process that has one like it has the same: it came in a pickle, or by a name.
        self.common = False
        #: The pids of processes that have closed such a one.
        self.left: set[int] | None = None
        process = self.maker = process or HERE.process
        with _holds_lock:
            self.narrow: list[None] = [] if process is MAIN and not PROCESSES else [None]
            self.holders = {process}
            thing.open += 1
            process.handles[self] = None

    def is_open(self, process: ThreadProcess) -> bool:
        """Return whether it is open in a process, or would be if that used it (see `admit`)."""
        return process in self.holders or self._is_a_stranger(process)

    def admit(self, process: ThreadProcess) -> bool:
        """Return whether a process may use it; a stranger becomes one of the holders.

        A stranger found it in a global in which another process put it (the initializer of each worker of a pool
        does).  With memory of its own it would have found what it put there itself, which is as good.
        """
        if process in self.holders:
            return True
        if not self._is_a_stranger(process):
            return False
        with _holds_lock:
            if process.status is not None or not self.thing.open:  # looked at again: it may have been killed
                return False
            if process not in self.holders:
                self.holders.add(process)
                self.thing.open += 1
                process.handles[self] = None
        return True

    def _is_a_stranger(self, process: ThreadProcess) -> bool:
        """Return whether a process may have one like it, but cannot have inherited, and so not closed, this one."""
        if not self.common or process.status is not None or not self.thing.open:
            return False
        if self.left is not None and process.pid in self.left:
            return False
        one: ThreadProcess | None = process
        while one is not None:
            if one is self.maker:
                return False
            one = one.parent
        return True

    def drop(self, process: ThreadProcess) -> None:
        """Close it for one process."""
        with _holds_lock:
            if self.common and process.status is None:
                self.left = {process.pid, *(self.left or ())}
            if process not in self.holders:
                return
            if process.status is None and not self.narrow:
                self.narrow.append(None)
            self.holders.discard(process)
            process.handles.pop(self, None)
            thing = self.thing
            thing.open -= 1
            last = not thing.open
        if last:
            thing.last_out()

    def drop_all(self) -> None:
        """Close it for everybody: the object is gone."""
        for process in list(self.holders):
            self.drop(process)


def join(one: Hold, two: Hold) -> list[None]:
    """Let two holds be narrow together, and return what says so."""
    with _holds_lock:
        one.narrow += two.narrow
        two.narrow = one.narrow
    return one.narrow


_in_flight: dict[int, Any] = {}
_next_ticket = counter(1)


class _Collecting(_local):
    """The tickets of the pickle that the calling thread is making for a child, while it does."""

    tickets: list[int] | None = None


_collecting = _Collecting()


class tickets_for:
    """What is sent along inside the block is for one process: if it dies before, it is dropped."""

    def __init__(self, process: ThreadProcess) -> None:
        self._tickets: list[int] = process.state.setdefault("tickets", [])

    def __enter__(self) -> None:
        _collecting.tickets = self._tickets

    def __exit__(self, *exc: object) -> None:
        _collecting.tickets = None


def send_along(thing: Any) -> int:
    """Keep ``thing`` until the ticket that is returned, which travels in a pickle, is cashed."""
    ticket = _next_ticket()
    _in_flight[ticket] = thing
    if _collecting.tickets is not None:
        _collecting.tickets.append(ticket)
    return ticket


def cash(ticket: int) -> Any:
    """Return what a ticket stands for; a ticket is good once."""
    return _in_flight.pop(ticket)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if child.method != "fork":
        with _holds_lock:
            for hold in list(MAIN.handles):  # the collector may close connections in the middle of it
                if not hold.narrow:
                    hold.narrow.append(None)
        return
    if not parent.handles:
        return
    with _holds_lock:
        child.handles = parent.handles.copy()
        for hold in list(child.handles):
            hold.holders.add(child)
            hold.thing.open += 1


def _release(process: ThreadProcess) -> None:
    gone = []
    with _holds_lock:
        holds = list(process.handles)
        process.handles.clear()
        for hold in holds:  # as drop() does, for one that is dead
            if process in hold.holders:
                hold.holders.discard(process)
                hold.thing.open -= 1
                if not hold.thing.open:
                    gone.append(hold.thing)
    for thing in gone:
        thing.last_out()
    for ticket in process.state.pop("tickets", ()):
        _in_flight.pop(ticket, None)


_identity.at_start(_inherit)
_identity.at_death(_release)


# ---------------------------------------------------------------------------------------------------------
# Waiting for several


class Source:
    """Something in this program that can be waited for: how to test it, and how to be told of a change."""

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


def wait_ready(sources: list[Source], timeout: float | None) -> list[int]:
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
                # Once more: what a process has sent before its end is there when that is seen.
                return [index for index, source in enumerate(sources) if source.test()] or ready
            left = -1.0 if deadline is None else deadline - monotonic()
            if deadline is not None and left <= 0:
                return []
            park(waiter, left)
    finally:
        for source in sources:
            source.unsubscribe(wake)
