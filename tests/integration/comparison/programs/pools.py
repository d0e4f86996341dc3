"""Pools, executors and managers: their results, and what the death of a worker does to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.managers import BaseManager
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from .stage import LIMIT, attempt, finish, launch, receive, run, say


def _square(number: int) -> int:
    return number * number


def _pair(one: int, other: int) -> tuple[int, int]:
    return one, other


def case_pool_results() -> None:
    """Every way to hand work to a pool gives its results."""
    with multiprocessing.Pool(3) as pool:
        say(pool.map(_square, range(10)))
        say(pool.starmap(_pair, [(1, 2), (3, 4)]))
        say(list(pool.imap(_square, range(5), chunksize=2)), sorted(pool.imap_unordered(_square, range(5))))
        say(pool.apply(_square, (7,)), pool.apply_async(_square, (8,)).get(LIMIT))
        got: list[Any] = []
        pool.map_async(_square, range(3), callback=got.append).wait(LIMIT)
        say(got)
        say(pool.map(_square, []), pool.starmap_async(_pair, [(1, 1)]).get(LIMIT))


def _fail(number: int) -> int:
    if number == 2:
        raise ValueError(f"number {number}")
    return number


def _exit(code: int) -> None:
    sys.exit(code)


def case_pool_errors() -> None:
    """What a task raises is raised by get(), with the worker's traceback as its cause."""
    with multiprocessing.Pool(2) as pool:
        attempt(pool.map, _fail, range(4))
        try:
            pool.apply(_fail, (2,))
        except ValueError as error:
            cause = type(error.__cause__).__name__
            say(cause, "_fail" in str(error.__cause__), "ValueError: number 2" in str(error.__cause__))
        got: list[Any] = []
        pool.apply_async(_fail, (2,), error_callback=got.append).wait(LIMIT)
        say(repr(got))
        iterator = pool.imap(_fail, range(4), 1)
        for _ in range(4):
            attempt(next, iterator)
        result = pool.apply_async(_fail, (2,))
        result.wait(LIMIT)
        say(result.ready(), result.successful())
        attempt(pool.apply_async(time.sleep, (60,)).get, 0.01)
        attempt(pool.apply, _return_unpicklable)
    attempt(pool.apply, _square, (1,))
    attempt(multiprocessing.Pool, 0)


def _return_unpicklable() -> Any:
    return threading.Lock()


def case_pool_exit_in_a_task() -> None:
    """sys.exit() in a task ends the worker; the pool has another."""
    with multiprocessing.Pool(1) as pool:
        attempt(pool.apply_async(_exit, (3,)).get, 0.5)
        say(pool.apply_async(_square, (3,)).get(LIMIT))


def _die(how: str) -> None:
    if how == "hard":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def case_pool_death_of_a_worker() -> None:
    """A worker that dies in its task is replaced; the task's result never comes."""
    for how in ("hard", "kill"):
        with multiprocessing.Pool(1) as pool:
            attempt(pool.apply_async(_die, (how,)).get, 0.5)
            say(pool.apply_async(_square, (3,)).get(LIMIT))


def _pid(_: int) -> int:
    return os.getpid()


def case_pool_renews_workers() -> None:
    """With maxtasksperchild a pool gives every few tasks another worker."""
    with multiprocessing.Pool(1, maxtasksperchild=2) as pool:
        pids = [pool.apply(_pid, (n,)) for n in range(6)]
    say(len(set(pids)), os.getpid() in pids, pids[0] == pids[1], pids[1] == pids[2])


_initial: list[Any] = []


def _initialize(value: str) -> None:
    _initial[:] = [value]


def _tell_initial(_: int) -> tuple[str, bool, str]:
    process = multiprocessing.current_process()
    return _initial[0], process.daemon, process.name.rpartition("-")[0]


def case_pool_initializer() -> None:
    """Each worker is daemonic, bears a pool worker's name and was initialized."""
    with multiprocessing.Pool(2, _initialize, ("initialized",)) as pool:
        say(set(pool.map(_tell_initial, range(10), 1)))


