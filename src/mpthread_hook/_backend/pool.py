"""Shorter ways for the tasks and results of `multiprocessing.Pool`; the rest of the pool is the interpreter's own.

A task is ``(job, number, function, args, kwargs)``.  A function of a module travels by name in a pickle and
arrives as the very same object, and looking the name up takes most of the time.  So a task that is made of
atoms, such functions and no keyword arguments travels as it is.

The stdlib hands each task to a thread that puts it into the workers' queue, and has another thread take the
results.  Threads that share a GIL pay for each hand-over what a trivial task costs several times over.  Here the
caller puts the tasks itself where that runs nothing of the program, and the worker notes a result that is made of
atoms itself.  What needs more (callbacks, generators, results that have to be unpickled) goes through the threads.
"""

from __future__ import annotations

import copyreg
import sys
from _thread import LockType, allocate_lock
from types import FunctionType

from .._identity import (
    FENCED,
    HERE,
    MAIN,
    Mutex,
    acting_as,
    checkpoint,
    monotonic,
    park,
    real_start_new_thread,
    shield,
    unlock,
)
from .connection import ATOMS, _all_atoms, _known_reducers, _reducers, pack
from .queues import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

#: How many tasks the caller puts itself; more are left to the thread, since the caller does not expect to wait.
AT_ONCE = 1 << 12
#: A result that nobody waits for: the thread that takes results looks up from its queue.
_NOTHING_NEW = (None, (None, 0, None))


def _arrives_as_it_is(items: tuple[Any, ...], found: set[Any]) -> bool:
    """Return whether a pickle of the items would give equal ones that nobody can tell from them.

    Functions in ``found`` were looked for already, and found.
    """
    for item in items:
        kind = type(item)
        if kind in ATOMS:
            continue
        if kind is tuple:
            if not _arrives_as_it_is(item, found):
                return False
        elif kind is not FunctionType:
            return False
        elif item not in found:
            if not _is_found_by_name(item):
                return False
            found.add(item)
    return True


def _is_found_by_name(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__)
    return module is not None and getattr(module, function.__qualname__, None) is function


def _pack(task: Any, found: set[Any]) -> Any:
    """Return the message that stands for a task."""
    if (
        task is not None
        and not task[4]
        and _arrives_as_it_is(task[:4], found)
        and type(task[4]) is dict
        and len(_reducers) == _known_reducers
        and FunctionType not in copyreg.dispatch_table
    ):
        return (None, task[:4])
    return task if task is None else pack(task)


class TaskQueue(SimpleQueue):
    """The queue from a pool to its workers."""

    def put_task(self, task: Any) -> None:
        """Add a task; None tells a worker to end.  Waits as `put` does."""
        self._writer.send_message(_pack(task, set()))

    def put_at_once(self, task: Any, found: set[Any]) -> None:
        """Add a task without waiting, however many there are; ``found`` as in `_arrives_as_it_is`."""
        message = _pack(task, found)
        end = self._inner
        end.inbox.append(message)
        if end.waiters:
            end.waiters.wake()
        if not end.plain:
            end.tell()

    def get(self) -> Any:
        """Take the next task."""
        task = SimpleQueue.get(self)
        return (*task, {}) if type(task) is tuple and len(task) == 4 else task


