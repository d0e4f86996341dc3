"""Reads commands of a shell into something that can be run.

Lists with ``&&``, ``||``, ``;`` and new lines, pipelines, ``!``, groups in parentheses and braces, ``if``, ``case``,
``for``, ``while`` and ``until``, functions, assignments, quotes, backquotes and ``$(...)``, variables and arithmetic,
``~``, patterns, redirections, documents that stand with a command (``<<``), and comments.  Whatever else a shell knows
raises `Unsupported`: nothing is run that was understood only in part.
"""

from __future__ import annotations

import re

from .syntax import (
    HERE,
    LENGTH,
    Arithmetic,
    Case,
    Compound,
    For,
    Function,
    Group,
    Home,
    If,
    Output,
    Pattern,
    Redirection,
    Simple,
    Step,
    Text,
    Unsupported,
    Variable,
    While,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .syntax import Command, Piece, Word

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"\$(?:({_NAME}|[0-9@*#?])|\{{({_NAME}|[0-9@*#?])(:?[-+=]|%%?|##?)?)")
_LENGTH = re.compile(rf"\$\{{#({_NAME}|[0-9])\}}")
_BACKQUOTED = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
# What may follow a tilde and a name for them to be a home directory.
_AFTER_TILDE = frozenset(("", "/", " ", "\t", "\n", ";", ")", "&", "|"))
_ASSIGNMENT = re.compile(rf"{_NAME}=")
_FUNCTION = re.compile(rf"({_NAME})[ \t]*\([ \t]*\)")
_FOR = re.compile(rf"({_NAME})(?=[\s;])")
_TILDE = re.compile(r"~[A-Za-z0-9._-]*")
_PLAIN = re.compile(r"[^\s'\"`$\\~*?\[(){}<>|&;#!]+")
# A set of characters, or the bracket that is none.
_SET = re.compile(r"\[[!^]?\]?[^\s'\"`$\\/\[\](){}<>|&;]*\]")
# What some shells make several words of: a comma or two dots behind a brace.
_ALTERNATIVES = re.compile(r"\{[^\s;&|]*(?:,|\.\.)")
# One with a class of characters, or what is like one.
_CLASS = re.compile(r"\[[!^]?\[[:.=]")
_BLANK = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n]*)?")
_REDIRECTION = re.compile(r"(?:2>&1|1?>&2)(?![^\s;&|)])|(?:[12]?>>?|&>>?|<)(?![<>&|(])[ \t]*")
_DOCUMENT = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]*)'|\"([^\"\n$`\\]*)\"|(\\?)([A-Za-z0-9_.+-]+))(?=[\s;&|()<>])")
_OTHER_STREAM = re.compile(r"[0-9]*[<>]")
#: Words that are none where a command may begin, and what ends a list that they begin.
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|for|while|until|do|done|case|esac|function|select|time|coproc|\[\[|\{|\}|!)(?=[\s;&|()]|\Z)"
)


