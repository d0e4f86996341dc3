"""Turns the hook on and off.

Two stages.  The first puts the finder in front (`_switch.install`).  The second, `complete()`, runs at the
first import of a served module: it patches the standard library and third parties by the rows of the
table, each change through one journal, so that `disable()` leaves everything as it was.
"""

from __future__ import annotations

import sys

from .. import _identity, _switch, _table
from ..errors import ActivationError, LeftoverProcessError
from . import importer
from .journal import Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_depth = 0
_modules = Journal()  # what was changed in sys.modules and in packages
_patches = Journal()  # what was changed in foreign modules
_completed = False
_completing = False


def is_served(name: str) -> bool:
    """Return whether a module of this name is one that we serve."""
    return name.partition(".")[0] in _switch.ROOTS


class Handle:
    """What `enable()` returns: a context manager that disables once, at its end."""

    def __init__(self) -> None:
        self._open = True

    def disable(self, timeout: float = 5.0) -> None:
        """Take this one `enable()` back; calling it again does nothing."""
        if self._open:
            self._open = False
            disable(timeout)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.disable()


def enable(way: str = "code") -> Handle:
    """Serve thread-backed modules from now on; nested calls count."""
    global _depth
    with _switch.lock:
        _depth += 1
        if _switch.install(way) or not _completed:
            _put_real_modules_aside()
        return Handle()


def _put_real_modules_aside() -> None:
    for name in [name for name in sys.modules if is_served(name)]:
        module = sys.modules[name]
        spec = getattr(module, "__spec__", None)
        if spec is not None and isinstance(spec.loader, importer.Loader):
            continue
        _modules.pop(sys.modules, name)


def disable(timeout: float = 5.0) -> None:
    """Undo one `enable()`; the last one restores everything.

    Waits up to ``timeout`` seconds for thread processes that are still alive, then restores all the same
    and raises `LeftoverProcessError`, which names them.
    """
    global _depth, _completed
    with _switch.lock:
        if _depth == 0 and not _switch.ways_in:
            raise ActivationError("disable() was called more often than enable(): nothing is enabled")
        _depth = max(0, _depth - 1)
        if _depth:
            return
    leftover = _wait_for_processes(timeout)
    with _switch.lock:
        _switch.remove()
        _switch.ways_in.clear()
        _switch.finder.triggers.clear()
        for name in [name for name in sys.modules if is_served(name)]:
            del sys.modules[name]
        try:
            _patches.rollback()
        finally:
            _modules.rollback()
            _completed = False
    if leftover:
        raise LeftoverProcessError(
            f"{len(leftover)} thread process(es) were still alive {timeout:g} s after disable(): "
            + ", ".join(f"{process.name!r} (pid {process.pid})" for process in leftover)
            + "; join() or terminate() them before"
        )


def _wait_for_processes(timeout: float) -> list[_identity.ThreadProcess]:
    deadline = _identity.monotonic() + timeout
    alive = []
    for process in list(_identity.PROCESSES.values()):
        if not _identity.wait(process, max(0.0, deadline - _identity.monotonic())):
            alive.append(process)
    return alive


def complete() -> None:
    """Patch what the table lists outside multiprocessing; runs once, at the first served import."""
    global _completed, _completing
    if _completed:
        return
    with _switch.lock:
        if _completed or _completing:
            return
        _completing = True
        try:
            for name in _table.foreign_modules():
                module = sys.modules.get(name)
                if module is not None:
                    patch(module)
                else:
                    _switch.finder.triggers[name] = importer.find_and_patch
            _completed = True
        finally:
            _completing = False


def patch(module: ModuleType) -> None:
    """Lay the rows of a foreign module over it."""
    name = module.__name__
    with _switch.lock:
        _switch.finder.triggers.pop(name, None)
        if _switch.finder not in sys.meta_path:
            return
        for row in _table.rows_of(name):
            key, home, attr = row[_table.NAME], row[_table.HOME], row[_table.ATTR]
            if home is None or attr is None or key == "*":
                continue
            room = importer._import(home)
            if key == "":
                getattr(room, attr)(_patches)
            elif hasattr(module, key):
                _patches.set(module, key, getattr(room, attr))


def enabled() -> bool:
    """Return whether thread-backed modules are being served."""
    return _switch.finder in sys.meta_path


def original(module: str, name: str) -> Any:
    """Return what ``module.name`` was before it was patched."""
    try:
        return _patches.original(module, name)
    except KeyError:
        return getattr(importer._import(module), name)


def status() -> dict[str, Any]:
    """Return what the hook is doing, as plain data."""
    return {
        "enabled": enabled(),
        "depth": _depth,
        "ways_in": list(_switch.ways_in),
        "completed": _completed,
        "served": sorted(name for name in sys.modules if is_served(name)) if enabled() else [],
        "patches": len(_patches),
        "processes": [
            {"pid": process.pid, "name": process.name, "ended": process.ended}
            for process in list(_identity.PROCESSES.values())
        ],
        "created": _identity.created,
    }
