"""Shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import FULL, PROCESSES, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World


@program("value.add", "Value, add under its lock", PROCESSES)
def value_add(world: World) -> Iterator[Callable[[int], Any]]:
    value = world.Value("i", 0)

    def run(number: int) -> None:
        for _ in range(number):
            with value.get_lock():
                value.value += 1

    yield run


@program("array.access", "Array, set and get an item", FULL)
def array_access(world: World) -> Iterator[Callable[[int], Any]]:
    array = world.Array("i", range(16))

    def run(number: int) -> None:
        for _ in range(number):
            array[3] = array[4]

    yield run


@program("rawarray.access", "RawArray, set and get an item", PROCESSES)
def rawarray_access(world: World) -> Iterator[Callable[[int], Any]]:
    array = world.RawArray("i", range(16))

    def run(number: int) -> None:
        for _ in range(number):
            array[3] = array[4]

    yield run
