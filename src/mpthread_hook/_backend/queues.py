"""`Queue`, `JoinableQueue` and `SimpleQueue` (`multiprocessing.queues`) without pipes and feeder threads.

Items are pickled in `put()`, in the caller's thread; what the feeder thread of the stdlib does with an item
that cannot be pickled (`_on_queue_feeder_error`) happens there too.  A queue has one `End` pair and, when
it is bounded or joinable, the semaphores that the stdlib has.
"""

from __future__ import annotations

import sys
import types
from _thread import get_ident
from queue import Empty, Full

from .._arguments import as_real
from .._identity import FENCED, HERE, MAIN, PROCESSES, DeadlinePassed, ThreadProcess, checkpoint, monotonic
from .._served import served
from .connection import ATOMS, Connection, loads, pack, pair
from .pipe import HEAVY, NOTHING, End, join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from typing import Any


class _Ends:
    """What queues have in common: a pipe, and locks that are made when somebody asks for them."""

    __class_getitem__: Any = classmethod(types.GenericAlias)

    _reader: Connection
    _writer: Connection
    #: The end that is read from, which is where items are.
    _inner: End
    _inbox: deque[Any]
    #: Empty while the queue is surely open in every process: then nobody has to ask which one it is.
    _narrow: list[None]
    _ctx: Any
    _locks: dict[str, Any]

    def _open(self, ctx: Any) -> None:
        self._reader, self._writer = pair(duplex=False)
        self._inner = self._reader._end
        self._inbox = self._inner.inbox
        self._narrow = join(self._reader._hold, self._writer._hold)
        self._ctx = ctx
        self._locks = {}

    def _resume(self, reader: Connection, writer: Connection) -> None:
        self._reader, self._writer = reader, writer
        self._inner = reader._end
        self._inbox = self._inner.inbox
        self._narrow = [None]
        self._ctx = served("multiprocessing.context")._default_context.get_context("spawn")
        self._locks = {}

    def _check_start_method(self) -> None:
        """Raise what the stdlib raises for a queue that is pickled otherwise than for a child of its kind."""
        served("multiprocessing.context").assert_spawning(self)
        self._rlock.__getstate__()

    def _lock(self, name: str) -> Any:
        lock = self._locks.get(name)
        return lock if lock is not None else self._locks.setdefault(name, self._ctx.Lock())

    @property
    def _rlock(self) -> Any:
        """The stdlib's lock around reads; not needed here, made for code that reaches for it."""
        return self._lock("read")

    @_rlock.setter
    def _rlock(self, lock: Any) -> None:
        self._locks["read"] = lock

    @property
    def _wlock(self) -> Any:
        """The stdlib's lock around writes; not needed here, made for code that reaches for it."""
        return self._lock("write")

    @_wlock.setter
    def _wlock(self, lock: Any) -> None:
        self._locks["write"] = lock


