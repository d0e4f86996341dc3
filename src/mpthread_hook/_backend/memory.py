"""Memory that processes share: arenas of the heap, and named memory where the platform has none.

All memory is shared by thread processes, so an arena is an anonymous map.  `PosixSharedMemory` functions
stand in for `_posixshmem` where it is missing: a file in the temporary directory has its semantics.
"""

from __future__ import annotations

import mmap
import os
import tempfile

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



def _path(name: str) -> str:
    return os.path.join(tempfile.gettempdir(), "mpthread_shm" + name.replace("/", "_"))


def shm_open(path: str, flags: int, mode: int = 0o777) -> int:
    """Open named shared memory and return a descriptor, as `_posixshmem.shm_open` does."""
    return os.open(_path(path), flags | getattr(os, "O_CLOEXEC", 0), mode)


def shm_unlink(path: str) -> None:
    """Remove the name of shared memory, as `_posixshmem.shm_unlink` does."""
    os.unlink(_path(path))