_channel: Any = None
_memory: Any = None


def _take(channel: Any) -> None:
    global _channel
    _channel = channel


def _give(number: int) -> str:
    time.sleep(0.01)  # so that each of the workers has some
    if isinstance(_channel, Connection):
        _channel.send(number)
    else:
        _channel.put(number)
    return "given"


def case_pool_initializer_keeps_a_queue() -> None:
    """What each worker keeps in a global works in all of them."""
    for make in (multiprocessing.Queue, multiprocessing.SimpleQueue, multiprocessing.JoinableQueue):
        channel: Any = make()
        with multiprocessing.Pool(3, _take, (channel,)) as pool:
            say(set(pool.map(_give, range(12), chunksize=1)), sorted(channel.get() for _ in range(12)))
    reader, writer = multiprocessing.Pipe(duplex=False)
    with multiprocessing.Pool(1, _take, (writer,)) as pool:
        say(set(pool.map(_give, range(5))), [reader.recv() for _ in range(5)])


def _give_and_close(number: int) -> Any:
    _channel.send(number)
    _channel.close()
    try:
        _channel.send(number)
    except OSError as error:
        return str(error), _channel.closed


def case_pool_worker_closes_what_it_keeps() -> None:
    """What a worker has closed is closed for it."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    with multiprocessing.Pool(1, _take, (writer,), maxtasksperchild=1) as pool:
        say(pool.map(_give_and_close, range(3), chunksize=1))
    writer.close()
    say([reader.recv() for _ in range(3)])
    attempt(reader.recv)


def _attach(name: str) -> None:
    global _memory
    _memory = SharedMemory(name)


def _write(place: int) -> int:
    time.sleep(0.01)
    _memory.buf[place] = place
    return len(_memory.name)


def case_pool_initializer_attaches_memory() -> None:
    """Shared memory that each worker attaches, and keeps in a global, is there for all of them."""
    memory = SharedMemory(create=True, size=64)
    with multiprocessing.Pool(3, _attach, (memory.name,)) as pool:
        say(set(pool.map(_write, range(12), chunksize=1)) == {len(memory.name)}, bytes(memory.buf[:12]))
        pool.close()
        pool.join()
    memory.close()
    memory.unlink()


def _close_and_ask(connection: Any, other: Any) -> None:
    connection.close()
    attempt(connection.send, 1)
    say(connection.closed, other.closed)
    attempt(other.send, 1)


def case_closed_is_closed() -> None:
    """What a process has closed, or its parent had before it came, it cannot use, though others can."""
    one, two = multiprocessing.Pipe()
    three, four = multiprocessing.Pipe()
    keeper = launch(_keep, one, three, four)
    four.recv()
    if multiprocessing.get_start_method() == "fork":
        three.close()
    run(_close_and_ask, one, three)
    two.send("stop")
    finish(keeper)


def _keep(one: Any, three: Any, _four: Any) -> None:
    three.send("there")
    one.recv()


def case_pool_close_and_join() -> None:
    """close() lets all work end, terminate() does not; both forbid new work."""
    pool = multiprocessing.Pool(2)
    results = [pool.apply_async(_square, (n,)) for n in range(20)]
    pool.close()
    attempt(pool.apply_async, _square, (1,))
    pool.join()
    say([result.get(0) for result in results] == [n * n for n in range(20)])
    pool = multiprocessing.Pool(2)
    pool.apply_async(time.sleep, (60,))
    attempt(pool.join)
    began = time.monotonic()
    pool.terminate()
    pool.join()
    say(time.monotonic() - began < LIMIT, [process.is_alive() for process in pool._pool])  # type: ignore[attr-defined]
    say(multiprocessing.active_children())


def _pool_in_child() -> None:
    with multiprocessing.Pool(2) as pool:
        say(pool.map(_square, range(5)))


def case_pool_in_a_child() -> None:
    """A child that is no daemon may have a pool."""
    run(_pool_in_child)


def case_manager_objects() -> None:
    """A manager's objects live in its process and are used through proxies, in children as well."""
    with multiprocessing.Manager() as manager:
        numbers, names = manager.list([1, 2]), manager.dict(a=1)
        space, lock, queue = manager.Namespace(x=1), manager.Lock(), manager.Queue()
        run(_use_proxies, numbers, names, space, lock, queue)
        say(list(numbers), dict(names), space.x, queue.get(timeout=LIMIT), len(numbers), numbers[-1])
        attempt(names.__getitem__, "missing")
        say(str(numbers), type(numbers).__name__)
        say(manager.address is not None, manager._process.pid != os.getpid())  # type: ignore[attr-defined]


