"""Reads archives: one member after the other, forwards only, whatever may be wrong with them."""

from __future__ import annotations

import importlib
import io
import os
import sys
import tarfile
import zlib

from ..syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

    from .report import Fatal, Report

BLOCK = tarfile.BLOCKSIZE
#: Bytes that are held at a time.
CHUNK = 1 << 18
_HARD, _SYMBOLIC = tarfile.LNKTYPE, tarfile.SYMTYPE
_DIRECTORIES = frozenset((tarfile.DIRTYPE, b"D"))
#: Types that have no contents, whatever their size says.
KNOWN = frozenset(tarfile.SUPPORTED_TYPES) | {b"D"}
#: What a member of another type is like: an ordinary file.
LABEL = b"V"


class _Format:
    """A compression: the module and class that undo it, and what its program says of what it cannot read."""

    def __init__(self, magic: bytes, module: str, cls: str, foreign: str, cut: str, status: int = 1) -> None:
        self.magic = magic
        self.module = module
        self.cls = cls
        self.foreign = foreign
        self.cut = cut
        self.status = status


#: By the name of the program.
FORMATS = {
    "gzip": _Format(
        b"\x1f\x8b",
        "gzip",
        "GzipFile",
        "\ngzip: stdin: not in gzip format",
        "\ngzip: stdin: unexpected end of file",
    ),
    "bzip2": _Format(
        b"BZh",
        "bz2",
        "BZ2File",
        "bzip2: (stdin) is not a bzip2 file.",
        "\nbzip2: Compressed file ends unexpectedly;\n\tperhaps it is corrupted?",
        2,
    ),
    "xz": _Format(
        b"\xfd7zXZ\x00",
        "lzma",
        "LZMAFile",
        "xz: (stdin): File format not recognized",
        "xz: (stdin): Unexpected end of input",
    ),
    "zstd": _Format(
        b"\x28\xb5\x2f\xfd",
        "compression.zstd",
        "ZstdFile",
        "zstd: /*stdin*\\: unsupported format ",
        "zstd: /*stdin*\\ : Read error (39) : premature end ",
    ),
}


def _opener(name: str) -> Callable[[BinaryIO], Any]:
    """Return what undoes a compression; `Unsupported` where this Python cannot."""
    known = FORMATS[name]
    try:
        module: Any = importlib.import_module(known.module)
    except ImportError:
        raise Unsupported(name) from None
    cls: Callable[..., Any] = getattr(module, known.cls)
    return (lambda file: cls(fileobj=file)) if name == "gzip" else cls


def _errors() -> tuple[type[Exception], ...]:
    """Return what reading raises: each of the modules that are loaded may have an error of its own."""
    found = ((sys.modules.get("lzma"), "LZMAError"), (sys.modules.get("compression.zstd"), "ZstdError"))
    own = [getattr(module, name) for module, name in found if module is not None]
    return (OSError, ValueError, zlib.error, *own)


def check(name: str) -> None:
    """Raise `Unsupported` for a compression that this Python cannot undo."""
    if name:
        _opener(name)


class Stream:
    """The bytes of an archive, as a file that `tarfile` reads and that only goes forwards.

    ``compression`` is the name of a program, or "" for what the first bytes say; a `Fatal` where they are not of
    that kind.
    """

    def __init__(self, file: BinaryIO, compression: str, report: Report) -> None:
        self._report = report
        self._at = 0
        self._is_broken = False
        start = file.read(len(FORMATS["xz"].magic))
        file.seek(0)
        if not compression:
            found = (name for name, known in FORMATS.items() if start.startswith(known.magic))
            compression = next(found, "")
        self._name = compression
        if compression and not start.startswith(FORMATS[compression].magic):
            known = FORMATS[compression]
            self._break(known.foreign if start or compression == "zstd" else known.cut)
            raise self._child()
        self._file: Any = _opener(compression)(file) if compression else file

    def _child(self) -> Fatal:
        """Say that the program failed that undoes the compression, and return what is to be raised."""
        self._report.error(f"Child returned status {FORMATS[self._name].status}")
        return self._report.hopeless()

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        data = b""
        try:
            while len(data) < size and (more := self._file.read(size - len(data))):
                data += more
        except EOFError:
            self._break(FORMATS[self._name].cut)
        except _errors() as error:
            if not self._name:
                reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
                raise self._report.fatal(f"Cannot read: {reason}") from None
            self._break(f"\n{self._name}: stdin: {error}")
        self._at += len(data)
        return data

    def _break(self, text: str) -> None:
        """Go on as a program that reads what another has written until that one failed."""
        if not self._is_broken:
            self._is_broken = True
            self._report.warn(text, program="")

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> None:
        """Go forwards, or as far as there is something."""
        if not self._name:
            end = self._file.seek(0, os.SEEK_END)
            self._at = self._file.seek(min(offset, end))
            return
        while self._at < offset and self.read(min(CHUNK, offset - self._at)):
            pass

    def drain(self) -> None:
        """Read what follows the archive; a `Fatal` if it tells that the whole is broken."""
        while self._name and self.read(CHUNK):
            pass
        if self._is_broken:
            raise self._child()


class _Tape(tarfile.TarFile):
    """Knows how headers are read; the order of them, and what to make of errors, is ours."""

    def next(self) -> None:
        return None