class Queue(_Ends):
    """A first-in first-out queue for any number of processes; see `multiprocessing.Queue`.

    ``maxsize`` items at the most, or any number if it is 0.  Items travel by value.
    """

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:
        self._open(ctx)
        bounded = not maxsize <= 0  # the stdlib's comparison, and so its error
        self._maxsize = maxsize if bounded else 2**31 - 1
        self._sem: Any = ctx.BoundedSemaphore(maxsize) if bounded else _Unbounded(self)
        self._bounded = bounded
        self._opid = HERE.process.pid
        self._ignore_epipe = False
        self._reset()

    def _reset(self, after_fork: bool = False) -> None:
        self._closed_in: set[ThreadProcess] = set()
        # Who has put something, as processes, and as threads whose process has been asked for already.
        self._used_in: set[ThreadProcess] = set()
        self._used_by: set[int] = set()
        self._used_by_main = False
        self._joincancelled = False
        self._thread = None
        self._jointhread = None
        self._close = None

    def __getstate__(self) -> Any:
        self._check_start_method()
        sem = self._sem if self._bounded else None
        return (self._ignore_epipe, self._maxsize, self._bounded, self._reader, self._writer, sem, self._opid)

    def __setstate__(self, state: Any) -> None:
        self._ignore_epipe, self._maxsize, self._bounded, reader, writer, sem, self._opid = state
        self._resume(reader, writer)
        self._sem = sem if self._bounded else _Unbounded(self)
        self._reset()

    @property
    def _closed(self) -> bool:
        """Whether the calling process has closed the queue."""
        return HERE.process in self._closed_in

    def _check(self) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item; `queue.Full` if there is no room, at once or after ``timeout`` seconds."""
        if self._narrow and self._closed_in:
            self._check()
        if self._bounded and not self._sem.acquire(block, timeout):
            raise Full
        if FENCED:
            checkpoint()
        if (PROCESSES or not self._used_by_main) and get_ident() not in self._used_by:
            self._note_use()
        kind = type(obj)
        if kind is int or kind in ATOMS:
            message = obj
        else:
            try:
                message = pack(obj)
            except Exception as error:
                if self._bounded:
                    self._sem.release()
                self._on_queue_feeder_error(error, obj)
                return
        end = self._inner
        if self._narrow and not (end.open and self._writer._hold.admit(HERE.process)):
            self._broken(obj)
            return
        self._inbox.append(message)
        if end.waiters:
            end.waiters.wake()
        if not end.plain:
            end.tell()

    def _note_use(self) -> None:
        self._used_in.add(HERE.process)
        self._used_by.add(get_ident())
        self._used_by_main = MAIN in self._used_in

    def _broken(self, obj: Any) -> None:
        """Do what the stdlib's feeder thread does when nobody can read any more."""
        if not self._ignore_epipe:
            try:
                self._writer._check_closed()
                raise BrokenPipeError(32, "Broken pipe")
            except OSError as error:
                self._on_queue_feeder_error(error, obj)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the next item; `queue.Empty` if there is none, at once or after ``timeout`` seconds."""
        if FENCED or self._narrow:
            if self._closed_in:
                self._check()
            self._reader._check_closed()
        if timeout is not None:
            timeout = 0.0 + timeout if block else as_real(timeout)  # as the stdlib uses it
        end = self._inner
        try:
            message = self._inbox.popleft()
        except IndexError:
            message = NOTHING  # waits outside: what is raised there has nothing to do with the deque
        if message is NOTHING:
            message = self._wait(block, timeout)
        if end.senders or not end.plain:
            end.taken(message)
        if self._bounded:
            self._sem.release()
        if type(message) is not tuple:
            return message
        return loads(message[0]) if len(message) == 1 else message[1]

    def _wait(self, block: bool, timeout: float | None) -> Any:
        if block and timeout is None:
            return self._inner.wait(None)
        try:
            return self._inner.wait(monotonic() + timeout if block and timeout is not None else 0.0)
        except DeadlinePassed:
            raise Empty from None

    def qsize(self) -> int:
        """Return the number of items."""
        return (
            self._maxsize - self._sem._semlock._get_value() if self._bounded else len(self._reader._end.inbox)
        )

    def empty(self) -> bool:
        """Return whether there is no item."""
        return not self._poll()

    def full(self) -> bool:
        """Return whether there is no room."""
        return self._sem._semlock._is_zero()  # type: ignore[no-any-return]

    def get_nowait(self) -> Any:
        """Take the next item or raise `queue.Empty`."""
        return self.get(False)

    def put_nowait(self, obj: Any) -> None:
        """Add an item or raise `queue.Full`."""
        self.put(obj, False)

    def close(self) -> None:
        """Say that the calling process will use the queue no more; other processes go on."""
        process = HERE.process
        self._closed_in.add(process)
        self._narrow.append(None)
        if process in self._used_in:  # the stdlib's feeder thread, which starts with the first put, does it
            self._reader.close()
            self._writer.close()

    def join_thread(self) -> None:
        """Return at once: items are in the queue when `put()` returns."""
        assert self._closed, f"Queue {self!r} not closed"

    def cancel_join_thread(self) -> None:
        """Accepted; nothing is lost here, because there is no feeder thread to wait for."""
        self._joincancelled = True

    def _terminate_broken(self) -> None:
        self._reader.close()
        self.close()
        self.join_thread()

    def _poll(self, timeout: float | None = 0.0) -> bool:
        return self._reader.poll(timeout)  # type: ignore[no-any-return]

    def _send_bytes(self, data: Any) -> None:
        self._writer.send_bytes(data)

    def _recv_bytes(self) -> bytes:
        return self._reader.recv_bytes()

    @staticmethod
    def _on_queue_feeder_error(e: BaseException, obj: object) -> None:
        """Report an item that could not be sent; meant to be overridden (`concurrent.futures` does)."""
        import traceback  # noqa: PLC0415 - only on failure

        traceback.print_exception(e, file=sys.stderr)


class _Unbounded:
    """The semaphore of a queue without a limit, for code that reaches for ``queue._sem``."""

    def __init__(self, queue: Queue) -> None:
        # The queue's end, not the queue: no cycle that would keep descriptors until the collector runs.
        self._end = queue._reader._end
        self._semlock = self

    def _get_value(self) -> int:
        return 2**31 - 1 - len(self._end.inbox)

    get_value = _get_value

    def _is_zero(self) -> bool:
        return False

    locked = _is_zero

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        return True

    def release(self) -> None:
        """Nothing is counted."""


class JoinableQueue(Queue):
    """A queue whose consumers say when an item is done; see `multiprocessing.JoinableQueue`."""

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:
        Queue.__init__(self, maxsize, ctx=ctx)
        self._unfinished_tasks = ctx.Semaphore(0)
        self._cond = ctx.Condition()

    def __getstate__(self) -> Any:
        return (*Queue.__getstate__(self), self._cond, self._unfinished_tasks)

    def __setstate__(self, state: Any) -> None:
        Queue.__setstate__(self, state[:-2])
        self._cond, self._unfinished_tasks = state[-2:]

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item that `task_done` will be called for."""
        self._check()
        # Counted before it can be seen, so that a quick consumer's task_done() finds it.
        with self._cond:
            self._unfinished_tasks.release()
        try:
            Queue.put(self, obj, block, timeout)
        except Full:
            with self._cond:
                self._unfinished_tasks.acquire(False)
                if self._unfinished_tasks._semlock._is_zero():
                    self._cond.notify_all()
            raise

    def task_done(self) -> None:
        """Say that an item that was got is done; ValueError if called more often than `put`."""
        with self._cond:
            if not self._unfinished_tasks.acquire(False):
                raise ValueError("task_done() called too many times")
            if self._unfinished_tasks._semlock._is_zero():
                self._cond.notify_all()

    def join(self) -> None:
        """Wait until every item that was put is done."""
        with self._cond:
            if not self._unfinished_tasks._semlock._is_zero():
                self._cond.wait()


