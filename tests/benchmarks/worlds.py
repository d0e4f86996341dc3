"""The worlds that the same program text runs in, and the proof that each is what it is called.

``raw``: threads and the C primitives of CPython, by reference; ``pickle``: the same with one pickle round trip
a message; ``fork`` and ``spawn``: the interpreter's own multiprocessing; ``dummy``: its `multiprocessing.dummy`;
``hook``: mpthread_hook.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WORLDS = ("raw", "pickle", "fork", "spawn", "dummy", "hook")


class NotWhatItSays(RuntimeError):
    """A world turned out to be another one: nothing may be timed under its name."""


class World:
    """One world; anything that is not here is asked of what stands for `multiprocessing` in it."""

    def __init__(self, name: str, provider: Any, wait: Any, executor: Any) -> None:
        self.name = name
        self._provider = provider
        self.wait = wait
        self.executor = executor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def child(self, target: Callable[..., object], *args: object) -> Any:
        """Start a child that does not keep the program alive."""
        child = self._provider.Process(target=target, args=args, daemon=True)
        child.start()
        return child


class _Channel:
    """One end of a pipe between threads."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.recv = incoming.get
        self.send = outgoing.put

    def close(self) -> None:
        """Nothing is open."""


class _PickledQueue:
    """The C queue with one pickle round trip a message."""

    def __init__(self) -> None:
        self._queue: Any = queue.SimpleQueue()

    def put(self, item: object) -> None:
        self._queue.put(pickle.dumps(item, 5))

    def get(self) -> Any:
        return pickle.loads(self._queue.get())


class _Threads:
    """The names of multiprocessing over raw threads."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.Process = threading.Thread
        self.Lock, self.RLock, self.Semaphore = threading.Lock, threading.RLock, threading.Semaphore
        self.Event, self.Condition, self.Barrier = threading.Event, threading.Condition, threading.Barrier

    def Queue(self) -> Any:
        return self._channel()

    SimpleQueue = Queue

    def Pipe(self) -> tuple[_Channel, _Channel]:
        """Return two ends."""
        one, two = self._channel(), self._channel()
        return _Channel(one, two), _Channel(two, one)


class _Dummy:
    """`multiprocessing.dummy` with the one name that it lacks."""

    def __init__(self) -> None:
        import multiprocessing.dummy

        self._dummy = multiprocessing.dummy

    def SimpleQueue(self) -> Any:
        return self._dummy.Queue()

    def Process(self, target: Any, args: Any = (), *, daemon: bool = True) -> Any:
        process = self._dummy.Process(target=target, args=args)
        process.daemon = daemon
        return process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dummy, name)


def _say_pid(answer: Any) -> None:
    status = os.stat("/proc/self") if os.path.exists("/proc/self") else None
    answer.put((os.getpid(), status.st_ino if status else 0))


def _check_child(context: Any, *, real: bool) -> None:
    """Refuse a world whose children are not what they should be: processes of the system, or threads."""
    answer = context.SimpleQueue()
    child = context.Process(target=_say_pid, args=(answer,))
    child.start()
    pid, seen = answer.get()
    child.join()
    if pid == os.getpid():
        raise NotWhatItSays("a child has the pid of its parent")
    if seen and real is (seen == os.stat("/proc/self").st_ino):
        raise NotWhatItSays("a child is no process" if real else "a child is a real process")


def _stock(method: str) -> World:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    semaphore: Any = sys.modules.get("_multiprocessing") or __import__("_multiprocessing")
    if "mpthread_hook" in sys.modules or not os.path.exists(str(semaphore.__spec__.origin)):
        raise NotWhatItSays(f"stock {method} was to be timed, but mpthread_hook is loaded")
    context = multiprocessing.get_context(method)
    from multiprocessing.connection import wait

    if method == "fork":
        _check_child(context, real=True)
    return World(method, context, wait, lambda count: ProcessPoolExecutor(count, mp_context=context))


def _hook() -> World:
    import mpthread_hook

    mpthread_hook.enable()
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.connection import wait

    context = multiprocessing.get_context("fork")
    semaphore = type(context.Lock()._semlock)
    if not mpthread_hook.enabled() or not str(getattr(semaphore.__init__, "__module__", None)).startswith(
        "mpthread_hook."
    ):
        raise NotWhatItSays("the hook was to be timed, but multiprocessing is the interpreter's own")
    _check_child(context, real=False)
    return World("hook", context, wait, lambda count: ProcessPoolExecutor(count, mp_context=context))


def make(name: str) -> World:
    """Return a world, after making sure that it is the one that was asked for."""
    if name == "hook":
        return _hook()
    if name in ("fork", "spawn"):
        return _stock(name)
    # Its start-up file may have loaded the switch; what must not be there is what stands behind it.
    if "mpthread_hook._identity" in sys.modules:
        raise NotWhatItSays(f"{name} was to be timed, but mpthread_hook is in force")
    from concurrent.futures import ThreadPoolExecutor

    if name == "dummy":
        return World(name, _Dummy(), None, ThreadPoolExecutor)
    return World(
        name, _Threads(queue.SimpleQueue if name == "raw" else _PickledQueue), None, ThreadPoolExecutor
    )
