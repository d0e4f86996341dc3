"""The commands `unzip` and `zipinfo`: what is asked for, and of which archive."""

from __future__ import annotations

import os
import re
import struct
import zipfile
from dataclasses import dataclass, field

from ..answer import Answer
from ..patterns import translate
from ..syntax import Unsupported
from . import listing
from .entries import Entry
from .extract import Extractor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from ..running import Shell

_NOT_MATCHED, _NO_ARCHIVE = 11, 9
#: The record at the end of an archive, which has the size of the directory and its place.
_END = struct.Struct("<4s4H2IH")
_TOO_LARGE = 0xFFFFFFFF
_NO_DIRECTORY = """\
  End-of-central-directory signature not found.  Either this file is not
  a zipfile, or it constitutes one disk of a multi-part archive.  In the
  latter case the central directory and zipfile comment will be found on
  the last disk(s) of this archive.
"""


@dataclass
class Options:
    """What was asked for."""

    archive: str = ""
    wanted: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    directory: str = ""
    letters: set[str] = field(default_factory=set)
    quiet: int = 0


class Output:
    """What is said, and the worst status so far."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._err: list[str] = []
        self.status = 0

    def line(self, text: str, end: str = "\n") -> None:
        """Write a line of output."""
        self._out.append(text + end)

    def error(self, text: str, status: int = 0) -> None:
        """Complain; the status is kept if it is the worst."""
        self._err.append(f"{text}\n")
        self.status = max(self.status, status)

    def answer(self) -> Answer:
        """Return all that was said."""
        return Answer(self.status, os.fsencode("".join(self._out)), os.fsencode("".join(self._err)))


def unzip(shell: Shell, arguments: list[str]) -> Answer:
    """Run ``unzip``: ``-l``, or extract with ``-o -n -q -j``; `Unsupported` for what is not known."""
    options = _parse("unzip", arguments, "lonqjd", values=True)
    if "l" in options.letters and options.letters & set("onjd"):
        raise Unsupported(" ".join(["unzip", *arguments]))
    return _with_archive(shell, "unzip", options, _list if "l" in options.letters else _extract)


def zipinfo(shell: Shell, arguments: list[str]) -> Answer:
    """Run ``zipinfo -T -s``; `Unsupported` for any other way to list."""
    options = _parse("zipinfo", arguments, "Ts", values=False)
    if options.letters != {"T", "s"}:
        raise Unsupported(" ".join(["zipinfo", *arguments]))
    return _with_archive(shell, "zipinfo", options, _describe)


def _parse(program: str, arguments: Sequence[str], known: str, *, values: bool) -> Options:
    options = Options()
    rest = list(arguments)
    names = options.wanted
    while rest:
        word = rest.pop(0)
        if word == "-x" and options.archive:
            names = options.excluded
        elif word.startswith("-d") and values and options.archive:
            options.directory = word[2:] or (rest.pop(0) if rest else "")
            if not options.directory:
                raise Unsupported(f"{program} -d")
        elif word.startswith("-") and word != "-" and not options.archive:
            if not set(word[1:]) <= set(known) - {"d"}:
                raise Unsupported(f"{program} {word}")
            options.letters.update(word[1:])
            options.quiet += word.count("q")
        elif not options.archive:
            options.archive = word
        else:
            names.append(word)
    if not options.archive or options.archive == "-":
        raise Unsupported(" ".join([program, *arguments]))
    return options


class Choice:
    """The members that were asked for, and those that were excluded."""

    def __init__(self, options: Options) -> None:
        self._wanted = [(text, re.compile(translate(text) + r"\Z")) for text in options.wanted]
        self._excluded = [(text, re.compile(translate(text) + r"\Z")) for text in options.excluded]
        self._found: set[str] = set()
        self._left_out: set[str] = set()
        self.everything = not self._wanted and not self._excluded

    def __call__(self, name: str) -> bool:
        matching = [text for text, pattern in self._wanted if pattern.match(name)]
        self._found.update(matching[:1])
        if self._wanted and not matching:
            return False
        left_out = [text for text, pattern in self._excluded if pattern.match(name)]
        self._left_out.update(left_out[:1])
        return not left_out

    def complain(self, output: Output) -> bool:
        """Say what was never seen, and return whether any of it was asked for."""
        missing = [text for text, _ in self._wanted if text not in self._found]
        for text in missing:
            output.error(f"caution: filename not matched:  {text}")
        for text, _ in self._excluded:
            if text not in self._left_out:
                output.error(f"caution: excluded filename not matched:  {text}")
        return bool(missing)


def _with_archive(
    shell: Shell,
    program: str,
    options: Options,
    function: Callable[[Shell, Options, zipfile.ZipFile, BinaryIO, Output], None],
) -> Answer:
    """Open the archive, also where its ending was left out, and do something with it."""
    output = Output()
    if {"o", "n"} <= options.letters:
        output.error("caution:  both -n and -o specified; ignoring -o")
    names = [options.archive + ending for ending in ("", ".zip", ".ZIP")]
    name = next((one for one in names if os.path.isfile(shell.path(one))), None)
    if name is None:
        output.error(f"{program}:  cannot find or open {names[0]}, {names[1]} or {names[2]}.", _NO_ARCHIVE)
        return output.answer()
    try:
        file = open(shell.path(name), "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        output.error(f"error:  cannot open zipfile [ {name} ]\n        {error.strerror}", _NO_ARCHIVE)
        return output.answer()
    with file:
        if program == "unzip" and not options.quiet:
            output.line(f"Archive:  {name}")
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            blank = " " * len(program)
            if program == "zipinfo" and not options.wanted and not options.excluded:
                output.line(f"Archive:  {name}")
            reason = _NO_DIRECTORY if "not a zip file" in str(error) else f"  {error}\n"
            output.error(
                f"{'' if program == 'unzip' and not options.quiet else f'[{name}]{chr(10)}'}{reason}"
                f"{program}:  cannot find zipfile directory in one of {names[0]} or\n"
                f"{blank}   {names[1]}, and cannot find {names[2]}, period.",
                _NO_ARCHIVE,
            )
            return output.answer()
        with archive:
            options.archive = name
            before = _bytes_before(archive, file)
            if before:
                plural = "" if before == 1 else "s"
                text = f"warning [{name}]:  {before} extra byte{plural} at beginning or within zipfile\n"
                (output.line if program == "zipinfo" else output.error)(f"{text}  (attempting to process anyway)")
                output.status = 1
            function(shell, options, archive, file, output)
    return output.answer()


def _bytes_before(archive: zipfile.ZipFile, file: BinaryIO) -> int:
    """Return how much stands in front of the archive, as it does in one that unpacks itself."""
    end = file.seek(-_END.size - len(archive.comment), os.SEEK_END)
    signature, *_, size, offset, _ = _END.unpack(file.read(_END.size))
    if signature != b"PK\5\6" or _TOO_LARGE in {size, offset}:
        return 0
    return max(0, end - int(size) - int(offset))


def _comment(options: Options, archive: zipfile.ZipFile, output: Output) -> None:
    if archive.comment and not options.quiet:
        output.line(archive.comment.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n"))


def _list(shell: Shell, options: Options, archive: zipfile.ZipFile, file: BinaryIO, output: Output) -> None:
    _comment(options, archive, output)
    choice = Choice(options)
    entries = [entry for entry in map(Entry, archive.infolist()) if choice(entry.name)]
    if not archive.infolist():
        output.error(f"warning [{options.archive}]:  zipfile is empty", 1)
        return
    for line in listing.brief(entries):
        output.line(line)
    if not entries:
        output.status = max(output.status, _NOT_MATCHED)


def _describe(shell: Shell, options: Options, archive: zipfile.ZipFile, file: BinaryIO, output: Output) -> None:
    choice = Choice(options)
    every = archive.infolist()
    if choice.everything:
        size = os.fstat(file.fileno()).st_size
        output.line(f"Archive:  {options.archive}")
        output.line(f"Zip file size: {size} bytes, number of entries: {len(every)}")
    if not every:
        output.line("Empty zipfile.")
        output.status = 1
        return
    entries = [entry for entry in map(Entry, every) if choice(entry.name)]
    for entry in entries:
        output.line(listing.full(entry))
    if choice.everything:
        output.line(listing.total(entries))
    choice.complain(output)
    if not entries:
        output.status = max(output.status, _NOT_MATCHED)


def _extract(shell: Shell, options: Options, archive: zipfile.ZipFile, file: BinaryIO, output: Output) -> None:
    _comment(options, archive, output)
    if not archive.infolist():
        output.error(f"warning [{options.archive}]:  zipfile is empty", 1)
        return
    choice = Choice(options)
    extractor = Extractor(shell, options, archive, file, output)
    if extractor.begin():
        entries = [entry for entry in map(Entry, archive.infolist()) if choice(entry.name)]
        for entry in entries:
            extractor(entry)
        extractor.finish()
        missing = choice.complain(output)
        # The first that is worse than a warning counts.
        for status in (_NOT_MATCHED if missing or not entries else 0, extractor.skipped):
            if output.status <= 1 and status:
                output.status = status