class _Tasks:
    """What `_guarded_task_generation` or `_get_tasks` generates, and what of."""

    __slots__ = ("_generated", "number")

    def __init__(self, generated: Iterator[Any], iterable: Any, size: int) -> None:
        self._generated = generated
        #: How many it is; -1 if only the program can tell.
        self.number = -1
        if type(iterable) is _Tasks:
            self.number = iterable.number
        elif type(iterable) in (list, tuple, range) and size > 0:
            self.number = -(-len(iterable) // size)

    def __iter__(self) -> Iterator[Any]:
        return self._generated


class _Sequences:
    """The queue of what a pool was asked for, which a thread of the pool turns into tasks.

    What the caller can do itself, it does, unless others wait already: tasks stay in their order.
    """

    def __init__(self, inqueue: TaskQueue, queue: Any) -> None:
        self._inqueue = inqueue
        self._queue = queue
        #: One for each that was put and is not done yet.
        self._waiting: list[None] = []
        self._busy = False

    def put(self, entry: Any) -> None:
        """Add tasks, and the function that is told how many they were; None is the end."""
        if entry is not None:
            tasks = entry[0]
            number = len(tasks) if type(tasks) is list else tasks.number if type(tasks) is _Tasks else -1
            if 0 <= number <= AT_ONCE and not self._waiting and HERE.thread is None:
                self._put_at_once(*entry)
                return
            self._waiting.append(None)
        self._queue.put(entry)

    def _put_at_once(self, tasks: Any, set_length: Any) -> None:
        number = 0
        found: set[Any] = set()
        for task in tasks:
            number += 1
            try:
                self._inqueue.put_at_once(task, found)
            except Exception:  # the thread finds out again that it cannot be sent, and tells who waits
                self._waiting.append(None)
                self._queue.put(([task], None))
        if set_length:
            set_length(number)

    def get(self) -> Any:
        """Take the next entry; the thread that does is done with the one before."""
        if self._busy:
            self._waiting.pop()
        entry = self._queue.get()
        self._busy = entry is not None
        return entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


class Done:
    """What a result waits for, as `threading.Event`, which costs as much as the rest of a task."""

    __slots__ = ("_flag", "_waiters")

    def __init__(self) -> None:
        self._flag = False
        self._waiters: list[Any] | None = None

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self._flag

    def set(self) -> None:
        """Say that it has happened, and wake who waits for it."""
        self._flag = True
        if self._waiters:
            for waiter in list(self._waiters):
                unlock(waiter)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened, at most ``timeout`` seconds; returns whether it has."""
        if self._flag:
            return True
        deadline = None if timeout is None else monotonic() + timeout
        waiter = allocate_lock()
        waiter.acquire()
        if self._waiters is None:
            with _waiting_lock:
                self._waiters = self._waiters or []
        self._waiters.append(waiter)
        try:
            while not self._flag:  # looked at after the waiter is there to be seen
                left = -1.0 if deadline is None else deadline - monotonic()
                if deadline is not None and left <= 0:
                    break
                park(waiter, left)
        finally:
            self._waiters.remove(waiter)
        return self._flag


#: Held for the first who waits for a result to make the list of those who do.
_waiting_lock = Mutex()


class ResultQueue(SimpleQueue):
    """The queue from the workers to their pool, past which a result of atoms goes straight to who waits for it."""

    #: Who waits, by job; None as long as the pool is not ready, and in children of spawn.
    cache: Any = None
    #: Types of those that may be told by a worker.
    quick: frozenset[type] = frozenset()

    def put(self, obj: Any) -> None:
        """Hand a result over, or put it where a thread of the pool takes it."""
        if self.cache is not None and obj is not None and HERE.thread is not None:
            waiting = self.cache.get(obj[0])
            if type(waiting) in self.quick and self._hand_over(waiting, obj[1], obj[2]):
                return
        SimpleQueue.put(self, obj)

    def _hand_over(self, waiting: Any, number: int, result: tuple[bool, Any]) -> bool:
        value = result[1]
        kind = type(value)
        if kind is list and _all_atoms(value):
            result = (result[0], value.copy())
        elif kind not in ATOMS and not (kind is tuple and _all_atoms(value)):
            return False
        told = vars(waiting)
        if "_cond" in told:
            if type(told["_cond"]._lock) is not LockType:
                return False  # a lock that belongs to a process would make this one wait
        elif told["_callback"] or told["_error_callback"] or type(told["_event"]) is not Done:
            return False  # callbacks run in the pool's own thread
        if FENCED:
            checkpoint()
        # A worker that is terminated in the middle finishes this, which waits for nothing, as the program.
        with shield, acting_as(MAIN):
            try:
                waiting._set(number, result)
            except KeyError:  # the pool was terminated
                pass
        return True


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.pool`."""
    served: Any = module
    pool = served.Pool
    ResultQueue.quick = frozenset(
        (served.ApplyResult, served.MapResult, served.IMapIterator, served.IMapUnorderedIterator)
    )
    _install_queues(served, pool)
    _install_cache(served, pool)
    _install_results(served, pool)


def _install_queues(served: Any, pool: Any) -> None:
    stock_setup_queues = pool._setup_queues
    stock_generation, stock_get_tasks = pool._guarded_task_generation, pool._get_tasks

    def _setup_queues(self: Any) -> None:
        make = getattr(type(self._ctx), "SimpleQueue", None)
        if getattr(make, "__module__", None) != "multiprocessing.context":
            stock_setup_queues(self)  # a context with queues of its own
            return
        self._inqueue = TaskQueue(ctx=self._ctx)
        self._outqueue = ResultQueue(ctx=self._ctx) if HERE.process is MAIN else self._ctx.SimpleQueue()
        self._quick_put = self._inqueue.put_task
        self._quick_get = self._outqueue.get

    def _guarded_task_generation(self: Any, result_job: int, func: Any, iterable: Any) -> Any:
        return _Tasks(stock_generation(self, result_job, func, iterable), iterable, 1)

    def _get_tasks(func: Any, it: Any, size: int) -> Any:
        return _Tasks(stock_get_tasks(func, it, size), it, size)

    def _set_taskqueue(self: Any, queue: Any) -> None:
        inqueue = self._inqueue
        self.__dict__["_taskqueue"] = _Sequences(inqueue, queue) if type(inqueue) is TaskQueue else queue

    for function in (_setup_queues, _guarded_task_generation, _get_tasks):
        function.__module__ = served.__name__
    pool._setup_queues = _setup_queues
    pool._guarded_task_generation, pool._get_tasks = _guarded_task_generation, staticmethod(_get_tasks)
    pool._taskqueue = property(lambda self: self.__dict__["_taskqueue"], _set_taskqueue)


def _install_cache(served: Any, pool: Any) -> None:
    """Tell the threads that the last job is done only where they want to know, which is after `close()`."""
    stock_handle_workers, stock_handle_results = pool._handle_workers.__func__, pool._handle_results
    stock_get_sentinels = pool._get_sentinels
    served._PoolCache.handler = served._PoolCache.outqueue = None

    def _handle_workers(cls: Any, cache: Any, *args: Any) -> None:
        cache.handler = served.threading.current_thread()
        stock_handle_workers(cls, cache, *args)

    def _handle_results(outqueue: Any, get: Any, cache: Any) -> None:
        if type(outqueue) is ResultQueue:
            cache.outqueue, outqueue.cache = outqueue, cache
        try:
            stock_handle_results(outqueue, get, cache)
        finally:
            if type(outqueue) is ResultQueue:
                cache.outqueue = outqueue.cache = None  # they refer to each other

    def _get_sentinels(self: Any) -> Any:
        if type(self._inqueue) is not TaskQueue:
            return stock_get_sentinels(self)
        return [self._change_notifier._reader]  # a result changes nothing for who looks after the workers

    def _get_worker_sentinels(workers: Any) -> Any:
        # No descriptors: the thread that looks after the workers waits for their records.
        return [
            getattr(getattr(worker, "_popen", None), "_record", None) or worker.sentinel
            for worker in workers
            if hasattr(type(worker), "sentinel")
        ]

    def __delitem__(self: Any, item: Any) -> None:
        dict.__delitem__(self, item)
        if self or (self.handler is not None and self.handler._state == served.RUN):
            return
        self.notifier.put(None)
        if self.outqueue is not None:
            self.outqueue._inner.put(_NOTHING_NEW)

    pool._handle_workers = classmethod(_handle_workers)
    pool._handle_results = staticmethod(_handle_results)
    pool._get_sentinels, pool._get_worker_sentinels = _get_sentinels, staticmethod(_get_worker_sentinels)
    served._PoolCache.__delitem__ = __delitem__


def _install_results(served: Any, pool: Any) -> None:
    stock_set, stock_terminate = served.MapResult._set, pool._terminate_pool.__func__
    lock = Mutex()

    def __init__(self: Any, pool: Any, callback: Any, error_callback: Any) -> None:
        self._pool, self._cache = pool, pool._cache
        self._callback, self._error_callback = callback, error_callback
        self._event = Done()
        self._job = next(served.job_counter)
        self._cache[self._job] = self

    def _set(self: Any, i: int, success_result: Any) -> None:
        if self._callback or self._error_callback:
            stock_set(self, i, success_result)  # one thread does that, and it runs code of the program
            return
        with lock:  # several workers may count at the same time
            stock_set(self, i, success_result)

    def _terminate_pool(cls: Any, *args: Any) -> None:
        if HERE.thread is not None and HERE.process is MAIN:
            # A worker, and the result that it handed over was the last that referred to the pool: it cannot
            # wait for its own end.
            thread = served.threading.Thread(target=stock_terminate, args=(cls, *args), daemon=True)
            real_start_new_thread(thread.start, ())  # from there, so that it is one of the program's
            return
        stock_terminate(cls, *args)

    served.ApplyResult.__init__, served.MapResult._set = __init__, _set
    pool._terminate_pool = classmethod(_terminate_pool)
