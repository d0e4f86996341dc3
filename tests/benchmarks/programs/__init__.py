"""The programs that are timed: one text each, run in every world that has what it uses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World

#: Worlds that have processes, with signals and all.
PROCESSES = ("fork", "spawn", "hook")
#: Worlds with the whole of multiprocessing's names.
FULL = ("fork", "spawn", "dummy", "hook")
ALL = ("raw", "pickle", "fork", "spawn", "dummy", "hook")

MODULES = ("starting", "locking", "passing", "pooling", "sharing", "plain", "sizes")


class Program(NamedTuple):
    """A program: a generator that prepares, yields what is timed, and cleans up."""

    name: str
    text: str
    worlds: tuple[str, ...]
    pinned: bool
    unit: str
    alone: bool
    make: Callable[[World], Iterator[Callable[[int], Any]]]


#: Second parts of the names of programs with one thread.
_ALONE = frozenset(
    (
        *("pair", "with", "make", "alone", "add", "access", "wait"),
        *("getpid", "print", "environ", "current", "open", "write", "stat", "getcwd"),
    )
)

REGISTRY: dict[str, Program] = {}


def program(
    name: str, text: str, worlds: tuple[str, ...] = ALL, *, pinned: bool = False, unit: str = "s"
) -> Callable[[Any], Any]:
    """Register a program.

    What it yields is called with a number of repetitions and either is timed, or returns what it measured
    itself for one repetition (a number in ``unit``, or None to be timed).
    """

    def register(function: Any) -> Any:
        alone = name.partition(".")[2].partition("_")[0] in _ALONE
        REGISTRY[name] = Program(name, text, worlds, pinned, unit, alone, function)
        return function

    return register


def load() -> dict[str, Program]:
    """Import all programs."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
    return REGISTRY
