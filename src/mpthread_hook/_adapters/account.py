"""The one account that a platform without user and group databases has, as far as the environment tells."""

from __future__ import annotations

import os
from collections import namedtuple
from operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Those that `getpass.getuser` looks at, in its order.
_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def require_posix(module: str) -> None:
    """Raise ImportError on systems where programs take the absence of the module for what it means."""
    if os.name != "posix":
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def name() -> str:
    """Return the name of the account; asked every time, since the environment is the calling process's."""
    return next((value for key in _NAMES if (value := os.environ.get(key))), "user")


def home() -> str:
    """Return the home directory."""
    return os.environ.get("HOME") or "/"


def uid() -> int:
    """Return the real user id."""
    return os.getuid() if hasattr(os, "getuid") else 0


def gid() -> int:
    """Return the real group id."""
    return os.getgid() if hasattr(os, "getgid") else 0


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def check_name(function: str, value: object, argument: str = "argument") -> str:
    """Return a name, or raise what the real modules raise for what is none."""
    if not isinstance(value, str):
        raise TypeError(f"{function}() {argument} must be str, not {_kind(value)}")
    if "\0" in value:
        raise ValueError("embedded null byte")
    return value


def check_id(kind: str, value: Any) -> int:
    """Return a numeric id, or raise what the real modules raise for what is none."""
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{kind} should be integer, not {type(value).__name__}") from None


def entry_class(module: str, class_name: str, fields: str) -> Any:
    """Return a class like the struct sequences of the real modules: made of one sequence, a tuple of fields."""
    base: Any = namedtuple(class_name, fields)  # type: ignore[misc]

    class Entry(base):
        """An entry of the database."""

        __slots__ = ()
        n_fields = n_sequence_fields = len(base._fields)
        n_unnamed_fields = 0

        def __new__(cls, sequence: Any) -> Any:
            values = tuple(sequence)
            if len(values) != len(base._fields):
                raise TypeError(
                    f"{module}.{class_name}() takes a {len(base._fields)}-sequence ({len(values)}-sequence given)"
                )
            return tuple.__new__(cls, values)

        def __repr__(self) -> str:
            return f"{module}.{base.__repr__(self)}"

        def __reduce__(self) -> Any:
            return (type(self), (tuple(self),))

    Entry.__name__ = Entry.__qualname__ = class_name
    return Entry
