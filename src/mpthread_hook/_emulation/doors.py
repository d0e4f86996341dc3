"""What lies in ``sys.__dict__`` while there are thread processes: doors to the standard streams.

C code (`print`, `input`, the printing of tracebacks and warnings) looks there, whichever thread it runs in.
"""

from __future__ import annotations

from _operator import attrgetter
from _thread import _local

from .._identity import HERE, MAIN
from .descriptors import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._identity import ThreadProcess


class _Nothing:
    """Stands for a stream that is None, which C code takes for "do not print"."""

    closed = False
    encoding = errors = None

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        raise RuntimeError("sys.stderr is None")  # the words of faulthandler, the only one who tells

    def readline(self, _size: int = -1) -> str:
        raise RuntimeError("input(): lost sys.stdin")


class _Lost:
    """Stands for a stream that was deleted."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise RuntimeError(f"lost sys.{self._name}")


class _Way:
    """Where the door of one stream leads in a thread of a thread process: to whatever it is at that time."""

    __slots__ = ("_name", "_process")

    def __init__(self, process: ThreadProcess, name: str) -> None:
        self._process = process
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        try:
            stream = self._process.streams[self._name]
        except AttributeError:
            stream = _Lost(self._name)
        if stream is None:
            stream = _Nothing()
        if attribute == "fileno":
            return self._fileno
        return getattr(stream, attribute)

    def _fileno(self) -> int:
        # C code would read from and write to the real descriptor of this number.
        fd: int = self._process.streams[self._name].fileno()
        return number(self._process, fd) if 0 <= fd <= 2 else fd


#: Stands for a stream that the main program deleted.
LOST: Any = type("_Deleted", (), {})()


def _forwarded(name: str) -> Any:
    return property(attrgetter(f"target.{name}"))


class Door(_local):
    """Lies in ``sys.__dict__`` and leads each thread to the stream of its process.

    Made of C parts for the sake of the main program's `print`.
    """

    target: Any

    def __init__(self, name: str, stream: Any) -> None:
        # Runs in every thread that comes through.
        self.stream = stream
        process = HERE.process
        if process is not MAIN:
            self.target = _Way(process, name)
        elif stream is None:
            self.target = _Nothing()
        elif stream is LOST:
            self.target = _Lost(name)
        else:
            self.target = stream

    buffer = _forwarded("buffer")
    closed = _forwarded("closed")
    encoding = _forwarded("encoding")
    errors = _forwarded("errors")
    fileno = _forwarded("fileno")
    flush = _forwarded("flush")
    isatty = _forwarded("isatty")
    line_buffering = _forwarded("line_buffering")
    mode = _forwarded("mode")
    name = _forwarded("name")
    newlines = _forwarded("newlines")
    read = _forwarded("read")
    readable = _forwarded("readable")
    readline = _forwarded("readline")
    reconfigure = _forwarded("reconfigure")
    writable = _forwarded("writable")
    writelines = _forwarded("writelines")


class LiveDoor(Door):
    """A door that looks for the stream's `write` every time, since a program may have put another there."""

    write = _forwarded("write")


class QuickDoor(Door):
    """A door that keeps the stream's `write`: as fast as none at all."""

    def __init__(self, name: str, stream: Any) -> None:
        super().__init__(name, stream)
        self.write = stream.write if self.target is stream else self._write

    def _write(self, text: str) -> Any:
        return self.target.write(text)
