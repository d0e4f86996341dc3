"""Children that are stopped from outside, whatever they wait for."""

from __future__ import annotations

import multiprocessing
import os
import queue
import select
import selectors
import signal
import socket
import threading
import time
from multiprocessing.connection import Listener, wait
from typing import Any

from .stage import LIMIT, finish, launch, only, promptly, receive, say, settle


def _served() -> dict[str, Any]:
    """Return calls that block in something of multiprocessing."""
    ours, theirs = multiprocessing.Pipe()
    condition = multiprocessing.Condition()
    joinable: Any = multiprocessing.JoinableQueue()
    held = multiprocessing.Lock()
    held.acquire()
    full: Any = multiprocessing.Queue(1)
    full.put("the only one")
    spent = multiprocessing.BoundedSemaphore(1)
    spent.acquire()
    return {
        "Lock.acquire": held.acquire,
        "Lock.acquire(timeout)": lambda: held.acquire(timeout=60),
        "Semaphore.acquire": multiprocessing.Semaphore(0).acquire,
        "BoundedSemaphore.acquire": spent.acquire,
        "Condition.wait": lambda: condition.acquire() and condition.wait(),
        "Condition.wait_for": lambda: condition.acquire() and condition.wait_for(lambda: False, 60),
        "Event.wait": multiprocessing.Event().wait,
        "Barrier.wait": multiprocessing.Barrier(2).wait,
        "Queue.get": multiprocessing.Queue().get,
        "Queue.get(timeout)": lambda: multiprocessing.Queue().get(timeout=60),
        "Queue.put": lambda: full.put("one more"),
        "SimpleQueue.get": multiprocessing.SimpleQueue().get,
        "JoinableQueue.join": lambda: (joinable.put(1), joinable.join()),
        "Connection.recv": lambda: ours.recv() or theirs,
        "Connection.recv_bytes": lambda: ours.recv_bytes() or theirs,
        "Connection.poll": lambda: ours.poll(60) or theirs,
        "connection.wait": lambda: wait([ours]) or theirs,
        "Connection.send": lambda: ours.send_bytes(b"x" * (1 << 24)) or theirs,
        "Listener.accept": lambda: Listener(None).accept(),
    }


def _threading() -> dict[str, Any]:
    """Return calls that block in something of threading, queue or concurrent.futures."""
    # Here, since every spawned child pays for the imports of the topic.
    from concurrent.futures import Future, ThreadPoolExecutor

    held = threading.Lock()
    held.acquire()
    condition = threading.Condition()
    full: Any = queue.Queue(1)
    full.put("the only one")
    forever = threading.Thread(target=threading.Event().wait, daemon=True)
    forever.start()
    pool = ThreadPoolExecutor(1)
    return {
        "Lock.acquire": held.acquire,
        "Lock.acquire(timeout)": lambda: held.acquire(timeout=60),
        "Semaphore.acquire": threading.Semaphore(0).acquire,
        "Condition.wait": lambda: condition.acquire() and condition.wait(),
        "Event.wait": threading.Event().wait,
        "Event.wait(timeout)": lambda: threading.Event().wait(60),
        "Barrier.wait": threading.Barrier(2).wait,
        "Thread.join": forever.join,
        "queue.Queue.get": queue.Queue().get,
        "queue.Queue.put": lambda: full.put("one more"),
        "queue.Queue.join": full.join,
        "queue.SimpleQueue.get": queue.SimpleQueue().get,
        "queue.LifoQueue.get": queue.LifoQueue().get,
        "Future.result": Future().result,
        "Executor.submit": lambda: pool.submit(threading.Event().wait).result(),
    }


#: The other ends of what is waited for.
_kept: list[Any] = []


def _system() -> dict[str, Any]:
    """Return calls that block in the system, or run for ever."""
    reader, writer = os.pipe()
    first, second = socket.socketpair()
    selector = selectors.DefaultSelector()
    selector.register(first, selectors.EVENT_READ)
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    server = socket.create_server(("127.0.0.1", 0))
    _kept.append((writer, second))
    return {
        "time.sleep": lambda: time.sleep(60),
        "select.select": lambda: select.select([reader], [], []),
        "select.select(timeout)": lambda: select.select([], [], [], 60),
        "poll": poller.poll,
        "selector": selector.select,
        "selector(timeout)": lambda: selector.select(60),
        "socket.recv": lambda: first.recv(1),
        "socket.recv(timeout)": lambda: (first.settimeout(60), first.recv(1)),
        "socket.accept": server.accept,
        "os.read": lambda: os.read(reader, 1),
        "signal.pause": signal.pause,
        "signal.sigwait": lambda: signal.sigwait({signal.SIGUSR1}),
        "asyncio": _asyncio,
        "a loop": _spin,
        "a loop of short sleeps": _nap,
        "a recursion": lambda: _recurse(50),
    }


