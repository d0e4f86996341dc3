"""Works out the expressions of ``$((...))``: integers of 64 bits, and the operators of C."""

from __future__ import annotations

import re

from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Value = Callable[[], int]

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|[0-9]+)(?![0-9A-Za-z_])|([A-Za-z_][A-Za-z0-9_]*)"
    r"|(\+\+|--|<<=|>>=|<<|>>|[-+*/%&^|<>=!]=|&&|\|\||[-+*/%<>=!~&^|?:()]))"
)
#: Kinds of tokens, by the groups of the expression above; the third is the operators.
NUMBER, NAME = 1, 2
_VALUE = re.compile(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)\s*")
_END = ""
_WIDTH = 64


def quotient(one: int, two: int) -> int:
    """Divide as C does: towards zero."""
    return abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)


def remainder(one: int, two: int) -> int:
    """Return what `quotient` leaves, with the sign of the dividend."""
    return one - two * quotient(one, two)


def _shift(one: int, by: int) -> int:
    if not 0 <= by < _WIDTH:
        raise Unsupported(f"a shift by {by}")
    return one << by


#: By operator, from those that bind least to those that bind most.
_LEVELS: tuple[Mapping[str, Callable[[int, int], int]], ...] = (
    {"|": lambda one, two: one | two},
    {"^": lambda one, two: one ^ two},
    {"&": lambda one, two: one & two},
    {"==": lambda one, two: one == two, "!=": lambda one, two: one != two},
    {
        "<": lambda one, two: one < two,
        "<=": lambda one, two: one <= two,
        ">": lambda one, two: one > two,
        ">=": lambda one, two: one >= two,
    },
    {"<<": _shift, ">>": lambda one, two: one >> (_shift(1, two) and two)},
    {"+": lambda one, two: one + two, "-": lambda one, two: one - two},
    {"*": lambda one, two: one * two, "/": quotient, "%": remainder},
)
_BINARY = {operator: function for level in _LEVELS for operator, function in level.items()}
_ASSIGNMENTS = frozenset(("=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|="))
_UNARY: Mapping[str, Callable[[int], int]] = {
    "+": lambda value: value,
    "-": lambda value: -value,
    "~": lambda value: ~value,
    "!": lambda value: not value,
}


def evaluate(text: str, get: Callable[[str], str], assign: Callable[[str, str], object]) -> int:
    """Return what an expression comes to.

    ``get(name)`` returns the text of a variable, and ``assign(name, text)`` changes it.  `Unsupported` for what
    is no such expression, and for what shells do not agree upon.
    """
    reader = _Reader(text, get, assign)
    value = reader.assignment()
    if reader.token != _END:
        raise Unsupported(text)
    try:
        return value()
    except ZeroDivisionError:
        raise Unsupported(text) from None  # each shell ends in another way then


def number(text: str) -> int:
    """Return the number that a text is: in octal digits behind a zero, and nothing is 0."""
    match = _VALUE.fullmatch(text)
    if match is None and text.strip():
        raise Unsupported(text)
    return 0 if match is None else _wrapped(_read(match[2]) * (-1 if match[1] == "-" else 1))


def _read(digits: str) -> int:
    try:
        return int(digits, 16 if digits[:2] in {"0x", "0X"} else 8 if digits[0] == "0" else 10)
    except ValueError:
        raise Unsupported(digits) from None


def _wrapped(value: int) -> int:
    return (int(value) + (1 << _WIDTH - 1)) % (1 << _WIDTH) - (1 << _WIDTH - 1)


class _Reader:
    """Makes a function of an expression, so that nothing is done in a part of it that does not count."""

    def __init__(self, text: str, get: Callable[[str], str], assign: Callable[[str, str], object]) -> None:
        self.text = text
        self.at = 0
        self._get = get
        self._assign = assign
        #: The one that is read next, and whether it is a number or a name.
        self.token = _END
        self._kind = 0
        self._next()

    def _next(self) -> str:
        before = self.token
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            if self.text[self.at :].strip():
                raise Unsupported(self.text)
            self.token, self._kind = _END, 0
        else:
            self.at = match.end()
            self._kind = match.lastindex or 0
            self.token = match[self._kind]
        return before

    def _expect(self, token: str) -> None:
        if self.token != token:
            raise Unsupported(self.text)
        self._next()

    def assignment(self) -> Value:
        """Read an expression."""
        at, name = self.at, self.token
        if self._kind == NAME:
            self._next()
            if self.token in _ASSIGNMENTS:
                return self._assigned(name, self._next()[:-1], self.assignment())
            self.at, self.token, self._kind = at, name, NAME  # it begins with a name, and is none
        return self._choice()

    def _assigned(self, name: str, operator: str, value: Value) -> Value:
        if not operator:
            return lambda: self._set(name, value())
        return lambda: self._set(name, _BINARY[operator](number(self._get(name)), value()))

    def _set(self, name: str, value: int) -> int:
        value = _wrapped(value)
        self._assign(name, str(value))
        return value

    def _choice(self) -> Value:
        condition = self._any()
        if self.token != "?":
            return condition
        self._next()
        one = self.assignment()
        self._expect(":")
        two = self._choice()
        return lambda: one() if condition() else two()

    def _any(self) -> Value:
        value = self._all()
        while self.token == "||":
            self._next()
            value = self._either(value, self._all())
        return value

    def _all(self) -> Value:
        value = self._binary(0)
        while self.token == "&&":
            self._next()
            value = self._both(value, self._binary(0))
        return value

    def _binary(self, level: int) -> Value:
        if level == len(_LEVELS):
            return self._unary()
        value = self._binary(level + 1)
        while self.token in _LEVELS[level]:
            function = _LEVELS[level][self._next()]
            value = self._applied(function, value, self._binary(level + 1))
        return value

    @staticmethod
    def _either(one: Value, two: Value) -> Value:
        return lambda: int(bool(one() or two()))

    @staticmethod
    def _both(one: Value, two: Value) -> Value:
        return lambda: int(bool(one() and two()))

    @staticmethod
    def _applied(function: Callable[[int, int], int], one: Value, two: Value) -> Value:
        return lambda: _wrapped(function(one(), two()))

    def _unary(self) -> Value:
        if self.token in _UNARY:
            function = _UNARY[self._next()]
            operand = self._unary()
            return lambda: _wrapped(function(operand()))
        kind, token = self._kind, self._next()
        if kind == NUMBER:
            constant = _wrapped(_read(token))
            return lambda: constant
        if kind == NAME:
            return lambda: number(self._get(token))
        if token != "(":
            raise Unsupported(self.text)  # among others ++ and --, which not all shells have
        inner = self.assignment()
        self._expect(")")
        return inner
