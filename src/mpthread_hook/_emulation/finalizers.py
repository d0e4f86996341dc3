"""What `weakref.finalize` does at the end of a process: each runs those that were made in it.

They are in one registry, which the end of the program runs.  Those that a child has left when it ends (it was
killed, or its exit functions are not run) are nobody's then, as with a real process.
"""

from __future__ import annotations

from .._identity import HERE, MAIN, ThreadProcess, at_end
from . import presence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

#: Key in the state of a process: its finalizers in the order of their making, and how many it takes to look
#: for those that are over.
_OWN, _MANY = "weakref finalizers", 100


class _Registered:
    """Whether the registry has registered itself for the end of the program, and on whose behalf.

    A fork that comes after it did so for the program does not do so again, and forgets what the program
    registered: it runs no finalizers at all.
    """

    by_program = by_child = False


def _note(finalizer: Any) -> None:
    process = HERE.process
    own: list[Any] | None = process.state.get(_OWN)
    if own is None:
        own = process.state.setdefault(_OWN, [])
        if process.method != "fork" or not _Registered.by_program:
            process.atexit.append((_run, (process,), {}))
    own.append(finalizer)
    if len(own) > process.state.get(_MANY, _MANY):
        own[:] = [one for one in own.copy() if one.alive]
        process.state[_MANY] = 2 * len(own) + _MANY


def _run(process: ThreadProcess) -> None:
    own = process.state.get(_OWN, [])
    while own:
        finalizer = own.pop()
        if finalizer.atexit:
            try:
                finalizer()
            except Exception:
                import sys  # noqa: PLC0415 - only when one fails

                sys.excepthook(*sys.exc_info())  # as weakref itself


def _ended(process: ThreadProcess) -> None:
    for finalizer in process.state.pop(_OWN, ()):
        finalizer.atexit = False


def install(journal: Journal) -> None:
    """Note who makes one while there are thread processes."""
    import weakref  # noqa: PLC0415 - called once it has been imported

    cls: Any = weakref.finalize
    real = cls.__init__

    def __init__(self: Any, obj: Any, func: Any, /, *args: Any, **kwargs: Any) -> None:
        if HERE.process is not MAIN and not cls._registered_with_atexit:
            _Registered.by_child = True
        real(self, obj, func, *args, **kwargs)
        if HERE.process is MAIN:
            _Registered.by_program = True
        else:
            _note(self)

    __init__.__qualname__, __init__.__module__ = real.__qualname__, real.__module__

    def lay_on() -> None:
        if cls._registered_with_atexit and not _Registered.by_child:
            _Registered.by_program = True
        if vars(cls).get("__init__") is real:
            cls.__init__ = __init__

    def lift() -> None:
        if vars(cls).get("__init__") is __init__:
            cls.__init__ = real

    at_end(_ended)
    journal.undo(presence.during(lay_on, lift))
