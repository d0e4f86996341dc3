"""Every way for a child to end that the storm knows: what it does, who stops it, which exit code is due."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds that a child sleeps which is to be stopped: longer than any run of the storm.
LONG = 3600.0
#: The other ends of sockets that children block on in C code; closing them lets such a thread go.
PEERS: list[socket.socket] = []


@dataclass(frozen=True)
class Ending:
    """One way to end."""

    #: Called in the child with its connection and what `makes` made; sends "ready" before it blocks.
    body: Callable[..., object]
    #: The exit code that is due.
    code: int
    #: Makes the primitives of one child, in the parent.
    makes: Callable[[], tuple[Any, ...]] = tuple
    #: The signal that the parent sends once the child is ready; 0 if it ends by itself.
    stop: int = 0
    #: Whether the child holds what was made when it ends, so that nobody can have it any more.
    holds: bool = False
    #: Whether it is blocked in C code of others, which on threads ends in a warning that names it.
    foreign: bool = False


# -- it ends by itself -------------------------------------------------------------------------------------


def _return(connection: Any) -> None:
    connection.send("ready")


def _raise(connection: Any) -> None:
    connection.send("ready")
    sys.stderr = None  # the tracebacks of hundreds of children are of no use
    raise ValueError


def _exit(connection: Any, code: int) -> None:
    connection.send("ready")
    sys.exit(code)


def _exit_hard(connection: Any, code: int) -> None:
    connection.send("ready")
    os._exit(code)


def _exit_hard_in_thread(connection: Any) -> None:
    connection.send("ready")
    threading.Thread(target=os._exit, args=(9,), daemon=True).start()
    threading.Event().wait()


def _signal_itself(connection: Any, number: int) -> None:
    connection.send("ready")
    os.kill(os.getpid(), number)
    threading.Event().wait()


def _raise_signal(connection: Any) -> None:
    connection.send("ready")
    signal.raise_signal(signal.SIGTERM)


def _abort(connection: Any) -> None:
    connection.send("ready")
    os.abort()


def _handle(connection: Any) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(17))
    connection.send("ready")
    time.sleep(LONG)


def _exit_with_thread(connection: Any) -> None:
    thread = threading.Thread(target=time.sleep, args=(0.01,))
    thread.start()
    connection.send("ready")
    sys.exit(18)


def _exit_holding(connection: Any, lock: Any) -> None:
    lock.acquire()
    connection.send("ready")
    os._exit(19)


# -- it blocks until it is stopped -------------------------------------------------------------------------


def _enter_and_wait(condition: Any) -> None:
    condition.acquire()
    condition.wait()


def _put_and_join(items: Any) -> None:
    items.put(1)
    items.join()


def _spin() -> None:
    while True:
        pass


def _catch_all() -> None:
    while True:
        try:
            time.sleep(LONG)
        except Exception:
            pass


def _in_thread() -> None:
    thread = threading.Thread(target=threading.Event().wait)
    thread.start()
    thread.join()


def _full() -> queue.Queue[int]:
    items: queue.Queue[int] = queue.Queue(1)
    items.put(1)
    return items


def _select() -> None:
    reader, writer = os.pipe()
    try:
        select.select([reader], [], [])
    finally:
        os.close(reader)
        os.close(writer)


BLOCKERS: dict[str, Callable[..., object]] = {
    "Lock.acquire": lambda lock: lock.acquire(),
    "RLock.acquire": lambda lock: lock.acquire(),
    "Semaphore.acquire": lambda semaphore: semaphore.acquire(),
    "Condition.wait": _enter_and_wait,
    "Event.wait": lambda event: event.wait(),
    "Barrier.wait": lambda barrier: barrier.wait(),
    "Queue.get": lambda items: items.get(),
    "Queue.put": lambda items: items.put(2),
    "SimpleQueue.get": lambda items: items.get(),
    "JoinableQueue.join": _put_and_join,
    "Connection.recv": lambda ours, _theirs: ours.recv(),
    "Connection.poll": lambda ours, _theirs: ours.poll(None),
    "connection.wait": lambda ours, _theirs: wait([ours]),
    "time.sleep": lambda: time.sleep(LONG),
    "threading.Event": lambda: threading.Event().wait(),
    "threading.Condition": lambda: _enter_and_wait(threading.Condition()),
    "threading.Semaphore": lambda: threading.Semaphore(0).acquire(),
    "threading.Thread.join": _in_thread,
    "queue.Queue.get": lambda: queue.Queue().get(),
    "queue.Queue.put": lambda: _full().put(2),
    "queue.SimpleQueue.get": lambda: queue.SimpleQueue().get(),
    "select": _select,
    "signal.pause": signal.pause,
    "a loop": _spin,
    "a stubborn sleep": _catch_all,
}


def _held(make: Callable[[], Any]) -> tuple[Any]:
    lock = make()
    lock.acquire()
    return (lock,)


def _filled() -> tuple[Any]:
    items: Any = multiprocessing.Queue(1)
    items.put(1)
    return (items,)


MAKERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "Lock.acquire": lambda: _held(multiprocessing.Lock),
    "RLock.acquire": lambda: _held(multiprocessing.RLock),
    "Semaphore.acquire": lambda: (multiprocessing.Semaphore(0),),
    "Condition.wait": lambda: (multiprocessing.Condition(),),
    "Event.wait": lambda: (multiprocessing.Event(),),
    "Barrier.wait": lambda: (multiprocessing.Barrier(2),),
    "Queue.get": lambda: (multiprocessing.Queue(),),
    "Queue.put": _filled,
    "SimpleQueue.get": lambda: (multiprocessing.SimpleQueue(),),
    "JoinableQueue.join": lambda: (multiprocessing.JoinableQueue(),),
    "Connection.recv": multiprocessing.Pipe,
    "Connection.poll": multiprocessing.Pipe,
    "connection.wait": multiprocessing.Pipe,
}


def _block(connection: Any, what: str, *made: Any) -> None:
    connection.send("ready")
    BLOCKERS[what](*made)
    os._exit(99)  # it came back


def _hold(connection: Any, lock: Any) -> None:
    lock.acquire()
    connection.send("ready")
    time.sleep(LONG)


def _hold_in_block(connection: Any, lock: Any) -> None:
    with lock:
        connection.send("ready")
        threading.Event().wait()


def _receive(connection: Any) -> None:
    ours, theirs = socket.socketpair()
    PEERS.append(theirs)
    connection.send("ready")
    ours.recv(1)
    ours.close()


def _write_in_c(connection: Any) -> None:
    ours, theirs = socket.socketpair()
    PEERS.append(theirs)

    def watch() -> None:
        select.select([theirs], [], [])
        connection.send("ready")  # something has been written: that call has begun, and the rest has no room

    threading.Thread(target=watch).start()
    ctypes.CDLL(None).write(ours.fileno(), bytes(1 << 24), 1 << 24)
    ours.close()


# -- the table ---------------------------------------------------------------------------------------------

_HOLDABLE = {
    "Lock": multiprocessing.Lock,
    "RLock": multiprocessing.RLock,
    "Semaphore": multiprocessing.Semaphore,
    "BoundedSemaphore": multiprocessing.BoundedSemaphore,
    "Condition": multiprocessing.Condition,
}
_STOPS = {"SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL, "SIGUSR1": signal.SIGUSR1}


def _with(value: Any) -> Callable[[], tuple[Any]]:
    return lambda: (value,)


def _blocked(what: str) -> Callable[[], tuple[Any, ...]]:
    return lambda: (what, *MAKERS.get(what, tuple)())


def _one(make: Callable[[], Any]) -> Callable[[], tuple[Any]]:
    return lambda: (make(),)


def table() -> dict[str, Ending]:
    """Return every ending by its name, which is its child's name as well."""
    found = {
        "return": Ending(_return, 0),
        "raise": Ending(_raise, 1),
        "exit in text": Ending(_exit, 1, _with("")),
        "hard exit in a thread": Ending(_exit_hard_in_thread, 9),
        "raise_signal": Ending(_raise_signal, -15),
        "abort": Ending(_abort, -6),
        "handler": Ending(_handle, 17, stop=signal.SIGTERM),
        "exit with a thread": Ending(_exit_with_thread, 18),
        "exit holding a lock": Ending(_exit_holding, 19, _one(multiprocessing.Lock), holds=True),
        "socket.recv": Ending(_receive, -9, stop=signal.SIGKILL),
        "a write in C": Ending(_write_in_c, -15, stop=signal.SIGTERM, foreign=True),
    }
    for code in (0, 3, 255, -1):
        found[f"exit {code}"] = Ending(_exit, code & 255, _with(code))
        found[f"hard exit {code}"] = Ending(_exit_hard, code & 255, _with(code))
    for name in ("SIGTERM", "SIGKILL", "SIGUSR2", "SIGALRM"):
        number = int(getattr(signal, name))
        found[f"{name} to itself"] = Ending(_signal_itself, -number, _with(number))
    for what in BLOCKERS:
        for name, stop in _STOPS.items():
            found[f"{what}, {name}"] = Ending(_block, -stop, _blocked(what), stop)
    for what, make in _HOLDABLE.items():
        for body in (_hold, _hold_in_block):
            for name in ("SIGTERM", "SIGKILL"):
                found[f"holds {what}{body.__name__}, {name}"] = Ending(
                    body, -_STOPS[name], _one(make), _STOPS[name], holds=True
                )
    return found
