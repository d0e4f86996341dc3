"""What a command answers, what is raised for one that cannot, and how commands read their options."""

from __future__ import annotations

import os
from typing import NamedTuple

from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: The status of a command that is not there.
NOT_FOUND = 127


class Answer(NamedTuple):
    """What a command wrote and its exit status."""

    status: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


class CannotStart(Exception):
    """The command needs a program; ``program`` is its name."""

    def __init__(self, program: str) -> None:
        super().__init__(program)
        self.program = program


def complaint(name: str, error: OSError, path: str = "") -> bytes:
    """Return what a command says of an error of the system; ``path`` is how its user calls the file."""
    path = path or error.filename
    where = f": {path}" if path else ""
    return os.fsencode(f"{name}{where}: {error.strerror}\n")


def each(name: str, paths: Iterable[str], function: Callable[[str], object], status: int = 1) -> Answer:
    """Do something with every path, also after one that fails, as the commands do; ``status`` is that of a failure."""
    errors = []
    for path in paths:
        try:
            function(path)
        except OSError as error:
            errors.append(complaint(name, error))
    return Answer(status if errors else 0, b"", b"".join(errors))


def read_options(arguments: Sequence[str], known: str, valued: str = "") -> tuple[dict[str, str], list[str]]:
    """Take the options off, by letter.

    Those of ``valued`` have a value, or several, a line each; the others an empty one.  `Unsupported` for one that
    is not known, and for one behind an operand: there systems disagree.
    """
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            return options, rest
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not rest:
                    raise Unsupported(word)
                value = letters or rest.pop(0)
                options[letter] = f"{options[letter]}\n{value}" if letter in options else value
                break
            if letter not in known:
                raise Unsupported(word)
            options[letter] = ""
    if any(word.startswith("-") and word != "-" for word in rest):
        raise Unsupported(" ".join(rest))
    return options, rest
