"""Waiting for descriptors in a way that signals and the end of the process interrupt.

In a thread process every wait includes a descriptor of the waiting thread's own, its *wakeup*, which
whoever kills or signals the process writes to.  Objects made by the main program (`select.poll()`, ...)
are the real ones: a thread process that waits on one of them is not interrupted.
"""

from __future__ import annotations

import os
import select as _real
from _operator import index

from .._identity import (
    HERE,
    Thread,
    at_leave,
    checkpoint,
    monotonic,
    park,
    real_close,
    real_pipe,
    real_read,
    real_write,
)
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

functions = Functions(__name__)

_real_select = _real.select
_real_poll = getattr(_real, "poll", None)
_real_epoll = getattr(_real, "epoll", None)
_real_kqueue = getattr(_real, "kqueue", None)


class _PipeWakeup:
    """A pipe whose reading end becomes readable when somebody wants the thread's attention."""

    def __init__(self) -> None:
        self._reader, self._writer = real_pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def fileno(self) -> int:
        return self._reader

    def set(self) -> None:
        """Wake the thread."""
        try:
            real_write(self._writer, b"\0")
        except OSError:  # full: it is awake already
            pass

    def clear(self) -> None:
        """Forget what was set."""
        try:
            real_read(self._reader, 512)
        except OSError:  # empty
            pass

    def close(self) -> None:
        """Release the descriptors; nobody may call `set` any more."""
        real_close(self._reader)
        real_close(self._writer)


class _SocketWakeup:
    """The same over sockets, for systems whose `select` knows nothing else."""

    def __init__(self) -> None:
        from socket import socketpair  # noqa: PLC0415 - only where pipes cannot be waited for

        self._reader, self._writer = socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def set(self) -> None:
        """Wake the thread."""
        try:
            self._writer.send(b"\0")
        except OSError:
            pass

    def clear(self) -> None:
        """Forget what was set."""
        try:
            self._reader.recv(512)
        except OSError:
            pass

    def close(self) -> None:
        """Release the descriptors."""
        self._reader.close()
        self._writer.close()


_Wakeup = _SocketWakeup if os.name == "nt" else _PipeWakeup


def _wakeup(thread: Thread) -> Any:
    if thread.wakeup is None:
        thread.wakeup = _Wakeup()
    return thread.wakeup


@at_leave
def _close_wakeup(thread: Thread) -> None:
    # The thread is out of its process by now, and whoever wakes threads looks there, under its mutex.
    if thread.wakeup is not None:
        thread.wakeup.close()
        thread.wakeup = None


class _Waiter:
    """What a thread is parked on while it waits for descriptors."""

    def __init__(self, wakeup: Any, wait: Callable[[float | None], tuple[bool, Any]]) -> None:
        self._wakeup = wakeup
        self._wait = wait
        self.release = wakeup.set
        self.result: Any = None

    def acquire(self, _blocking: bool, timeout: float) -> bool:
        """Wait; called by `park`."""
        woken, self.result = self._wait(None if timeout < 0 else timeout)
        if woken:
            self._wakeup.clear()
        return bool(self.result)


def _wait(timeout: float | None, wait: Callable[[Any, float | None], tuple[bool, Any]], nothing: Any) -> Any:
    """Return what ``wait(wakeup, timeout)`` says is ready, ``nothing`` when the time is over.

    ``wait`` returns whether the wakeup was ready, and what else was.
    """
    thread = HERE.thread
    assert thread is not None
    wakeup = _wakeup(thread)
    waiter = _Waiter(wakeup, lambda left: wait(wakeup, left))
    deadline = None if timeout is None else monotonic() + timeout
    left = -1.0 if timeout is None else max(0.0, timeout)
    while True:
        park(waiter, left)
        if waiter.result:
            return waiter.result
        if deadline is not None:
            left = deadline - monotonic()
            if left <= 0:
                return nothing


def wait_readable(fds: Iterable[int], timeout: float | None = None) -> list[int]:
    """Block until one of the descriptors is readable (or closed by its peer); returns those that are."""
    fds = list(fds)

    def by_poll(wakeup: Any, left: float | None) -> tuple[bool, list[int]]:
        poller = _real_poll()  # type: ignore[misc]
        for fd in fds:
            poller.register(fd, _real.POLLIN)
        poller.register(wakeup, _real.POLLIN)
        ready = [fd for fd, _ in poller.poll(_milliseconds(left))]
        own = wakeup.fileno()
        return own in ready, [fd for fd in ready if fd != own]

    def by_select(wakeup: Any, left: float | None) -> tuple[bool, list[int]]:
        ready, _, _ = _real_select([*fds, wakeup], [], [], left)
        return wakeup in ready, [fd for fd in ready if fd is not wakeup]

    found: list[int] = _wait(timeout, by_select if _real_poll is None else by_poll, [])
    return found


def is_readable(fd: int) -> bool:
    """Return whether reading a descriptor would not wait; True where the system cannot tell."""
    if _real_poll is None:  # `select` knows sockets only there, or no number above 1023
        return True
    poller = _real_poll()
    poller.register(fd, _real.POLLIN)
    return bool(poller.poll(0))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - monotonic())


class _StandInType(type):
    """Classes whose instances, to `isinstance`, are those of the real class as well."""

    real: Any

    def __instancecheck__(cls, instance: object) -> bool:
        return type.__instancecheck__(cls, instance) or isinstance(instance, cls.real)


def _number(timeout: Any) -> Any:
    """Return a timeout as a number; what is none stays as it is, for the real function to refuse."""
    if isinstance(timeout, float | int | None):
        return timeout
    try:
        return index(timeout)
    except TypeError:
        return timeout


