"""Memory that processes share: the arenas of `multiprocessing.heap` (named memory: see `posixshmem`).

All memory is shared by thread processes, so an arena is an anonymous map.
"""

from __future__ import annotations

import mmap
import os

from .._identity import MAIN
from .connection import cash, send_along

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Arena:
    """A block of memory that the heap divides; pickles by reference within the program."""

    def __init__(self, size: int, fd: int = -1) -> None:
        self.size = size
        self.fd = fd
        self.buffer = mmap.mmap(fd, size)

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild_arena, (send_along(self), self.size)


def reduce_arena(arena: Arena) -> tuple[Any, ...]:
    """Return how an arena pickles (`multiprocessing.heap.reduce_arena`)."""
    return arena.__reduce__()


def rebuild_arena(ticket: int, size: int) -> Any:
    """Return the arena that a pickle stands for: the same one."""
    return cash(ticket)


class _OsOfTheProgram:
    """`os` for `multiprocessing.heap`, which starts anew when the pid changes: here the heap is shared."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def getpid() -> int:
        """Return the pid of the program, in every thread process."""
        return MAIN.pid


os_of_the_program = _OsOfTheProgram()
