"""Threads for processes that still run when the main program has come to its end.

Python 3.12.0 to 3.12.2 give no thread any more from the moment on when the interpreter begins to wait for its
threads and to call exit functions (gh-104690, undone by gh-113964).  A child that is a real process does not
notice the end of its parent, and here the parent waits for the children, which may need threads to finish: so
they get them from the system.  Loaded when that happens, and not before.
"""

from __future__ import annotations

import itertools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_keys = itertools.count(1)
_calls: dict[int, tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = {}
_create: Callable[[int], int] | None = None


def _run(key: int) -> None:
    """What a new thread does: as one of `_thread`, but what it raises is the caller's affair."""
    function, args, kwargs = _calls.pop(key)
    try:
        function(*args, **kwargs)
    except SystemExit:
        pass


def _find() -> Callable[[int], int]:
    """Return the function that starts a thread for a key and returns its number, or 0 if there is none."""
    # Only here: ctypes is heavy, and not everywhere.
    from ctypes import CDLL, CFUNCTYPE, byref, c_ulong, c_void_p, py_object, pythonapi  # noqa: PLC0415

    library = CDLL(None)
    create, detach = library.pthread_create, library.pthread_detach
    body = CFUNCTYPE(None, c_void_p)(_run)
    # Never freed: the interpreter's end must not take the code away under a thread that returns from it.
    pythonapi.Py_IncRef(py_object(body))

    def start(key: int) -> int:
        number = c_ulong()
        if create(byref(number), None, body, c_void_p(key)):
            return 0
        detach(number)
        return number.value

    return start


def start(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """As `_thread.start_new_thread`; RuntimeError where the system has no such threads, or no more of them."""
    global _create
    if _create is None:
        try:
            _create = _find()
        except (ImportError, AttributeError, OSError, TypeError):
            _create = lambda _key: 0  # noqa: E731
    key = next(_keys)
    _calls[key] = (function, args, kwargs)
    number = _create(key)
    if not number:
        del _calls[key]
        raise RuntimeError("can't create new thread at interpreter shutdown")
    return number
