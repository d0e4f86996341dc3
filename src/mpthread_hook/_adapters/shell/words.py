"""Reads commands of a shell into something that can be run.

Lists with ``&&``, ``||``, ``;`` and new lines, pipelines, ``!``, groups in parentheses and braces, ``if``, ``for``,
``while`` and ``until``, assignments, quotes, backquotes and ``$(...)``, variables, ``~``, patterns, redirections and
comments.  Whatever else a shell knows raises `Unsupported`: nothing is run that was understood only in part.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"\$(?:({_NAME}|[0-9@*#?])|\{{({_NAME}|[0-9@*#?])(:?[-+])?)")
_BACKQUOTED = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
# What may follow a tilde and a name for them to be a home directory.
_AFTER_TILDE = frozenset(("", "/", " ", "\t", "\n", ";", ")", "&", "|"))
_ASSIGNMENT = re.compile(rf"{_NAME}=")
_FOR = re.compile(rf"({_NAME})(?=[\s;])")
_TILDE = re.compile(r"~[A-Za-z0-9._-]*")
_PLAIN = re.compile(r"[^\s'\"`$\\~*?\[(){}<>|&;#!]+")
# A set of characters, or the bracket that is none.
_SET = re.compile(r"\[[!^]?\]?[^\s'\"`$\\/\[\](){}<>|&;]*\]")
_BLANK = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n]*)?")
_REDIRECTION = re.compile(r"(?:2>&1|1?>&2)(?![^\s;&|)])|(?:[12]?>>?|&>>?|<)(?![<>&|(])[ \t]*")
_OTHER_STREAM = re.compile(r"[0-9]*[<>]")
#: Words that are none where a command may begin, and what ends a list that they begin.
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|for|while|until|do|done|case|esac|function|select|time|coproc|\[\[|\{|\}|!)(?=[\s;&|()]|\Z)"
)


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

    ``other`` is the word for where it has none, if the ``operator`` is ``-``, or has one, ``+``; with a colon, an
    empty value is none.
    """

    name: str
    quoted: bool
    operator: str = ""
    other: Word = ()


class Home(NamedTuple):
    """A tilde and the name behind it."""

    user: str


class Output(NamedTuple):
    """The output of a command."""

    command: Sequence[Step]
    quoted: bool


Piece = Text | Pattern | Variable | Home | Output
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


Command = Simple | Group | If | For | While


class Step(NamedTuple):
    """The commands of a pipeline, mostly one, and the operator before it: ``;``, ``&&`` or ``||``."""

    operator: str
    commands: tuple[Command, ...]
    negated: bool = False


