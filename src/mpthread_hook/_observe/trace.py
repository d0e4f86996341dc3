"""Writes what thread processes do, when, as a timeline that Perfetto and ``chrome://tracing`` open.

The file is a JSON array of Chrome's trace events, one a line.  Each thread process is a process there and each
of its threads a track, with spans for its life, its tasks, what it puts into and takes from queues and
connections, its starts and joins, and every wait; the length of each queue is a counter.  Times are
microseconds since the trace began.  A program that is killed leaves a file without an end, which viewers forgive.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from _thread import allocate_lock, get_ident
from collections import deque
from functools import wraps
from importlib import import_module
from time import perf_counter_ns

from .. import _identity
from .._identity import HERE, MAIN, shield
from .listing import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Events that are kept in memory before they are written.
_KEPT = 5000
#: Methods that become spans, beside the waits in them.
_WATCHED = {
    ("multiprocessing.process", "BaseProcess"): ("start", "join"),
    ("multiprocessing.connection", "Connection"): ("send", "send_bytes", "recv", "recv_bytes", "recv_bytes_into"),
    ("multiprocessing.queues", "Queue"): ("put", "get"),
    ("multiprocessing.queues", "JoinableQueue"): ("put", "join"),
    ("multiprocessing.queues", "SimpleQueue"): ("put", "get"),
    ("multiprocessing.managers", "BaseProxy"): ("_callmethod",),
}


class Trace:
    """Writes to the file ``path`` until `close()`; OSError if it cannot be written.

    Made, and begun, after the hook was enabled and before the program runs; it stays until the program's end.
    """

    def __init__(self, path: str) -> None:
        # Without a buffer: what is in one would be written once more by the child of a real fork.
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._file.write(b"[\n")
        self._origin = perf_counter_ns()
        self._events: deque[dict[str, Any]] = deque()
        self._writing = allocate_lock()
        #: What each thread does for a pool or an executor: since when, what, and for whom.
        self._tasks: dict[int, tuple[float, str, object]] = {}

    def begin(self) -> None:
        """Watch the program from now on."""
        self._name(MAIN, get_ident(), "main thread")
        self._note({"ph": "M", "name": "process_sort_index", "pid": MAIN.pid, "args": {"sort_index": -1}})
        _replace(_identity.park, self._parking(_identity.park))
        for (module, name), methods in _WATCHED.items():
            cls = getattr(import_module(module), name)
            for method in methods:
                setattr(cls, method, self._watching(getattr(cls, method), f"{name}.{method}"))
        _identity.at_enter(self._entered)
        _identity.at_leave(self._left)
        _identity.at_exit(self.close)
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """In the child of a real fork: leave the file to the parent, and the lock to whichever thread has it there."""
        self._writing = allocate_lock()
        self._file.close()

    # -----------------------------------------------------------------------------------------------------
    # What becomes an event

    def _now(self) -> float:
        return (perf_counter_ns() - self._origin) / 1000

    def _span(self, name: str, kind: str, since: float, /, **arguments: object) -> None:
        """Note what the calling thread has done ``since`` then."""
        self._note(
            {
                "ph": "X",
                "name": name,
                "cat": kind,
                "ts": since,
                "dur": self._now() - since,
                "pid": HERE.process.pid,
                "tid": get_ident(),
                "args": arguments,
            }
        )

    def _parking(self, park: Callable[..., bool]) -> Callable[..., bool]:
        @wraps(park)
        def traced(waiter: Any, timeout: float = -1.0) -> bool:
            since = self._now()
            called, at = place(sys._getframe(1))
            try:
                return park(waiter, timeout)
            finally:
                self._span(f"wait in {called}", "wait", since, at=at)

        return traced

    def _watching(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        gets = name.endswith(".get")

        def traced(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if gets:
                self._task_is_done(self_)
            since = self._now()
            try:
                result = method(self_, *args, **kwargs)
            finally:
                self._span(name, "traffic", since)
                self._count(self_)
            if gets:
                self._task_begins(self_, result)
            return result

        traced.__code__ = traced.__code__.replace(co_qualname=name)  # what lists of threads call it
        return wraps(method)(traced)

    def _count(self, queue: Any) -> None:
        inbox = getattr(queue, "_inbox", None)
        if inbox is not None:
            name = f"{type(queue).__name__} at {id(queue):#x}"
            self._note({"ph": "C", "name": name, "ts": self._now(), "pid": MAIN.pid, "args": {"items": len(inbox)}})

    def _task_begins(self, queue: object, item: object) -> None:
        name = _task(item)
        if name:
            self._tasks[get_ident()] = self._now(), name, queue

    def _task_is_done(self, queue: object = None) -> None:
        """Note the calling thread's task, since it asks the same queue for the next one, or ends."""
        since, name, of = self._tasks.get(get_ident(), (0.0, "", None))
        if name and (queue is None or queue is of):
            del self._tasks[get_ident()]
            self._span(name, "task", since)

    def _entered(self, thread: _identity.Thread) -> None:
        if thread is thread.process.main:
            thread.process.state[self] = self._now()

    def _left(self, thread: _identity.Thread) -> None:
        process = thread.process
        self._task_is_done()
        if thread is process.main:
            since = process.state.pop(self, 0.0)
            about = {"name": process.name, "method": process.method, "status": process.status}
            self._span(process.doing or process.name, "process", since, **about)
            self._name(process, get_ident(), "main thread")
        else:
            self._name(process, get_ident(), str(getattr(thread.object, "name", "thread")))

    def _name(self, process: _identity.ThreadProcess, ident: int, thread: str) -> None:
        name = f"{process.name}: {process.doing}" if process.doing else process.name
        about = {"ph": "M", "pid": process.pid, "tid": ident}
        self._note({**about, "name": "process_name", "args": {"name": name}})
        self._note({**about, "name": "thread_name", "args": {"name": thread}})

    # -----------------------------------------------------------------------------------------------------
    # The file

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        if len(self._events) >= _KEPT:
            with shield:  # nobody is ended in the middle of a line, or with the lock
                if self._writing.acquire(False):
                    try:
                        self._write(b"")
                    finally:
                        self._writing.release()

    def _write(self, end: bytes) -> None:
        lines = []
        while self._events:
            lines.append(b"%s,\n" % json.dumps(self._events.popleft(), default=str).encode())
        if not self._file.closed:
            left = memoryview(b"".join(lines) + end)
            while left:
                left = left[self._file.write(left) :]

    def close(self) -> None:
        """Write the rest and the end of the file; may be called again."""
        with shield, self._writing:
            last = {"ph": "i", "s": "g", "name": "end", "ts": self._now(), "pid": MAIN.pid, "tid": get_ident()}
            self._write(json.dumps(last).encode() + b"\n]\n")
            self._file.close()


def _task(item: object) -> str:
    """Return what a pool or an executor wants of its worker; "" if that is not what was taken from a queue."""
    function = getattr(item, "fn", None)
    if type(item) is tuple and len(item) in (4, 5):
        function = item[2]
        if getattr(function, "__name__", "") in ("mapstar", "starmapstar") and item[3]:
            function = item[3][0][0]  # a chunk of calls of the same function
    return str(getattr(function, "__qualname__", function)) if callable(function) else ""


def _replace(old: object, new: object) -> None:
    """Put ``new`` where modules of this package have ``old``."""
    package = __name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package:
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)
