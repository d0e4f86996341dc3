"""`expr` as far as it calculates, compares, and asks for the length of a text."""

from __future__ import annotations

import os
import re

from .answer import Answer
from .arithmetic import quotient, remainder
from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INTEGER = re.compile(r"-?[0-9]+")
_KEYWORDS = frozenset(("match", "substr", "index"))
_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "=": int.__eq__,
    "==": int.__eq__,
    "!=": int.__ne__,
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}
_SUMS: Mapping[str, Callable[[int, int], int]] = {"+": int.__add__, "-": int.__sub__}
_PRODUCTS: Mapping[str, Callable[[int, int], int]] = {"*": int.__mul__, "/": quotient, "%": remainder}
_FAILED = 2


class _Wrong(Exception):
    """The operands are none for their operator."""


def expr(arguments: Sequence[str]) -> Answer:
    """Print what the words come to; the status is 1 if that is nothing or zero, 2 if they come to nothing."""
    reader = _Reader(arguments)
    try:
        value = reader.either()
    except ZeroDivisionError:
        return Answer(_FAILED, b"", b"expr: division by zero\n")
    except _Wrong as error:
        return Answer(_FAILED, b"", f"expr: {error}\n".encode())
    if reader.rest:
        raise Unsupported(" ".join(arguments))
    return Answer(0 if _holds(value) else 1, os.fsencode(f"{value}\n"))


def _holds(value: str) -> bool:
    return value != "" and not re.fullmatch("-?0+", value)


class _Reader:
    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.rest = list(words)

    def _next(self, operators: Sequence[str] | Mapping[str, object]) -> str:
        return self.rest.pop(0) if self.rest and self.rest[0] in operators else ""

    def either(self) -> str:
        """Read an expression, and return what it comes to."""
        value = self._both()
        while self._next("|"):
            other = self._both()
            value = value if _holds(value) else other or "0"
        return value

    def _both(self) -> str:
        value = self._comparison()
        while self._next("&"):
            other = self._comparison()
            value = value if _holds(value) and _holds(other) else "0"
        return value

    def _comparison(self) -> str:
        value = self._sum()
        while operator := self._next(_COMPARISONS):
            other = self._sum()
            if _INTEGER.fullmatch(value) and _INTEGER.fullmatch(other):
                found = _COMPARISONS[operator](int(value), int(other))
            elif operator[0] in "=!":
                found = (value == other) is (operator[0] == "=")
            else:
                raise Unsupported(" ".join(self.words))  # the order of texts is that of a locale
            value = str(int(found))
        return value

    def _sum(self) -> str:
        value = self._product()
        while operator := self._next(_SUMS):
            value = self._number(_SUMS[operator], value, self._product())
        return value

    def _product(self) -> str:
        value = self._operand()
        while operator := self._next(_PRODUCTS):
            value = self._number(_PRODUCTS[operator], value, self._operand())
        return value

    @staticmethod
    def _number(function: Callable[[int, int], int], one: str, two: str) -> str:
        if not (_INTEGER.fullmatch(one) and _INTEGER.fullmatch(two)):
            raise _Wrong("non-integer argument")
        return str(function(int(one), int(two)))

    def _operand(self) -> str:
        if not self.rest or self.rest[0] in _KEYWORDS or self.rest[0].startswith("--") or ":" in self.rest[1:2]:
            raise Unsupported(" ".join(self.words))
        word = self.rest.pop(0)
        if word == "length":
            return str(len(self._operand()))
        if word == "(":
            value = self.either()
            if self.rest[:1] != [")"]:
                raise Unsupported(" ".join(self.words))
            del self.rest[0]
            return value
        if word in {"+", ")", "|", "&"} or word in _COMPARISONS or word in _PRODUCTS:
            raise Unsupported(" ".join(self.words))
        return word
