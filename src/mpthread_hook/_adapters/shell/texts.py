"""Commands that read text and write what they make of it."""

from __future__ import annotations

import hashlib
import os
import re
import sys

from .answer import Answer, complaint, read_options
from .files import collate
from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .running import Shell


def _read(shell: Shell, paths: Sequence[str], name: str) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return what files hold, ``-`` and none being the input, and what there is to complain of."""
    found, errors = [], []
    for path in paths or ["-"]:
        try:
            if path == "-":
                found.append((path, shell.take_stdin()))
                continue
            with open(shell.path(path), "rb") as file:
                found.append((path, file.read()))
        except OSError as error:
            errors.append(complaint(name, error, path))
    return found, b"".join(errors)


def cat(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write what files hold, one after the other."""
    _, paths = read_options(arguments, "u")
    found, errors = _read(shell, paths, "cat")
    return Answer(1 if errors else 0, b"".join(data for _, data in found), errors)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_FORMAT = re.compile(r"%(%|-?\d*s|-?0?\d*d)|\\([ntr\\\"abfv])|([^%\\]+)")


def printf(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write a text with ``%s`` and ``%d`` filled in, again and again while there are arguments."""
    if not arguments or arguments[0].startswith("-"):
        raise Unsupported(" ".join(arguments))
    pieces = list(_FORMAT.finditer(arguments[0]))
    if "".join(piece[0] for piece in pieces) != arguments[0]:
        raise Unsupported(arguments[0])
    left = list(arguments[1:])
    text: list[str] = []
    while True:
        before = len(left)
        for piece in pieces:
            if piece[1] == "%":
                text.append("%")
            elif piece[1]:
                value = left.pop(0) if left else ""
                if piece[1].endswith("d") and not re.fullmatch(r"-?(0|[1-9]\d*)?", value):
                    raise Unsupported(value)
                text.append(f"%{piece[1]}" % (int(value or 0) if piece[1].endswith("d") else value))
            else:
                text.append(_ESCAPES[piece[2]] if piece[2] else piece[3])
        if not left or len(left) == before:
            return Answer(0, os.fsencode("".join(text)))


def _count(text: str, default: int) -> tuple[str, int]:
    match = re.fullmatch(r"([-+]?)(\d+)", text or str(default))
    if match is None:
        raise Unsupported(text)
    return match[1], int(match[2])


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of a text with their ends; the last one may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _part(
    shell: Shell,
    arguments: Sequence[str],
    name: str,
    take: Callable[[list[bytes], str, int], list[bytes]],
) -> Answer:
    if arguments and re.fullmatch(r"-\d+", arguments[0]):
        arguments = ["-n", arguments[0][1:], *arguments[1:]]
    options, paths = read_options(arguments, "", "nc")
    if len(paths) > 1 or len(options) > 1:
        raise Unsupported(" ".join(arguments))
    sign, number = _count(options.get("n") or options.get("c", ""), 10)
    found, errors = _read(shell, paths, name)
    if errors:
        return Answer(1, b"", errors)
    data = found[0][1]
    pieces = [data[at : at + 1] for at in range(len(data))] if "c" in options else _lines(data)
    return Answer(0, b"".join(take(pieces, sign, number)))


def head(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write the first lines, or with ``-c`` bytes, of a file."""

    def take(pieces: list[bytes], sign: str, number: int) -> list[bytes]:
        if sign:
            raise Unsupported(sign)
        return pieces[:number]

    return _part(shell, arguments, "head", take)


def tail(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write the last lines of a file, or with ``-n +N`` all from the Nth."""

    def take(pieces: list[bytes], sign: str, number: int) -> list[bytes]:
        return pieces[max(number - 1, 0) :] if sign == "+" else pieces[max(len(pieces) - number, 0) :]

    return _part(shell, arguments, "tail", take)


def wc(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Count lines, words or bytes of one file."""
    options, paths = read_options(arguments, "lwc")
    if len(options) != 1 or len(paths) > 1:
        raise Unsupported(" ".join(arguments))
    found, errors = _read(shell, paths, "wc")
    if errors:
        return Answer(1, b"", errors)
    data = found[0][1]
    number = data.count(b"\n") if "l" in options else len(data.split()) if "w" in options else len(data)
    text = f"{number:8d}" if sys.platform == "darwin" else str(number)
    return Answer(0, os.fsencode(" ".join((text, *paths)) + "\n"))


# What means the same to every `grep` and to `re`: plain characters, `.`, `.*`, escaped punctuation, the ends of a line.
_PATTERN = re.compile(r"\^?(?:[\w\s\-/:=,;@%&~!'\"<>#]|\.\*?|\\[.*\[\]$^/])*\$?")


def grep(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write the lines that hold a text or a simple pattern."""
    options, paths = read_options(arguments, "qcvixFEhs", "e")
    if "e" not in options:
        if not paths:
            raise Unsupported(" ".join(arguments))
        options["e"] = paths.pop(0)
    patterns = options["e"].split("\n")
    if "F" in options:
        patterns = list(map(re.escape, patterns))
    elif not all(map(_PATTERN.fullmatch, patterns)):
        raise Unsupported(options["e"])
    # Lines are text, in which a character is one and not its bytes; they come without their ends.
    form = r"\A(?:{})\Z" if "x" in options else "(?:{})"
    sought = re.compile("|".join(map(form.format, patterns)), re.IGNORECASE if "i" in options else 0)
    found, errors = _read(shell, paths, "grep")
    matched, written = False, []
    for path, data in found:
        if b"\0" in data:
            raise Unsupported(path)  # it is no text
        lines = [os.fsdecode(line.removesuffix(b"\n")) for line in _lines(data)]
        hits = [line for line in lines if (sought.search(line) is None) is ("v" in options)]
        matched |= bool(hits)
        start = f"{path}:" if len(paths) > 1 and "h" not in options else ""
        written += [f"{start}{len(hits)}"] if "c" in options else [start + line for line in hits]
    quiet = "q" in options
    status = 0 if matched and (quiet or not errors) else 2 if errors else 1
    text = "" if quiet else "".join(f"{line}\n" for line in written)
    return Answer(status, os.fsencode(text), b"" if "s" in options else errors)


def sort(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Sort lines; ``-r`` the other way round, ``-u`` each once, ``-n`` by the whole number that they begin with."""
    options, paths = read_options(arguments, "run")
    found, errors = _read(shell, paths, "sort")
    if errors:
        return Answer(2, b"", errors)
    lines = [os.fsdecode(line.removesuffix(b"\n")) for _, data in found for line in _lines(data)]
    lines = collate(shell, lines)
    if "n" in options:
        numbers = [re.match(r"[ \t]*(-?\d+)(?![\d.,])|(?=[^-\d]|$)", line) for line in lines]
        if not all(numbers) or "u" in options:
            raise Unsupported(" ".join(arguments))
        lines.sort(key=lambda line: int(match[1] or 0) if (match := re.match(r"[ \t]*(-?\d+)?", line)) else 0)
    if "u" in options:
        lines = list(dict.fromkeys(lines))
    if "r" in options:
        lines.reverse()
    return Answer(0, os.fsencode("".join(f"{line}\n" for line in lines)))


def cut(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write the fields of each line that ``-f`` names; ``-d`` says what is between them."""
    options, paths = read_options(arguments, "s", "df")
    between = os.fsencode(options.get("d", "\t"))
    ranges = [re.fullmatch(r"(\d*)(-?)(\d*)", part) for part in options.get("f", "").split(",")]
    if len(between) != 1 or not all(match and (match[1] or match[3]) for match in ranges):
        raise Unsupported(" ".join(arguments))
    wanted = [
        (int(match[1] or 1), int(match[3] or sys.maxsize) if match[2] else int(match[1])) for match in ranges if match
    ]
    found, errors = _read(shell, paths, "cut")
    written = []
    for line in (line.removesuffix(b"\n") for _, data in found for line in _lines(data)):
        fields = line.split(between)
        if len(fields) == 1:
            written += [] if "s" in options else [line]
            continue
        kept = [field for at, field in enumerate(fields, 1) if any(first <= at <= last for first, last in wanted)]
        written.append(between.join(kept))
    return Answer(1 if errors else 0, b"".join(line + b"\n" for line in written), errors)


_CLASSES = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\v\f\r",
}
_SET = re.compile(r"(\[:[a-z]+:\])|([A-Za-z0-9])-([A-Za-z0-9])|\\([ntr\\])|([^\\\[\]-])")


def _set(text: str) -> str:
    pieces = list(_SET.finditer(text))
    if "".join(piece[0] for piece in pieces) != text or not text.isascii():
        raise Unsupported(text)
    found = []
    for piece in pieces:
        if piece[1]:
            if piece[1] not in _CLASSES:
                raise Unsupported(text)
            found.append(_CLASSES[piece[1]])
        elif piece[2]:
            if piece[2] > piece[3]:
                raise Unsupported(text)
            found.append("".join(map(chr, range(ord(piece[2]), ord(piece[3]) + 1))))
        else:
            found.append(_ESCAPES[piece[4]] if piece[4] else piece[5])
    return "".join(found)


def tr(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Exchange characters of the input for others, or with ``-d`` leave them out."""
    options, sets = read_options(arguments, "d")
    if len(sets) != (1 if "d" in options else 2):
        raise Unsupported(" ".join(arguments))
    old = os.fsencode(_set(sets[0]))
    if "d" in options:
        return Answer(0, shell.take_stdin().translate(None, old))
    new = os.fsencode(_set(sets[1]))
    if not new or len(set(old)) != len(old):
        raise Unsupported(" ".join(arguments))
    new = (new + new[-1:] * len(old))[: len(old)]
    return Answer(0, shell.take_stdin().translate(bytes.maketrans(old, new)))


def tee(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Write the input to files, with ``-a`` behind what they hold, and on."""
    options, paths = read_options(arguments, "a")
    data, errors = shell.take_stdin(), []
    for path in map(shell.path, paths):
        try:
            with open(path, "ab" if "a" in options else "wb", opener=shell.open) as file:
                file.write(data)
        except OSError as error:
            errors.append(complaint("tee", error))
    return Answer(1 if errors else 0, data, b"".join(errors))


def seq(_shell: Shell, arguments: Sequence[str]) -> Answer:
    """Count, from 1 or the first number to the last, by 1 or what is between them."""
    if not 1 <= len(arguments) <= 3 or not all(re.fullmatch(r"-?(0|[1-9]\d*)", word) for word in arguments):
        raise Unsupported(" ".join(arguments))
    numbers = list(map(int, arguments))
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    if not step:
        raise Unsupported(" ".join(arguments))
    last = numbers[-1] + (1 if step > 0 else -1)
    return Answer(0, os.fsencode("".join(f"{number}\n" for number in range(first, last, step))))


def _digest(algorithm: str) -> Callable[[Shell, Sequence[str]], Answer]:
    def digest(shell: Shell, arguments: Sequence[str]) -> Answer:
        _, paths = read_options(arguments, "")
        found, errors = _read(shell, paths, f"{algorithm}sum")
        if any(re.search(r"[\\\n\r]", path) for path, _ in found):
            raise Unsupported(" ".join(arguments))  # such names are written in another way
        lines = [f"{hashlib.new(algorithm, data).hexdigest()}  {path}\n" for path, data in found]
        return Answer(1 if errors else 0, os.fsencode("".join(lines)), errors)

    return digest


#: Commands that write what a file can be told by.
DIGESTS = {f"{name}sum": _digest(name) for name in ("md5", "sha1", "sha256", "sha512")}