def parse(text: str) -> tuple[Step, ...]:
    """Return the list of commands that ``text`` is; `Unsupported` if it is anything else."""
    reader = _Reader(text)
    steps = reader.steps()
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

    def _lines(self) -> None:
        while self._next("\n"):
            pass

    def _reserved(self) -> str:
        """Return the reserved word that stands here, if one does."""
        self._skip()
        match = _RESERVED.match(self.text, self.at)
        return match[1] if match is not None else ""

    def _expect(self, *words: str) -> str:
        found = self._reserved()
        if found not in words:
            raise Unsupported(self.text)
        self.at += len(found)
        return found

    def _ends(self) -> bool:
        self._skip()
        return self.at >= len(self.text) or self.text[self.at] == ")"

    def steps(self, *ends: str) -> tuple[Step, ...]:
        """Read commands up to the end, a parenthesis or one of the reserved words; these stay unread."""
        steps: list[Step] = []
        operator = ";"
        self._lines()
        while not self._ends() and not (steps and operator == ";" and self._reserved() in ends and ends):
            negated = self._reserved() == "!"
            self.at += negated
            steps.append(Step(operator, self._pipeline(), negated))
            found = self._next("&&", "||", ";", "\n")
            if found is None:
                operator = ";"
                break
            operator = ";" if found == "\n" else found
            self._lines()
        if operator != ";" or (ends and (not steps or self._reserved() not in ends)) or not (ends or self._ends()):
            raise Unsupported(self.text)
        return tuple(steps)

    def _pipeline(self) -> tuple[Command, ...]:
        commands = [self._command()]
        while self._one_bar():
            self._lines()
            commands.append(self._command())
        return tuple(commands)

    def _one_bar(self) -> bool:
        self._skip()
        found = self.text.startswith("|", self.at) and not self.text.startswith(("||", "|&"), self.at)
        self.at += found
        return found

    def _command(self) -> Command:
        if self._next("("):
            steps = self.steps()
            if not steps or not self._next(")"):
                raise Unsupported(self.text)
            return Group(steps, True, self._redirections())
        word = self._reserved()
        readers: dict[str, Callable[[str], Group | If | For | While]] = {
            "{": self._braces,
            "if": self._if,
            "for": self._for,
            "while": self._while,
            "until": self._while,
        }
        if not word:
            return self._simple()
        if word not in readers:
            raise Unsupported(self.text)
        self.at += len(word)
        command = readers[word](word)
        return command._replace(redirections=self._redirections())

    def _braces(self, _word: str) -> Group:
        steps = self.steps("}")
        self._expect("}")
        return Group(steps, False)

    def _if(self, _word: str) -> If:
        branches = []
        found = "if"
        while found != "fi":
            condition: tuple[Step, ...] = ()
            if found != "else":
                condition = self.steps("then")
                self._expect("then")
            body = self.steps(*(("fi",) if found == "else" else ("elif", "else", "fi")))
            branches.append((condition, body))
            found = self._expect("elif", "else", "fi")
        return If(tuple(branches))

    def _for(self, _word: str) -> For:
        self._skip()
        name = _FOR.match(self.text, self.at)
        if name is None:
            raise Unsupported(self.text)
        self.at = name.end()
        words: tuple[Word, ...] | None = None
        self._lines()
        if re.compile(r"in(?=[\s;])").match(self.text, self.at):
            self.at += 2
            found = []
            while not self._ends() and self.text[self.at] not in ";\n":
                if self.text[self.at] in "&|<>":
                    raise Unsupported(self.text)
                found.append(self._word())
            words = tuple(found)
        self._next(";")
        self._lines()
        return For(name[1], words, self._do())

    def _while(self, word: str) -> While:
        condition = self.steps("do")
        return While(condition, word == "while", self._do())

    def _do(self) -> tuple[Step, ...]:
        self._expect("do")
        steps = self.steps("done")
        self._expect("done")
        return steps

    def _redirections(self) -> tuple[Redirection, ...]:
        found: list[Redirection] = []
        while not self._ends() and self._redirection(found):
            pass
        if not self._ends() and self.text[self.at] not in ";\n&|":
            raise Unsupported(self.text)
        return tuple(found)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while not self._ends() and self.text[self.at] not in ";\n":
            if self._redirection(redirections):
                continue
            if self.text[self.at] in "&|":
                break
            assignment = None if words else _ASSIGNMENT.match(self.text, self.at)
            if assignment is not None:
                self.at = assignment.end()
                assignments.append((assignment[0][:-1], self._word()))
            else:
                words.append(self._word())
        if not words and not assignments:
            raise Unsupported(self.text)
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    def _redirection(self, found: list[Redirection]) -> bool:
        """Read a redirection, if one stands here."""
        match = _REDIRECTION.match(self.text, self.at)
        if match is None:
            if _OTHER_STREAM.match(self.text, self.at):
                raise Unsupported(self.text)
            return False
        self.at = match.end()
        operator = match[0].strip()
        if operator.endswith(("&1", "&2")):
            target = int(operator[-1])
            found.append(Redirection((3 - target,), target))
            return True
        word = self._word()
        if not word or any(isinstance(piece, Pattern) for piece in word):
            raise Unsupported(self.text)
        if operator == "<":
            found.append(Redirection((0,), word, "rb"))
            return True
        streams = (1, 2) if operator[0] == "&" else (2,) if operator[0] == "2" else (1,)
        found.append(Redirection(streams, word, "ab" if operator.endswith(">>") else "wb"))
        return True

    def _word(self) -> Word:
        pieces: list[Piece] = []
        tilde = _TILDE.match(self.text, self.at)
        if tilde is not None and self.text[tilde.end() : tilde.end() + 1] in _AFTER_TILDE:
            self.at = tilde.end()
            pieces.append(Home(tilde[0][1:]))
        while self.at < len(self.text) and self.text[self.at] not in " \t\n;)&|<>":
            pieces += self._pieces(self.text[self.at])
        return tuple(pieces)

    def _other(self) -> Word:
        """Read the word in the braces of an expansion; blanks are a part of it."""
        pieces: list[Piece] = []
        while self.at < len(self.text) and self.text[self.at] != "}":
            char = self.text[self.at]
            if char in "'\"\\\n":
                raise Unsupported(self.text)  # it depends on what is around the braces
            if char in " \t":
                self.at += 1
                pieces.append(Text(char))
            else:
                pieces += self._pieces(char)
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
        if char == "`" or (char == "$" and self.text[self.at + 1 : self.at + 2] not in {"", " ", "\t", "\n", "/", ";"}):
            return (self._expansion(quoted=False),)
        if char == "\\" and self.at + 1 < len(self.text):
            self.at += 2
            escaped = self.text[self.at - 1]
            return (Text(escaped),) if escaped != "\n" else ()  # or the line goes on
        return (self._special(char),)

    def _special(self, char: str) -> Piece:
        found = _SET.match(self.text, self.at) if char == "[" else None
        if found is not None:
            self.at = found.end()
            if found[0].startswith("[^"):
                raise Unsupported(self.text)  # shells disagree
            return Pattern(found[0])
        if char not in "~!#*?[]$":
            raise Unsupported(self.text)  # braces, and parentheses in the middle of a word
        self.at += 1
        return Pattern(char) if char in "*?" else Text(char)

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
                # A word that is only the parameters is as many as there are.
                return pieces[1:] if pieces[1:] == [Variable("@", True)] else pieces
            if char == "`" or (char == "$" and self.text[self.at + 1 : self.at + 2] not in {"", '"', " ", "/", "\n"}):
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
            steps = self.steps()
            if not self._next(")"):
                raise Unsupported(self.text)
            return Output(steps, quoted)
        match = _VARIABLE.match(self.text, self.at)
        if match is None:
            raise Unsupported(self.text)
        self.at = match.end()
        if match[1]:
            return Variable(match[1], quoted)
        other = self._other() if match[3] else ()
        if not self.text.startswith("}", self.at):
            raise Unsupported(self.text)
        self.at += 1
        return Variable(match[2], quoted, match[3] or "", other)