def parse(text: str) -> tuple[Step, ...]:
    """Return the list of commands that ``text`` is; `Unsupported` if it is anything else."""
    reader = _Reader(text)
    steps = reader.steps()
    if reader.at < len(text) or reader.documents:
        raise Unsupported(text)
    return steps


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        #: Where reading goes on behind documents, by the end of the line that they stand behind.
        self.documents: dict[int, int] = {}

    def _skip(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _next(self, *tokens: str) -> str | None:
        self._skip()
        for token in tokens:
            if self.text.startswith(token, self.at):
                self.at += len(token)
                if token == "\n":
                    self.at = self.documents.pop(self.at - 1, self.at)
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

    def _at(self, ends: Sequence[str]) -> bool:
        """Return whether one of the words stands here that end a list."""
        return bool(ends) and (self._reserved() in ends or (";;" in ends and self.text.startswith(";;", self.at)))

    def _ends(self) -> bool:
        self._skip()
        return self.at >= len(self.text) or self.text[self.at] == ")"

    def steps(self, *ends: str) -> tuple[Step, ...]:
        """Read commands up to the end, a parenthesis or one of the words that end a list; these stay unread.

        There is at least one, but in a branch of ``case``.
        """
        steps: list[Step] = []
        operator = ";"
        empty = ";;" in ends
        self._lines()
        while not self._ends() and not ((steps or empty) and operator == ";" and self._at(ends)):
            negated = self._reserved() == "!"
            self.at += negated
            steps.append(Step(operator, self._pipeline(), negated))
            found = None if self._at((";;",)) else self._next("&&", "||", ";", "\n")
            if found is None:
                operator = ";"
                break
            operator = ";" if found == "\n" else found
            self._lines()
        if operator != ";" or (ends and not ((steps or empty) and self._at(ends))) or not (ends or self._ends()):
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
        function = None if word else _FUNCTION.match(self.text, self.at)
        if function is not None:
            return self._function(function)
        readers: dict[str, Callable[[str], Compound]] = {
            "{": self._braces,
            "case": self._case,
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

    def _function(self, match: re.Match[str]) -> Function:
        self.at = match.end()
        self._lines()
        body = self._command()
        if isinstance(body, (Simple, Function)):
            raise Unsupported(self.text)
        return Function(match[1], body)

    def _case(self, _word: str) -> Case:
        self._skip()
        word = self._word()
        self._lines()
        if not self._keyword("in"):
            raise Unsupported(self.text)
        self._lines()
        branches = []
        while word and self._reserved() != "esac":
            self._next("(")
            patterns: list[Word] = []
            while not patterns or self._one_bar():
                self._skip()
                patterns.append(self._word())
            if not all(patterns) or not self._next(")"):
                raise Unsupported(self.text)
            branches.append((tuple(patterns), self.steps(";;", "esac")))
            if not self._next(";;"):
                break
            self._lines()
        self._expect("esac")
        return Case(word, tuple(branches))

    def _keyword(self, word: str) -> bool:
        """Read a word that is reserved in this place only, if it stands here; returns whether it does."""
        found = re.compile(rf"{word}(?=[\s;])").match(self.text, self.at) is not None
        self.at += len(word) * found
        return found

    def _for(self, _word: str) -> For:
        self._skip()
        name = _FOR.match(self.text, self.at)
        if name is None:
            raise Unsupported(self.text)
        self.at = name.end()
        words: tuple[Word, ...] | None = None
        self._lines()
        if self._keyword("in"):
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
        document = _DOCUMENT.match(self.text, self.at)
        if document is not None:
            self.at = document.end()
            found.append(Redirection((0,), self._document(document), HERE))
            return True
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

    def _document(self, match: re.Match[str]) -> Word:
        """Read the document that stands behind this line, or behind one that stands there already."""
        tabs, single, double, escaped, plain = match.groups()
        end = next(word for word in (single, double, plain) if word is not None)
        line_end = self.text.find("\n", self.at)
        at = self.documents.get(line_end, line_end + 1)
        lines: list[str] = []
        while line_end >= 0 and at < len(self.text):
            line, _, _ = self.text[at:].partition("\n")
            at += len(line) + 1
            line = line.lstrip("\t") if tabs else line
            if line == end:
                self.documents[line_end] = min(at, len(self.text))
                text = "".join(f"{line}\n" for line in lines)
                return (Text(text),) if plain is None or escaped else tuple(_Reader(text)._quoted(""))
            lines.append(line)
        raise Unsupported(self.text)

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
        if char == "[" and _CLASS.match(self.text, self.at):
            raise Unsupported(self.text)
        found = _SET.match(self.text, self.at) if char == "[" else None
        if found is not None:
            self.at = found.end()
            if found[0].startswith("[^"):
                raise Unsupported(self.text)  # shells disagree
            return Pattern(found[0])
        if char in "{}" and not _ALTERNATIVES.match(self.text, self.at):
            self.at += 1
            return Text(char)
        if char not in "~!#*?[]$":
            raise Unsupported(self.text)  # alternatives in braces, and parentheses in the middle of a word
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
        self.at += 1
        pieces = self._quoted('"')
        self.at += 1
        # A word that is only the parameters is as many as there are.
        return pieces[1:] if pieces[1:] == [Variable("@", True)] else pieces

    def _quoted(self, end: str) -> list[Piece]:
        """Read up to a quote, which stays unread, or up to the end of the text."""
        pieces: list[Piece] = [Text("")]
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == end:
                return pieces
            if char == "`" or (char == "$" and self.text[self.at + 1 : self.at + 2] not in {"", '"', " ", "/", "\n"}):
                pieces.append(self._expansion(quoted=True))
                continue
            if self.text.startswith("\\\n", self.at):
                self.at += 2
                continue
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in {end, "\\", "$", "`"} - {""}:
                self.at += 1
            pieces.append(Text(self.text[self.at]))
            self.at += 1
        if end:
            raise Unsupported(self.text)
        return pieces

    def _expansion(self, *, quoted: bool) -> Piece:
        if self.text[self.at] == "`":
            match = _BACKQUOTED.match(self.text, self.at)
            if match is None:
                raise Unsupported(self.text)
            self.at = match.end()
            return Output(parse(re.sub(r"\\([`\\$])", r"\1", match[1])), quoted)
        if self.text.startswith("$((", self.at):
            return Arithmetic(self._arithmetic())
        if self.text.startswith("$(", self.at):
            self.at += 2
            steps = self.steps()
            if not self._next(")"):
                raise Unsupported(self.text)
            return Output(steps, quoted)
        length = _LENGTH.match(self.text, self.at)
        if length is not None:
            self.at = length.end()
            return Variable(length[1], quoted, LENGTH)
        match = _VARIABLE.match(self.text, self.at)
        if match is None or (match[3] and match[2] in "@*#?" and match[3][-1] not in "-+"):
            raise Unsupported(self.text)
        self.at = match.end()
        if match[1]:
            return Variable(match[1], quoted)
        other = self._other() if match[3] else ()
        if not self.text.startswith("}", self.at):
            raise Unsupported(self.text)
        self.at += 1
        return Variable(match[2], quoted, match[3] or "", other)

    def _arithmetic(self) -> Word:
        start = self.at = self.at + 3
        depth = 0
        while self.at < len(self.text) and (depth or self.text[self.at] != ")"):
            depth += {"(": 1, ")": -1}.get(self.text[self.at], 0)
            self.at += 1
        text = self.text[start : self.at]
        if not self.text.startswith("))", self.at) or re.search(r"['\"\\]", text):
            raise Unsupported(self.text)  # a group in a $(...) among others
        self.at += 2
        return tuple(_Reader(text)._quoted(""))