def _use_proxies(numbers: Any, names: Any, space: Any, lock: Any, queue: Any) -> None:
    with lock:
        numbers.append(3)
        names["b"] = [1]
        names["b"].append("lost, since it is a copy")
        space.x += 1
    queue.put("put by the child")


def case_manager_by_value() -> None:
    """What goes into a manager's object is a copy."""
    with multiprocessing.Manager() as manager:
        items = [1]
        outer = manager.list([items])
        items.append(2)
        got = outer[0]
        got.append(3)
        say(list(outer), got)


def case_manager_death() -> None:
    """When a manager's process dies, its proxies fail."""
    manager = multiprocessing.Manager()
    numbers = manager.list([1])
    say(list(numbers))
    process = manager._process  # type: ignore[attr-defined]
    process.kill()
    process.join()
    say(process.exitcode)
    try:
        numbers.append(2)
    except (EOFError, OSError) as error:
        say(isinstance(error, (EOFError, ConnectionError)))


def case_manager_shutdown() -> None:
    """After shutdown() a manager's process has ended."""
    manager = multiprocessing.Manager()
    numbers = manager.list()
    process = manager._process  # type: ignore[attr-defined]
    manager.shutdown()
    process.join(LIMIT)
    say(process.is_alive())
    try:
        len(numbers)
    except (EOFError, OSError, ConnectionError) as error:
        say("fails", isinstance(error, (EOFError, OSError)))


class _Counter:
    def __init__(self) -> None:
        self.value = 0

    def add(self, step: int) -> int:
        self.value += step
        return self.value

    def where(self) -> tuple[int, str]:
        return os.getpid(), multiprocessing.current_process().name

    def fail(self) -> None:
        raise ValueError("in the manager")


class _Manager(BaseManager):
    pass


_Manager.register("Counter", _Counter)


def _add(counter: Any) -> None:
    say(counter.add(5))


def case_own_manager() -> None:
    """A class registered with a manager runs in the manager's process."""
    with _Manager() as manager:
        counter = manager.Counter()  # type: ignore[attr-defined]
        say(counter.add(1))
        run(_add, counter)
        pid, name = counter.where()
        say(counter.add(0), pid != os.getpid(), name.rpartition("-")[0])
        attempt(counter.fail)


def _manager_in_child() -> None:
    with multiprocessing.Manager() as manager:
        numbers = manager.list([1, 2, 3])
        say(sum(numbers))


def case_manager_in_a_child() -> None:
    """A child may have a manager of its own."""
    run(_manager_in_child)


def _hold(lock: Any, connection: Any) -> None:
    lock.acquire()
    connection.send("holds")
    connection.recv()


def case_manager_lock_of_one_that_died() -> None:
    """A manager's lock that a killed child held stays held."""
    with multiprocessing.Manager() as manager:
        lock = manager.Lock()
        ours, theirs = multiprocessing.Pipe()
        process = launch(_hold, lock, theirs)
        say(receive(ours))
        process.kill()
        finish(process)
        say(lock.acquire(True, 0.05))


def case_thread_pool() -> None:
    """A ThreadPool works in the calling process."""
    from multiprocessing.pool import ThreadPool

    with ThreadPool(2) as pool:
        say(set(pool.map(_pid, range(4))) == {os.getpid()}, pool.map(_square, range(4)))
