"""Python functions that stand in for C functions, and behave as such.

A C function that is assigned in a class body does not become a method (``_select = select.select`` in
`selectors`, ``sleep = time.sleep`` in many programs), and it pickles by its name.  A plain Python function
does the first wrongly, and a bound method the second: `pickle` takes it by its name, but `cloudpickle` and
`dill` take it apart.
"""

from __future__ import annotations

from types import MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Concatenate, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


class Function(staticmethod):  # type: ignore[type-arg]
    """A callable that never becomes a method, and that every pickler takes by its name."""

    def __reduce__(self) -> str:
        return self.__name__

    def __reduce_ex__(self, protocol: object) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return f"<function {self.__module__}.{self.__name__}>"


class Functions:
    """The ``__self__`` of the functions of one module, and the decorator that makes them.

    ``functions = Functions(__name__)`` must be that very name in its module, since pickles refer to it.
    """

    def __init__(self, home: str) -> None:
        self.__module__ = home

    def __call__(self, function: Callable[Concatenate[Any, P], R]) -> Callable[P, R]:
        """Turn a function whose first parameter is this object into one that never binds again."""
        bound = Function(MethodType(function, self))
        setattr(self, function.__name__, bound)
        return bound

    def __reduce__(self) -> str:
        return "functions"
