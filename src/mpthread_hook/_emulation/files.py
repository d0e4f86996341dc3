"""Files on the virtual descriptors: what the standard streams of a thread process are made of, and `open`."""

from __future__ import annotations

import builtins
import io
import os
import sys
from _io import open as _real_open_file

from .._identity import HERE, ThreadProcess, real_dup
from . import presence
from .descriptors import (
    number,
    real_ftruncate,
    real_isatty,
    real_lseek,
    real_read,
    real_readv,
    real_write,
    resolve,
)
from .holds import given_away, held, owned_by_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


class VirtualFile(io.RawIOBase):
    """The raw file behind a standard stream of a thread process: reads and writes where its descriptor goes.

    What a dead process still writes goes nowhere, whoever flushes it.
    """

    closefd = False

    def __init__(self, process: ThreadProcess, fd: int, mode: str, name: object) -> None:
        self._process = process
        self._fd = fd
        self.mode = mode
        self.name = name

    def _real(self) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return number(self._process, self._fd)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} mode={self.mode!r} of {self._process!r}>"

    def fileno(self) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self._fd

    def isatty(self) -> bool:
        return real_isatty(self._real())

    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        return "r" not in self.mode or "+" in self.mode

    def seekable(self) -> bool:
        try:
            real_lseek(self._real(), 0, os.SEEK_CUR)
        except OSError:
            return False
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return real_lseek(self._real(), offset, whence)

    def truncate(self, size: int | None = None, /) -> int:
        size = self.tell() if size is None else size
        real_ftruncate(self._real(), size)
        return size

    def readinto(self, buffer: Any, /) -> int | None:
        if self._process.status is not None:
            return 0
        try:
            if real_readv is not None:
                return int(real_readv(self._real(), [buffer]))
            data = real_read(self._real(), len(buffer))
        except BlockingIOError:
            return None
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any, /) -> int | None:
        if self._process.status is not None:
            return memoryview(data).nbytes
        try:
            return real_write(self._real(), data)
        except BlockingIOError:
            return None


class _Open:
    """`open()`, which opens 0, 1 and 2 as the calling thread process knows them.

    An instance, because a function kept as a class attribute would turn into a method there.
    """

    __slots__ = ()
    __name__ = __qualname__ = "open"
    __module__ = "io"  # where it is found by its name, to be pickled
    __doc__ = _real_open_file.__doc__
    __text_signature__ = getattr(_real_open_file, "__text_signature__", None)

    def __call__(self, file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None,
                 errors: str | None = None, newline: str | None = None, closefd: bool = True,
                 opener: Any = None) -> Any:  # fmt: skip
        if type(file) is int:
            if file in held and closefd:
                file = given_away(file)
            elif HERE.thread is not None and 0 <= file <= 2:
                # A duplicate of what is behind: closing it must not close the number for the whole program.
                file, closefd = real_dup(resolve(file)), True
        if encoding is None and sys.flags.warn_default_encoding and "b" not in mode:
            encoding = io.text_encoding(None)  # the warning names our caller
        made = _real_open_file(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if opener is not None:
            owned_by_object(made.fileno())
        return made

    def __repr__(self) -> str:
        return repr(_real_open_file)

    def __reduce__(self) -> str:
        return "open"


open_file = _Open()


def _lay_on() -> None:
    modules: tuple[Any, ...] = (builtins, io)
    for module in modules:
        if module.open is _real_open_file:
            module.open = open_file


def _lift() -> None:
    modules: tuple[Any, ...] = (builtins, io)
    for module in modules:
        if module.open is open_file:
            module.open = _real_open_file


def install(journal: Journal) -> None:
    """Let `open` know the three while there are thread processes."""
    journal.undo(presence.during(_lay_on, _lift))