def _asyncio() -> None:
    import asyncio

    asyncio.run(asyncio.sleep(60))


def _spin() -> None:
    number = 0
    while True:
        number += 1


def _nap() -> None:
    while True:
        time.sleep(0.001)


def _recurse(depth: int) -> None:
    while True:
        if depth:
            _recurse(depth - 1)


_KINDS = {"served": _served, "threading": _threading, "system": _system}


def _blocked(kind: str, what: str, connection: Any) -> None:
    call = _KINDS[kind]()[what]
    connection.send("ready")
    call()
    say(f"{what} came back")


def _stop_all(kind: str, how: str) -> None:
    """Block a child in each of a kind, stop them all, and say how each ended and whether it was soon."""
    children = []
    for what in list(_KINDS[kind]()):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_blocked, args=(kind, what, theirs), name=what)
        process.start()
        children.append((process, ours))
    for _, ours in children:
        if ours.poll(LIMIT):
            ours.recv()
    settle(0.2)
    began = time.monotonic()
    for process, _ in children:
        getattr(process, how)()
    for process, _ in children:
        process.join(LIMIT)
        if process.is_alive():
            say(f"{process.name}: not stopped by {how}")
        else:
            say(f"{process.name}: exit code {process.exitcode}, {promptly(began)}")


def case_terminate_what_waits_for_multiprocessing() -> None:
    """A child that waits in something of multiprocessing ends with -SIGTERM at once."""
    _stop_all("served", "terminate")


@only("fork")
def case_kill_what_waits_for_multiprocessing() -> None:
    """A child that waits in something of multiprocessing ends with -SIGKILL at once."""
    _stop_all("served", "kill")


def case_terminate_what_waits_for_threads() -> None:
    """A child that waits in something of threading or queue ends with -SIGTERM at once."""
    _stop_all("threading", "terminate")


def _joins(connection: Any, mine: Any) -> None:
    process = launch(_told, connection, name="grandchild")
    mine.send("ready")
    process.join()


def _told(connection: Any) -> None:
    connection.recv()


def case_stop_what_waits_for_a_child() -> None:
    """A child that waits for its own child ends at once; that one lives on until it is told."""
    for how in ("terminate", "kill"):
        ours, theirs = multiprocessing.Pipe()
        mine, childs = multiprocessing.Pipe()
        process = launch(_joins, theirs, childs)
        theirs.close()
        say(receive(mine))
        settle()
        getattr(process, how)()
        process.join()
        say(process.exitcode, ours.poll(0.05))
        ours.send("go")
        say(receive(ours))


@only("fork")
def case_kill_what_waits_for_threads() -> None:
    """A child that waits in something of threading or queue ends with -SIGKILL at once."""
    _stop_all("threading", "kill")


def case_terminate_what_waits_for_the_system() -> None:
    """A child that sleeps, waits for descriptors or runs ends with -SIGTERM at once."""
    _stop_all("system", "terminate")


@only("fork")
def case_kill_what_waits_for_the_system() -> None:
    """A child that sleeps, waits for descriptors or runs ends with -SIGKILL at once."""
    _stop_all("system", "kill")


def _write_in_c(connection: Any) -> None:
    import ctypes  # here, since every spawned child pays for the imports of the topic

    reader, writer = socket.socketpair()

    def watch() -> None:
        select.select([reader], [], [])
        connection.send("ready")  # something has been written: that call has begun, and the rest has no room

    threading.Thread(target=watch).start()
    ctypes.CDLL(None).write(writer.fileno(), bytes(1 << 24), 1 << 24)
    say("never")


def case_stop_what_is_blocked_in_foreign_code() -> None:
    """A child that is blocked in a call of a C library ends by the signal."""
    for how in ("terminate", "kill"):
        ours, theirs = multiprocessing.Pipe()
        process = launch(_write_in_c, theirs)
        say(receive(ours))
        getattr(process, how)()
        finish(process)