class SimpleQueue(_Ends):
    """A queue with nothing but put and get; see `multiprocessing.SimpleQueue`."""

    def __init__(self, *, ctx: Any) -> None:
        self._open(ctx)
        self._poll = self._reader.poll

    def close(self) -> None:
        """Close the queue in the calling process."""
        self._reader.close()
        self._writer.close()

    def empty(self) -> bool:
        """Return whether there is no item."""
        return not self._reader.poll()

    def __getstate__(self) -> Any:
        self._check_start_method()
        return (self._reader, self._writer)

    def __setstate__(self, state: Any) -> None:
        self._resume(*state)
        self._poll = self._reader.poll

    def get(self) -> Any:
        """Take the next item; waits for it."""
        if FENCED or self._narrow:
            self._reader._check_closed()
        end = self._inner
        try:
            message = self._inbox.popleft()
        except IndexError:
            message = NOTHING  # waits outside, as in Queue.get()
        if message is NOTHING:
            message = end.wait(None)
        if end.senders or not end.plain:
            end.taken(message)
        if type(message) is not tuple:
            return message
        return loads(message[0]) if len(message) == 1 else message[1]

    def put(self, obj: Any) -> None:
        """Add an item; what pickling it raises is raised here.  Waits as `Connection.send` does."""
        if FENCED or self._narrow:
            self._writer._check_closed()
            if not self._inner.open:
                raise BrokenPipeError(32, "Broken pipe")
        kind = type(obj)
        if kind is not int:
            if kind is bytes or kind is str:
                if len(obj) >= HEAVY:
                    return self._put_more(obj)
            elif kind not in ATOMS:
                return self._put_more(obj)
        end = self._inner
        inbox = self._inbox
        inbox.append(obj)
        if end.waiters:
            end.waiters.wake()
        if len(inbox) > end.limit:
            end.look(obj)
        return None

    def _put_more(self, obj: Any) -> None:
        """Add what is large, or has to be pickled."""
        message = obj if type(obj) in ATOMS else pack(obj)
        end = self._inner
        if not end.open:
            raise BrokenPipeError(32, "Broken pipe")
        end.put(message)
        if type(message) is not tuple or len(message) == 2 or len(message[0]) >= HEAVY:
            end.hold_back(message)
