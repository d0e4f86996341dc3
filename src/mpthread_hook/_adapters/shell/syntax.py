"""What commands of a shell are made of, once they are read."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Unsupported(Exception):
    """The command is none of the forms that can be answered."""


class Text(NamedTuple):
    """A piece of a word as it stands."""

    text: str


class Pattern(NamedTuple):
    """A piece of a word that may stand for parts of names of files: ``*``, ``?`` or a set."""

    text: str


class Variable(NamedTuple):
    """The value of a variable or of a parameter.

    ``other`` is the word for where it has none, if the ``operator`` is ``-``, which it has then, ``=``, or for where it
    has one, ``+``; with a colon, an empty value is none.  It is a pattern for what is left out at the end, ``%``, or at
    the start, ``#``; doubled, as much of it as there may be.  The operator may also be `LENGTH`.
    """

    name: str
    quoted: bool
    operator: str = ""
    other: Word = ()


#: The operator that asks how many characters a value has.
LENGTH = "length"


class Home(NamedTuple):
    """A tilde and the name behind it."""

    user: str


class Output(NamedTuple):
    """The output of a command."""

    command: Sequence[Step]
    quoted: bool


class Arithmetic(NamedTuple):
    """What an expression comes to; a number needs no quotes."""

    expression: Word
    quoted: bool = True


Piece = Text | Pattern | Variable | Home | Output | Arithmetic
Word = tuple[Piece, ...]


#: The mode of a document that stands with the command.
HERE = "here"


class Redirection(NamedTuple):
    """Where streams of a command lead: to the file that ``target`` names, or where another stream leads now.

    ``mode`` is that of `open`, "rb", "wb" or "ab"; or `HERE`, and ``target`` is the text itself.
    """

    streams: tuple[int, ...]
    target: Word | int
    mode: str = "wb"


class Simple(NamedTuple):
    """One command, and its redirections from left to right."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]


class Group(NamedTuple):
    """A list, in a subshell or in this shell."""

    steps: Sequence[Step]
    subshell: bool
    redirections: tuple[Redirection, ...] = ()


class If(NamedTuple):
    """Lists of which the first is run whose condition holds; the last one may have an empty one, which does."""

    branches: tuple[tuple[Sequence[Step], Sequence[Step]], ...]
    redirections: tuple[Redirection, ...] = ()


class For(NamedTuple):
    """A list that is run for each word; ``words`` is None for the parameters."""

    name: str
    words: tuple[Word, ...] | None
    steps: Sequence[Step]
    redirections: tuple[Redirection, ...] = ()


class While(NamedTuple):
    """A list that is run as long as the status of another one is zero, or is not."""

    condition: Sequence[Step]
    zero: bool
    steps: Sequence[Step]
    redirections: tuple[Redirection, ...] = ()


class Case(NamedTuple):
    """Lists of which the first is run that has a pattern which the word matches."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence[Step]], ...]
    redirections: tuple[Redirection, ...] = ()


class Function(NamedTuple):
    """A command that gets a name."""

    name: str
    body: Compound


Compound = Group | If | For | While | Case
Command = Simple | Compound | Function


class Step(NamedTuple):
    """The commands of a pipeline, mostly one, and the operator before it: ``;``, ``&&`` or ``||``."""

    operator: str
    commands: tuple[Command, ...]
    negated: bool = False


def walk(steps: Sequence[Step]) -> Iterator[Simple | Function]:
    """Return the commands of a list that are not made of lists, however deep they are in it."""
    for command in (command for step in steps for command in step.commands):
        yield from _inside(command)


def _inside(command: Command) -> Iterator[Simple | Function]:
    if isinstance(command, Simple):
        yield command
    elif isinstance(command, Function):
        yield command
        yield from _inside(command.body)
    elif isinstance(command, (If, Case)):
        for condition, body in command.branches:
            if isinstance(command, If):
                yield from walk(condition)  # type: ignore[arg-type]
            yield from walk(body)
    else:
        if isinstance(command, While):
            yield from walk(command.condition)
        yield from walk(command.steps)
