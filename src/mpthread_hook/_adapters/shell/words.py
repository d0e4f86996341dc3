"""Reads the few forms of shell command that Ansible's action plugins send, into something that can be run.

Lists with ``&&``, ``||``, ``;`` and new lines, pipelines, groups in parentheses, assignments, quotes, backquotes and
``$(...)``, variables, ``~``, and redirections.  Whatever else a shell knows raises
`Unsupported`: nothing is run that was understood only in part.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_BACKQUOTED = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
# The command `[`, which is the one place where the character is not a pattern.
_BRACKET = re.compile(r"(?<![^\s;&|(])\[(?=\s)")
# What may follow a tilde and a name for them to be a home directory.
_AFTER_TILDE = frozenset(("", "/", " ", "\t", "\n", ";", ")", "&", "|"))
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_TILDE = re.compile(r"~[A-Za-z0-9._-]*")
_PLAIN = re.compile(r"[^\s'\"`$\\~*?\[(){}<>|&;#!]+")
_BLANK = re.compile(r"(?:[ \t]|\\\n)*")
_REDIRECTION = re.compile(r"(?:2>&1|1?>&2)(?![^\s;&|)])|(?:[12]?>>?|&>>?|<)(?![<>&|(])[ \t]*")

_OTHER_STREAM = re.compile(r"[0-9]*[<>]")


class Unsupported(Exception):
    """The command is none of the forms that can be answered."""


class Text(NamedTuple):
    """A piece of a word as it stands; ``quoted`` text is never split."""

    text: str
    quoted: bool = True


class Variable(NamedTuple):
    """The value of a variable."""

    name: str
    quoted: bool


class Home(NamedTuple):
    """A tilde and the name behind it."""

    user: str


class Output(NamedTuple):
    """The output of a command."""

    command: Sequence[Step]
    quoted: bool


Piece = Text | Variable | Home | Output
Word = tuple[Piece, ...]


class Redirection(NamedTuple):
    """Where streams of a command lead: to the file that ``target`` names, or where another stream leads now.

    ``mode`` is that of `open`: "rb", "wb" or "ab".
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
    """A list in a subshell."""

    steps: Sequence[Step]


class Step(NamedTuple):
    """The commands of a pipeline, mostly one, and the operator before it: ``;``, ``&&`` or ``||``."""

    operator: str
    commands: tuple[Simple | Group, ...]