@functions
def select(_: object, rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /) -> Any:
    """As `select.select`."""
    if HERE.thread is None:
        return _real_select(rlist, wlist, xlist, timeout)
    timeout = _number(timeout)
    if timeout is not None and not (isinstance(timeout, float | int) and timeout > 0):
        checkpoint()
        return _real_select(rlist, wlist, xlist, timeout)  # for no time, or what it raises for
    rlist, wlist, xlist = list(rlist), list(wlist), list(xlist)

    def wait(wakeup: Any, left: float | None) -> tuple[bool, Any]:
        readable, writable, exceptional = _real_select([*rlist, wakeup], wlist, xlist, left)
        woken = bool(readable) and readable[-1] is wakeup
        if woken:
            readable.pop()
        ready = bool(readable or writable or exceptional)
        return woken, (readable, writable, exceptional) if ready else None

    return _wait(timeout, wait, ([], [], []))


class poll_:
    """A `select.poll()` object of a thread process."""

    def __init__(self) -> None:
        self._poll = _real_poll()  # type: ignore[misc]
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """As the method of the real object; milliseconds."""
        timeout = _number(timeout)
        if HERE.thread is None or timeout == 0 or not isinstance(timeout, float | int | None):
            checkpoint()
            return self._poll.poll(timeout)  # type: ignore[no-any-return]
        seconds = None if timeout is None or timeout < 0 else timeout / 1000

        def wait(wakeup: Any, left: float | None) -> tuple[bool, Any]:
            own = wakeup.fileno()
            self._poll.register(own, _real.POLLIN)
            try:
                ready = self._poll.poll(_milliseconds(left))
            finally:
                self._poll.unregister(own)
            events = [event for event in ready if event[0] != own]
            return len(events) != len(ready), events

        events: list[tuple[int, int]] = _wait(seconds, wait, [])
        return events


@functions
def poll(_: object, /) -> Any:
    """As `select.poll`."""
    return _real_poll() if HERE.thread is None else poll_()  # type: ignore[misc]


class epoll(metaclass=_StandInType):
    """A `select.epoll` object of a thread process; in the main program, calling it makes a real one."""

    real = _real_epoll

    _epoll: Any

    def __new__(cls, sizehint: int = -1, flags: int = 0) -> Any:
        """Make a real object for the main program."""
        real = _real_epoll(sizehint, flags)  # type: ignore[misc]
        return real if HERE.thread is None else cls._over(real)

    @classmethod
    def _over(cls, real: Any) -> epoll:
        self = object.__new__(cls)
        self._epoll = real
        for name in ("register", "modify", "unregister", "close", "fileno"):
            setattr(self, name, getattr(real, name))
        return self

    @classmethod
    def fromfd(cls, fd: int, /) -> Any:
        """As `select.epoll.fromfd`."""
        real = _real_epoll.fromfd(fd)  # type: ignore[union-attr]
        return real if HERE.thread is None else cls._over(real)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._epoll.closed  # type: ignore[no-any-return]

    def __enter__(self) -> epoll:
        return self

    def __exit__(self, *exc: object) -> None:
        self._epoll.close()

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """As the method of the real object; seconds."""
        timeout = _number(timeout)
        if HERE.thread is None or timeout == 0 or not isinstance(timeout, float | int | None):
            checkpoint()
            return self._epoll.poll(timeout, maxevents)  # type: ignore[no-any-return]
        seconds = None if timeout is None or timeout < 0 else timeout
        deadline = None if seconds is None else monotonic() + seconds
        while True:
            events: list[tuple[int, int]] = self._epoll.poll(0, maxevents)
            if events or (deadline is not None and monotonic() >= deadline):
                return events
            # The descriptor of the set is readable when one of its members is ready.
            wait_readable((self._epoll.fileno(),), _left(deadline))


class kqueue(metaclass=_StandInType):
    """A `select.kqueue` object of a thread process; in the main program, calling it makes a real one."""

    real = _real_kqueue

    _kqueue: Any

    def __new__(cls) -> Any:
        """Make a real object for the main program."""
        real = _real_kqueue()  # type: ignore[misc]
        if HERE.thread is None:
            return real
        self = object.__new__(cls)
        self._kqueue = real
        for name in ("close", "fileno"):
            setattr(self, name, getattr(real, name))
        return self

    @classmethod
    def fromfd(cls, fd: int, /) -> Any:
        """As `select.kqueue.fromfd`: a real object."""
        return _real_kqueue.fromfd(fd)  # type: ignore[union-attr]

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._kqueue.closed  # type: ignore[no-any-return]

    def control(self, changelist: Any, maxevents: int, timeout: float | None = None, /) -> list[Any]:
        """As the method of the real object; seconds."""
        if HERE.thread is None or maxevents == 0 or timeout == 0:
            checkpoint()
            return self._kqueue.control(changelist, maxevents, timeout)  # type: ignore[no-any-return]
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            events: list[Any] = self._kqueue.control(changelist, maxevents, 0)
            changelist = None
            if events or (deadline is not None and monotonic() >= deadline):
                return events
            wait_readable((self._kqueue.fileno(),), _left(deadline))


def install_selectors(journal: Any) -> None:
    """Point the classes of `selectors` at ours: they took theirs when they were imported."""
    import selectors  # noqa: PLC0415 - called once it has been imported

    _point(journal, selectors, "SelectSelector", "_select", _real_select, select)
    _point(journal, selectors, "PollSelector", "_selector_cls", _real_poll, poll)
    _point(journal, selectors, "EpollSelector", "_selector_cls", _real_epoll, epoll)


def _point(journal: Any, module: ModuleType, name: str, attribute: str, real: object, ours: object) -> None:
    cls = getattr(module, name, None)
    if cls is not None and vars(cls).get(attribute) is real:
        journal.set(cls, attribute, ours)
