"""Functions of a library whose module globals are to be those of a process, as they are with real ones."""

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Named(staticmethod):  # type: ignore[type-arg]
    """A function of ours in the place of one of theirs, which is pickled by its name."""

    def __reduce_ex__(self, protocol: object) -> str:
        return self.__name__


def stand_in(ours: Any, theirs: Any) -> Named:
    """Return a function that is known, and pickled, as the one that it stands in for."""
    ours.__name__, ours.__module__, ours.__qualname__ = theirs.__name__, theirs.__module__, theirs.__qualname__
    return Named(ours)


def with_own_globals(function: Any, **changes: Any) -> Any:
    """Return a function of the same code whose globals are a copy of those of its module, with some changed."""
    own = {**function.__globals__, **changes}
    body = FunctionType(function.__code__, own, function.__name__, function.__defaults__, function.__closure__)
    body.__kwdefaults__ = function.__kwdefaults__
    return body