def parse(text: str) -> tuple[Step, ...]:
    """Return the list of commands that ``text`` is; `Unsupported` if it is anything else."""
    reader = _Reader(text)
    steps = reader.list("")
    if reader.at < len(text):
        raise Unsupported(text)
    return steps


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def _skip(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _next(self, *tokens: str) -> str | None:
        self._skip()
        for token in tokens:
            if self.text.startswith(token, self.at):
                self.at += len(token)
                return token
        return None

    def _ends(self, end: str) -> bool:
        self._skip()
        return self.at >= len(self.text) or (bool(end) and self.text.startswith(end, self.at))

    def list(self, end: str) -> tuple[Step, ...]:
        """Read commands up to ``end``, which stays unread."""
        steps: list[Step] = []
        operator = ";"
        while self._next("\n"):
            pass
        while not self._ends(end):
            steps.append(Step(operator, self._pipeline(end)))
            found = self._next("&&", "||", ";", "\n")
            if found is None:
                break
            operator = ";" if found == "\n" else found
            while self._next("\n"):
                pass
        else:
            if operator != ";":
                raise Unsupported(self.text)
        if not self._ends(end):
            raise Unsupported(self.text)
        return tuple(steps)

    def _pipeline(self, end: str) -> tuple[Simple | Group, ...]:
        commands = [self._command(end)]
        while self._one_bar():
            while self._next("\n"):
                pass
            commands.append(self._command(end))
        return tuple(commands)

    def _one_bar(self) -> bool:
        self._skip()
        found = self.text.startswith("|", self.at) and not self.text.startswith(("||", "|&"), self.at)
        self.at += found
        return found

    def _command(self, end: str) -> Simple | Group:
        if self._next("("):
            steps = self.list(")")
            if not self._next(")"):
                raise Unsupported(self.text)
            return Group(steps)
        return self._simple(end)

    def _simple(self, end: str) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while not self._ends(end) and self.text[self.at] not in ";\n)":
            redirection = _REDIRECTION.match(self.text, self.at)
            if redirection is not None:
                self.at = redirection.end()
                redirections.append(self._redirection(redirection[0].strip()))
                continue
            if self.text[self.at] in "&|":
                break
            if _OTHER_STREAM.match(self.text, self.at):
                raise Unsupported(self.text)
            assignment = None if words else _ASSIGNMENT.match(self.text, self.at)
            if assignment is not None:
                self.at = assignment.end()
                assignments.append((assignment[0][:-1], self._word()))
            else:
                words.append(self._word())
        if not words and not assignments:
            raise Unsupported(self.text)
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    def _redirection(self, operator: str) -> Redirection:
        if operator.endswith(("&1", "&2")):
            target = int(operator[-1])
            return Redirection((3 - target,), target)
        word = self._word()
        if not word:
            raise Unsupported(self.text)
        if operator == "<":
            return Redirection((0,), word, "rb")
        streams = (1, 2) if operator[0] == "&" else (2,) if operator[0] == "2" else (1,)
        return Redirection(streams, word, "ab" if operator.endswith(">>") else "wb")

    def _word(self) -> Word:
        pieces: list[Piece] = []
        tilde = _TILDE.match(self.text, self.at)
        if tilde is not None and self.text[tilde.end() : tilde.end() + 1] in _AFTER_TILDE:
            self.at = tilde.end()
            pieces.append(Home(tilde[0][1:]))
        while self.at < len(self.text) and self.text[self.at] not in " \t\n;)&|<>":
            pieces += self._pieces(self.text[self.at])
        return tuple(pieces)

    def _pieces(self, char: str) -> Sequence[Piece]:
        plain = _PLAIN.match(self.text, self.at)
        if plain is not None:
            self.at = plain.end()
            return (Text(plain[0]),)
        if char == "'":
            return (Text(self._until("'")),)
        if char == '"':
            return self._double_quoted()
        if char in "`$":
            return (self._expansion(quoted=False),)
        if char == "\\" and self.at + 1 < len(self.text):
            self.at += 2
            escaped = self.text[self.at - 1]
            return (Text(escaped),) if escaped != "\n" else ()  # or the line goes on
        if char in "~!" or (char == "[" and _BRACKET.match(self.text, self.at)):
            self.at += 1
            return (Text(char),)
        raise Unsupported(self.text)  # globs, braces, comments, groups in the middle of a word

    def _until(self, quote: str) -> str:
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise Unsupported(self.text)
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double_quoted(self) -> Sequence[Piece]:
        pieces: list[Piece] = [Text("")]
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return pieces
            if char in "`$":
                pieces.append(self._expansion(quoted=True))
                continue
            if self.text.startswith("\\\n", self.at):
                self.at += 2
                continue
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in {'"', "\\", "$", "`"}:
                self.at += 1
            pieces.append(Text(self.text[self.at]))
            self.at += 1
        raise Unsupported(self.text)

    def _expansion(self, *, quoted: bool) -> Piece:
        if self.text[self.at] == "`":
            match = _BACKQUOTED.match(self.text, self.at)
            if match is None:
                raise Unsupported(self.text)
            self.at = match.end()
            return Output(parse(re.sub(r"\\([`\\$])", r"\1", match[1])), quoted)
        if self.text.startswith("$(", self.at) and not self.text.startswith("$((", self.at):
            self.at += 2
            steps = self.list(")")
            if not self._next(")"):
                raise Unsupported(self.text)
            return Output(steps, quoted)
        match = _VARIABLE.match(self.text, self.at)
        if match is None:
            raise Unsupported(self.text)
        self.at = match.end()
        return Variable(match[1] or match[2], quoted)
