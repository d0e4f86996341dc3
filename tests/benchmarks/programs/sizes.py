"""Memory and descriptors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import PROCESSES, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World

_CHILDREN = 200


def _resident() -> int:
    """Return the private memory of this process and of its children in bytes (Linux)."""
    total = 0
    tasks = [0]  # itself
    with open("/proc/thread-self/children", encoding="ascii") as file:
        tasks += [int(pid) for pid in file.read().split()]
    for number, pid in enumerate(tasks):
        with open(f"/proc/{'self' if not number else pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Private_"):
                    total += int(line.split()[1]) * 1024
    return total


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def block(queue: Any, started: Any) -> None:
    """Say that the child has begun, and block until the parent says otherwise."""
    started.put(1)
    queue.get()


def _children(measure: Callable[[], int]) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        def run(_: int) -> float:
            queue, started = world.SimpleQueue(), world.SimpleQueue()
            before = measure()
            children = [world.child(block, queue, started) for _ in range(_CHILDREN)]
            for _ in children:
                started.get()
            found = (measure() - before) / _CHILDREN
            for _ in children:
                queue.put(None)
            for child in children:
                child.join()
            return found

        run(1)
        yield run

    return prepare


program("size.child", f"private memory of a blocked child, of {_CHILDREN}", ("fork", "hook"), unit="B")(
    _children(_resident)
)
program("size.child_fds", f"descriptors of a blocked child, of {_CHILDREN}", PROCESSES, unit="descriptors")(
    _children(_descriptors)
)


def _things(make: str, measure: Callable[[], int], count: int) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        def run(_: int) -> float:
            before = measure()
            things = [getattr(world, make)() for _ in range(count)]
            found = (measure() - before) / len(things)
            del things
            return found

        yield run

    return prepare


for _make in ("Queue", "Pipe", "Lock"):
    program(f"size.{_make.lower()}", f"private memory of a {_make}, of 100", ("fork", "hook"), unit="B")(
        _things(_make, _resident, 100)
    )
    program(f"size.{_make.lower()}_fds", f"descriptors of a {_make}", ("fork", "hook"), unit="descriptors")(
        _things(_make, _descriptors, 100)
    )
