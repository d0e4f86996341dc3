"""Pools of workers, and managers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import FULL, PROCESSES, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World

EXECUTORS = ("raw", "fork", "spawn", "hook")
MEGABYTE = b"x" * (1 << 20)


def double(value: Any) -> Any:
    """Do next to nothing."""
    return value * 2


def length(value: Any) -> int:
    """Look at the argument."""
    return len(value)


@program("pool.create", "Pool(4): create, one task, close, join", FULL)
def create(world: World) -> Iterator[Callable[[int], Any]]:
    def run(number: int) -> None:
        for _ in range(number):
            pool = world.Pool(4)
            pool.apply(double, (1,))
            pool.close()
            pool.join()

    yield run


@program("pool.map_all", "Pool(4), map of 10,000 trivial tasks, close", FULL)
def map_all(world: World) -> Iterator[Callable[[int], Any]]:
    def run(number: int) -> None:
        for _ in range(number):
            with world.Pool(4) as pool:
                pool.map(double, range(10_000))

    yield run


def _in_pool(use: Callable[[Any, int], object]) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        pool = world.Pool(4)
        pool.map(double, range(8))

        def run(number: int) -> None:
            use(pool, number)

        yield run
        pool.terminate()
        pool.join()

    return prepare


def _apply_async(pool: Any, number: int) -> None:
    results = [pool.apply_async(double, (value,)) for value in range(number)]
    for result in results:
        result.get()


def _apply(pool: Any, number: int) -> None:
    for value in range(number):
        pool.apply(double, (value,))


def _megabytes(pool: Any, number: int) -> None:
    pool.map(length, [MEGABYTE] * number, chunksize=1)


program("pool.map_single", "Pool.map with chunksize 1, a task", FULL)(
    _in_pool(lambda pool, number: pool.map(double, range(number), chunksize=1))
)
program("pool.imap", "Pool.imap, a task", FULL)(
    _in_pool(lambda pool, number: list(pool.imap(double, range(number))))
)
program("pool.imap_unordered", "Pool.imap_unordered, a task", FULL)(
    _in_pool(lambda pool, number: list(pool.imap_unordered(double, range(number))))
)
program("pool.apply_async", "Pool.apply_async, a task", FULL)(_in_pool(_apply_async))
program("pool.apply", "Pool.apply, there and back", FULL, pinned=True)(_in_pool(_apply))
program("pool.map_1MB", "Pool.map of 1 MB arguments, a task", FULL)(_in_pool(_megabytes))


@program("executor.submit", "ProcessPoolExecutor(4).submit, a task", EXECUTORS)
def submit(world: World) -> Iterator[Callable[[int], Any]]:
    executor = world.executor(4)
    list(executor.map(double, range(8)))

    def run(number: int) -> None:
        futures = [executor.submit(double, value) for value in range(number)]
        for future in futures:
            future.result()

    yield run
    executor.shutdown()


def use_dict(shared: Any, orders: Any, done: Any) -> None:
    """Set and get as often as is ordered."""
    while (number := orders.get()) is not None:
        for value in range(number):
            shared["key"] = value
            shared["key"]
        done.put(1)


@program("manager.dict", "Manager dict, set and get from a child", PROCESSES)
def manager_dict(world: World) -> Iterator[Callable[[int], Any]]:
    manager = world.Manager()
    orders, done = world.SimpleQueue(), world.SimpleQueue()
    # Kept here as well: stock's server would drop it when nobody refers to it before the child does.
    shared = manager.dict()
    child = world.child(use_dict, shared, orders, done)

    def run(number: int) -> None:
        orders.put(number)
        done.get()

    yield run
    orders.put(None)
    child.join()
    manager.shutdown()
