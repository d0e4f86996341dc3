"""What must be shown: program, world to compare with, the most that the hook may cost of it."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """``hook <= most * against``; with ``against`` empty, ``hook <= most`` in the program's own unit."""

    program: str
    against: str
    most: float
    note: str = ""


TARGETS = (
    Target("process.start_join", "fork", 0.08),
    Target("process.start_join", "raw", 1.3),
    Target("size.child", "", 24 * 1024),
    Target("size.child_fds", "", 0),
    Target("process.terminate_waiting", "fork", 0.5),
    Target("process.terminate_sleeping", "fork", 1.0),
    Target("queue.stream_int", "fork", 0.06),
    Target("queue.stream_str", "fork", 0.06),
    Target("queue.stream_1kB", "fork", 0.06),
    Target("simplequeue.stream_int", "fork", 0.06),
    Target("simplequeue.stream_1kB", "fork", 0.06),
    Target("queue.alone_int", "raw", 4.0),
    Target("queue.alone_1kB", "raw", 4.0),
    Target("simplequeue.alone_int", "raw", 4.0),
    Target("simplequeue.alone_1kB", "raw", 4.0),
    Target("queue.stream_dict", "pickle", 1.15),
    Target("queue.producers_dict", "fork", 0.8),
    Target("queue.stream_1MB", "fork", 0.01),
    Target("pipe.1MB", "fork", 0.01),
    Target("queue.stream_bytearray", "fork", 0.4),
    Target("pipe.bytearray", "fork", 0.4),
    Target("queue.ping_pong", "fork", 0.35),
    Target("pipe.ping_pong", "fork", 0.6),
    Target("lock.pair", "fork", 1.3, "interruptible"),
    Target("rlock.pair", "fork", 1.3, "interruptible"),
    Target("lock.with", "fork", 1.3, "interruptible"),
    Target("rlock.with", "fork", 1.3, "interruptible"),
    Target("semaphore.pair", "fork", 0.6),
    Target("event.wakeup", "fork", 1.0),
    Target("condition.wakeup", "fork", 1.0),
    Target("barrier.wakeup", "fork", 1.0),
    Target("pool.create", "fork", 0.12),
    Target("pool.map_all", "fork", 0.15),
    Target("pool.map_single", "fork", 0.25),
    Target("pool.imap_unordered", "fork", 0.25),
    Target("pool.apply_async", "fork", 0.25),
    Target("pool.apply", "fork", 0.5),
    Target("executor.submit", "fork", 0.3),
    Target("manager.dict", "fork", 0.1),
    Target("value.add", "fork", 0.9),
    Target("array.access", "fork", 0.3),
    Target("connection.wait_100", "fork", 0.1),
    Target("start.enabled", "fork", 1.02),
    Target("start.import", "fork", 1.0),
    Target("plain.getpid", "fork", 1.0),
    Target("plain.print", "fork", 1.2),
    Target("plain.environ_get", "fork", 1.3),
    Target("plain.thread", "fork", 1.1),
    Target("process.cpu_bound", "raw", 1.05, "no worse"),
)
