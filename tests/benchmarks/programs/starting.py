"""Starting children and ending them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import ALL, PROCESSES, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World


def nothing() -> None:
    """Do nothing, in a child."""


def wait_for(queue: Any, started: Any) -> None:
    """Say that the child has begun, and block in a queue for ever."""
    started.send(1)
    queue.get()


def sleep(started: Any) -> None:
    """Say that the child has begun, and sleep for longer than the benchmark lasts."""
    started.send(1)
    time.sleep(600)


@program("process.start_join", "Process start and join", ALL)
def start_join(world: World) -> Iterator[Callable[[int], Any]]:
    def run(number: int) -> None:
        for _ in range(number):
            child = world.Process(target=nothing)
            child.start()
            child.join()

    yield run


def _terminated(world: World, target: Any, *args: Any) -> Iterator[Callable[[int], Any]]:
    def run(number: int) -> float:
        spent = 0.0
        for _ in range(number):
            # A pipe of its own: a real process may be killed while it holds a queue's lock.
            ours, theirs = world.Pipe()
            child = world.child(target, *args, theirs)
            ours.recv()
            # Until it really blocks: what is measured is the waking.
            time.sleep(0.0005)
            begin = time.perf_counter()
            child.terminate()
            child.join()
            spent += time.perf_counter() - begin
            if child.exitcode != -15:
                raise RuntimeError(f"a terminated child has exit code {child.exitcode}")
            ours.close()
            theirs.close()
        return spent / number

    yield run


@program("process.terminate_waiting", "terminate and join a child that waits in a queue", PROCESSES)
def terminate_waiting(world: World) -> Iterator[Callable[[int], Any]]:
    yield from _terminated(world, wait_for, world.Queue())


@program("process.terminate_sleeping", "terminate and join a child that sleeps", PROCESSES)
def terminate_sleeping(world: World) -> Iterator[Callable[[int], Any]]:
    yield from _terminated(world, sleep)


def count(number: int) -> int:
    """Be busy with the processor."""
    total = 0
    for value in range(number):
        total += value * value
    return total


@program("process.cpu_bound", "two children busy with the processor", ALL)
def cpu_bound(world: World) -> Iterator[Callable[[int], Any]]:
    def run(number: int) -> None:
        children = [world.child(count, 10_000 * number) for _ in range(2)]
        for child in children:
            child.join()

    yield run
