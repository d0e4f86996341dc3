"""Memory that processes share: the arenas of `multiprocessing.heap` (named memory: see `posixshmem`).

All memory is shared by thread processes, so an arena is an anonymous map.
"""

from __future__ import annotations

import functools
import mmap
import os
import weakref

from .._identity import HERE, MAIN
from .pipe import Hold, cash, send_along

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
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


class _Mapping:
    """The mapping of one `SharedMemory` object, which each process closes for itself."""

    def __init__(self, close: Callable[[], object]) -> None:
        self.open = 0
        self._close = close

    def last_out(self) -> None:
        """Unmap it."""
        try:
            self._close()
        except BufferError:  # a view is still in use: as in the stdlib, whoever has it keeps it
            pass


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.shared_memory`: an inherited object is closed by each process for itself.

    After a fork each process has a mapping of its own; here the object and its mapping are one.
    """
    served: Any = module
    cls = served.SharedMemory
    stock_init, stock_close = cls.__init__, cls.close

    @functools.wraps(stock_init)
    def __init__(self: Any, name: Any = None, create: Any = False, *args: Any, **kwargs: Any) -> None:
        stock_init(self, name, create, *args, **kwargs)
        myself = weakref.ref(self)
        self._hold = Hold(_Mapping(lambda: stock_close(myself()) if myself() is not None else None))
        self._hold.common = not create

    def close(self: Any) -> None:
        """Close the calling process's access to the memory, which stays until `unlink`."""
        hold = self.__dict__.get("_hold")
        if hold is None or hold.holders <= {HERE.process}:
            stock_close(self)  # the last one sees the BufferError of a view that is still in use
        if hold is not None:
            hold.drop(HERE.process)

    def __del__(self: Any) -> None:
        try:
            stock_close(self)
        except (OSError, BufferError):
            pass
        hold = self.__dict__.get("_hold")
        if hold is not None:
            hold.drop_all()

    def buf(self: Any) -> Any:
        """Return a memoryview of the memory; None once the calling process has closed it."""
        hold = self.__dict__.get("_hold")
        return self._buf if hold is None or hold.admit(HERE.process) else None

    cls.__init__, cls.close, cls.__del__, cls.buf = __init__, close, __del__, property(buf)