class Member:
    """What the archive says of one file: names as they are stored, times in nanoseconds."""

    def __init__(self, info: tarfile.TarInfo) -> None:
        self.info = info
        self.type = info.type
        slash = info.name.endswith("/")
        self.is_directory = info.type in _DIRECTORIES or (info.isreg() and slash)
        self.is_file = not self.is_directory and (info.isreg() or info.type not in KNOWN)
        self.is_link = info.type == _HARD
        self.is_symlink = info.type == _SYMBOLIC
        #: As it is stored, and without the slashes at the end of a directory.
        self.stored = info.name.rstrip("/") + "/" if self.is_directory else info.name
        self.path = (info.name.rstrip("/") or info.name[:1]) if self.is_directory else info.name
        self.mode = info.mode & 0o7777
        self.size = info.size
        text = info.pax_headers.get("mtime", "") if info.pax_headers else ""
        self.has_fraction = bool(info.pax_headers)
        self.mtime = _nanoseconds(text) if text else int(info.mtime) * 10**9


def _nanoseconds(text: str) -> int:
    """Return what a number with a fraction is in billionths, exactly."""
    whole, _, fraction = text.partition(".")
    try:
        found = int(whole or "0") * 10**9
        parts = int((fraction + "0" * 9)[:9])
    except ValueError:
        return 0
    if whole.startswith("-"):
        # Towards the past, so that nothing is newer than it was.
        return found - parts - bool(fraction[9:].strip("0"))
    return found + parts


class Archive:
    """The members of an archive; ``file`` is open, and read from its start."""

    def __init__(self, file: BinaryIO, compression: str, report: Report) -> None:
        self._report = report
        self._stream = Stream(file, compression, report)
        self._tape: Any = _Tape(
            fileobj=self._stream,  # type: ignore[arg-type]
            mode="r",
            encoding="utf-8",
            errors="surrogateescape",
        )

    def __iter__(self) -> Iterator[Member]:
        """Yield the members, and report what is no member; a `Fatal` where the archive ends too early."""
        well = begun = False
        zeros = 0
        while True:
            start = self._tape.offset
            self._stream.seek(start)
            if self._stream.tell() < start:
                raise self.early()
            try:
                info = tarfile.TarInfo.fromtarfile(self._tape)
                if info.size < 0 or self._tape.offset <= start:
                    raise tarfile.InvalidHeaderError  # type: ignore[attr-defined]
            except (tarfile.EmptyHeaderError, tarfile.TruncatedHeaderError):  # type: ignore[attr-defined]
                self._end_of_file(start)
                return
            except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
                zeros += 1
                begun = True
                if zeros == 2:
                    self._stream.drain()
                    return
                self._tape.offset = start + BLOCK
                continue
            except (tarfile.HeaderError, RecursionError, ValueError, OverflowError):
                if zeros:
                    self._alone(start)
                    return
                self._bad(begun=begun, again=begun and not well)
                begun, well = True, False
                self._tape.offset = start + BLOCK
                continue
            if zeros:
                self._alone(start)
                return
            begun = well = True
            if info.type != LABEL:
                yield Member(info)

    def _end_of_file(self, start: int) -> None:
        if not start:
            self._report.error("This does not look like a tar archive")
        self._stream.drain()

    def _alone(self, start: int) -> None:
        self._report.warn(f"A lone zero block at {start // BLOCK}", kind="alone-zero-block")

    def _bad(self, *, begun: bool, again: bool) -> None:
        if not begun:
            self._report.error("This does not look like a tar archive")
        if not again:
            self._report.error("Skipping to next header")

    def early(self, *, again: bool = False) -> Fatal:
        """Say that the archive ends in the middle of a member, and return what is to be raised."""
        if again:
            self._report.error("Unexpected EOF in archive")
        return self._report.fatal("Unexpected EOF in archive")

    def chunks(self, member: Member) -> Iterator[tuple[int, bytes]]:
        """Yield the contents of a member as (place in the file, bytes); a `Fatal` if they are not all there."""
        info = member.info
        self._stream.seek(info.offset_data)
        pieces: Any = info.sparse or [(0, info.size)]
        for place, size in pieces:
            done = 0
            while done < size:
                # In whole blocks, of which the last is filled up: a part of one is as good as nothing.
                wanted = min(CHUNK, (size - done + BLOCK - 1) // BLOCK * BLOCK)
                data = self._stream.read(wanted)
                whole = len(data) // BLOCK * BLOCK
                if whole:
                    yield place + done, data[: min(whole, size - done)]
                if whole < wanted:
                    raise self.early(again=True)
                done += whole


def open_archive(name: str, stdin: bytes, path: Callable[[str], str], report: Report) -> BinaryIO:
    """Open the file of an archive, ``-`` for the input; a `Fatal` if it cannot be."""
    if name == "-":
        return io.BytesIO(stdin)
    try:
        file = open(path(name), "rb")  # noqa: SIM115 - the caller closes it
    except IsADirectoryError:
        report.error(f"{report.shown(name, ':')}: Cannot read: Is a directory")
        raise report.fatal("At beginning of tape, quitting now") from None
    except OSError as error:
        report.failed(name, "open", error)
        raise report.hopeless() from None
    if not file.seekable():
        file.close()
        raise Unsupported(f"tar -f {name}")
    return file
