"""Fewer frames for the wrappers of `multiprocessing.sharedctypes`, which take a lock at every access.

Whoever has the lock already need not take it again.  And with a GIL, one expression without a call looks at
the lock and reads or writes one item before any other thread can run, so that nobody notices that the lock
was never taken.  Where that does not hold (a free-threaded build, another interpreter, an index or a value
that may run Python code), or the lock is not free, or not ours, the interpreter's own method is used.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from .._identity import FENCED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_INDIVISIBLE = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
#: Exact types whose conversion to a C value runs no code but C.
_PLAIN = frozenset((int, float, bool, bytes))


class _Foreign:
    """Stands for a lock that we know nothing about: it is never free, and never the caller's."""

    _units = ()
    _owner = None
    _depth = 0


_foreign = _Foreign()


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.sharedctypes`."""
    served: Any = module
    base, array = served.SynchronizedBase, served.SynchronizedArray
    stock_init, stock_get, stock_set = base.__init__, array.__getitem__, array.__setitem__
    stock_value = served.Synchronized.value
    get_value, set_value = stock_value.fget, stock_value.fset

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        stock_init(self, *args, **kwargs)
        semlock = getattr(self._lock, "_semlock", _foreign)
        self._mine = self._free = semlock
        if not _INDIVISIBLE or not hasattr(semlock, "_units"):
            self._free = _foreign
        if not hasattr(semlock, "_depth"):
            self._mine = _foreign

    def __getitem__(self: Any, i: Any) -> Any:
        if type(i) is int and not FENCED:
            return self._obj[i] if self._free._units else _held_item(self, i)
        return stock_get(self, i)

    def _held_item(self: Any, i: int) -> Any:
        mine = self._mine
        return self._obj[i] if mine._owner == get_ident() and mine._depth else stock_get(self, i)

    def __setitem__(self: Any, i: Any, value: Any) -> None:
        if type(i) is int and type(value) in _PLAIN and self._free._units and not FENCED:
            self._obj[i] = value
            return
        mine = self._mine
        if mine._owner == get_ident() and mine._depth:
            self._obj[i] = value
        else:
            stock_set(self, i, value)

    def get(self: Any) -> Any:
        mine = self._mine
        return self._obj.value if mine._owner == get_ident() and mine._depth else get_value(self)

    def set(self: Any, value: Any) -> None:
        mine = self._mine
        if mine._owner == get_ident() and mine._depth:
            self._obj.value = value
        else:
            set_value(self, value)

    for function in (__init__, __getitem__, __setitem__, get, set):
        function.__module__ = module.__name__
    base.__init__ = __init__
    array.__getitem__, array.__setitem__ = __getitem__, __setitem__
    served.Synchronized.value = property(get, set)
