"""What becomes of the names in an archive: chosen, transformed, stripped, and kept inside the directory."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..patterns import WILDCARDS, translate
from ..syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .report import Report


def letters(name: str) -> str:
    """Return a name with one character for each byte, as they are counted where the language has no others."""
    return os.fsencode(name).decode("latin-1")


class Pattern(NamedTuple):
    """A name that was given, and how it is meant: with wildcards, and for all that is below it."""

    text: str
    wildcards: bool
    recursion: bool

    def compiled(self, letters: Callable[[str], str], before: str = "") -> re.Pattern[str]:
        """Return what matches the names of members, with ``before`` in front of them."""
        name = letters(self.text if before else self.text.rstrip("/") or self.text)
        text = translate(name) if self.wildcards and WILDCARDS.search(name) else re.escape(name)
        return re.compile(before + text + (r"(?:/|\Z)" if self.recursion else r"\Z"), re.DOTALL)


class Choice:
    """The members that were asked for, and those that were excluded."""

    def __init__(self, wanted: Sequence[Pattern], excluded: Sequence[Pattern], *, utf8: bool) -> None:
        self._letters = str if utf8 else letters
        self._wanted = [(one.text.rstrip("/") or one.text, one.compiled(self._letters)) for one in wanted]
        self._found: set[str] = set()
        self._excluded = [one.compiled(self._letters, "(?:^|.*/)") for one in excluded]

    def __call__(self, name: str) -> bool:
        """Return whether a member takes part."""
        name = self._letters(name)
        matching = [text for text, pattern in self._wanted if pattern.match(name)]
        # Only the first that names it counts as found, as there.
        self._found.update(matching[:1])
        if self._wanted and not matching:
            return False
        return not any(pattern.match(name) for pattern in self._excluded)

    def missing(self) -> list[str]:
        """Return what was asked for and has not been seen."""
        return [name for name, _ in self._wanted if name not in self._found]


class Names:
    """Makes names of files from names of members, and of targets of links."""

    def __init__(
        self,
        report: Report,
        *,
        strip: int = 0,
        transforms: Sequence[tuple[Callable[[str], str], str]] = (),
        absolute: bool = False,
        utf8: bool = True,
    ) -> None:
        self._utf8 = utf8
        self._report = report
        self._strip = strip
        self._transforms = transforms
        self._absolute = absolute
        self._said: set[tuple[str, bool]] = set()

    def member(self, name: str) -> str:
        """Return the name of the file that a member becomes; "" if nothing is left of it."""
        return self._stripped(self._safe(self._transformed(name, "r"), target=False))

    def hard(self, name: str) -> str:
        """Return the name of the file that a hard link leads to."""
        return self._stripped(self._safe(self._transformed(name, "h"), target=True))

    def symbolic(self, name: str) -> str:
        """Return what a symbolic link holds."""
        return self._transformed(name, "s")

    def _transformed(self, name: str, kind: str) -> str:
        for function, kinds in self._transforms:
            if kind in kinds:
                name = function(name) if self._utf8 else os.fsdecode(function(letters(name)).encode("latin-1"))
        return name

    def _stripped(self, name: str) -> str:
        rest = name.lstrip("/") if self._strip else name
        for _ in range(self._strip):
            rest = rest.partition("/")[2].lstrip("/")
        return rest

    def _safe(self, name: str, *, target: bool) -> str:
        """Return a name without what leads out of the directory."""
        if self._absolute:
            return name
        end = 0
        for match in re.finditer(r"(?:^|(?<=/))\.\.(?=/|$)", name):
            end = match.end()
        rest = name[end:].lstrip("/")
        prefix = name[: len(name) - len(rest)]
        kind = "hard link targets" if target else "member names"
        if prefix and (prefix, target) not in self._said:
            self._said.add((prefix, target))
            self._report.warn(f"Removing leading `{self._report.shown(prefix)}' from {kind}")
        if not rest and not prefix:
            self._report.warn(f"Substituting `.' for empty {kind[:-1]}")
        return rest or "."


def climbs(name: str) -> bool:
    """Return whether a name has ``..`` among its parts."""
    return ".." in name.split("/")


# -- transformation ----------------------------------------------------------------------------------------

_FLAGS = re.compile(r"[gixrRsShH]*")
# Repetitions and groups, where a backslash makes an operator of the character, or takes that from it.
_BASIC = frozenset("(){}+?")
# What another dialect gives a meaning, or chooses the longest of.
_FOREIGN = frozenset("|")


def transform(expression: str) -> list[tuple[Callable[[str], str], str]]:
    """Return functions for the ``s`` commands of `sed`, and the kinds of names each is for.

    `Unsupported` for what a regular expression of Python would take otherwise.
    """
    if not expression.isascii():
        raise Unsupported(expression)
    found = []
    rest = expression
    while rest:
        if rest[0] != "s" or len(rest) < 2 or rest[1] in "\\\n":
            raise Unsupported(expression)
        part = rf"((?:[^{re.escape(rest[1])}\\]|\\.)*){re.escape(rest[1])}"
        match = re.match(part + part + r"([^;]*)(?:;|$)", rest[2:], re.DOTALL)
        if match is None or not _FLAGS.fullmatch(match[3]):
            raise Unsupported(expression)
        pattern, replacement, flags = (text.replace("\\" + rest[1], rest[1]) for text in match.groups())
        regular = re.compile(
            _regular(pattern, extended="x" in flags), re.DOTALL | (re.IGNORECASE if "i" in flags else 0)
        )
        function = _substitution(regular, _replacement(replacement), 0 if "g" in flags else 1)
        found.append((function, "".join(kind for kind in "rsh" if kind.upper() not in flags)))
        rest = rest[2 + match.end() :]
    return found


def _substitution(pattern: re.Pattern[str], replacement: str, count: int) -> Callable[[str], str]:
    return lambda name: pattern.sub(replacement, name, count)


def _regular(pattern: str, *, extended: bool) -> str:
    found = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        escaped = char == "\\"
        if escaped:
            char = pattern[at : at + 1]
            at += 1
            if not char or char.isalnum() or char in "<>`'":
                raise Unsupported(pattern)
        if char in _FOREIGN and escaped is not extended:
            raise Unsupported(pattern)
        if char == "[" and not escaped:
            match = re.compile(r"\^?\]?[^\]\[\\]*\]").match(pattern, at)
            if match is None:
                raise Unsupported(pattern)
            at = match.end()
            found.append("[" + match[0].replace("[", "\\["))
        elif char in _BASIC:
            found.append(char if escaped is not extended else re.escape(char))
        elif escaped:
            found.append(re.escape(char))
        elif char == "*" and (not found or found[-1] in {"(", "^"}):
            if extended:
                raise Unsupported(pattern)
            found.append(r"\*")
        elif char == "^" and found and not extended:
            found.append(r"\^")
        elif char == "$":
            found.append(r"\Z" if at == len(pattern) or extended else r"\$")
        else:
            found.append(char if char in ".*^" else re.escape(char))
    text = "".join(found)
    try:
        re.compile(text)
    except re.error:
        raise Unsupported(pattern) from None
    return text


def _replacement(text: str) -> str:
    found = []
    for char, escaped in re.findall(r"([^\\])|\\(.)", text, re.DOTALL):
        if char == "&":
            found.append(r"\g<0>")
        elif escaped.isdigit():
            found.append(rf"\g<{escaped}>")
        elif escaped.isalpha():
            raise Unsupported(text)
        else:
            found.append((char or escaped).replace("\\", "\\\\"))
    return "".join(found)
