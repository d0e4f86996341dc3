"""What interpreter start-up loads: the finder, and nothing else.

`sitecustomize`, a ``.pth`` line and `mpthread_hook.enable()` all end in `install()`.  The finder costs
nothing until somebody imports `multiprocessing`; only then are the table, the emulation and the backend
loaded (`_hook.activation.complete`).  Names used by start-up files are a contract: never rename them.
"""

from __future__ import annotations

import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

#: Top-level packages that are served.
ROOTS = frozenset(("multiprocessing", "_multiprocessing"))


class Finder:
    """The one object that we put on `sys.meta_path`.

    ``triggers`` maps the names of foreign modules to what is called when one of them is imported; it is
    filled when the emulation is installed, and empty before.
    """

    def __init__(self) -> None:
        self.triggers: dict[str, Callable[[str, Sequence[str] | None, ModuleType | None], ModuleSpec | None]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a module that we serve, None for every other name."""
        trigger = self.triggers.get(fullname)
        if trigger is not None:
            return trigger(fullname, path, target)
        if fullname.partition(".")[0] not in ROOTS:
            return None
        # Not at the top: this is the second stage, which a program without multiprocessing never pays for.
        from ._hook import importer  # noqa: PLC0415

        return importer.find_spec(fullname)

    def invalidate_caches(self) -> None:
        """Nothing is cached here."""

    def __repr__(self) -> str:
        return "<mpthread_hook finder>"


finder = Finder()
#: Guards activation; re-entrant, because activation imports modules that may enable the hook themselves.
lock = RLock()
#: How the finder came to be there, in order: ("sitecustomize", "pth", "code", ...).
ways_in: list[str] = []


def install(way: str = "code") -> bool:
    """Put the finder in front of `sys.meta_path`; returns False if it was there already.

    ``way`` says through which door (for `status` and `doctor`).  Never imports `multiprocessing`.
    """
    with lock:
        ways_in.append(way)
        if finder in sys.meta_path:
            return False
        sys.meta_path.insert(0, finder)
        return True


def remove() -> None:
    """Take the finder out again."""
    with lock:
        while finder in sys.meta_path:
            sys.meta_path.remove(finder)
