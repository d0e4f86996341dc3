"""Turns the hook on and off: `enable()`, `disable()` and what is there in between.

Turning it on puts the finder in front (`_switch.install`), and puts modules aside that were imported before; the
rest is done at the first import of a served module (`patching`).  A program that is started with the hook
on, and keeps it, never loads this module.

Nothing is imported while `_switch.lock` is held: the thread that holds the import lock of the same module
may be waiting for ours.
"""

from __future__ import annotations

import _imp
import sys

from .. import _identity, _served, _switch
from . import importer, patching, survey
from .journal import Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

    from . import late

_depth = 0
_modules = Journal()  # what was changed in sys.modules and in packages
_redirections = Journal()  # what was changed in, and for, modules that were imported before us
#: The interpreter's own modules that were put aside, and what else was found to hold of them.
_early: dict[str, ModuleType] = {}
_references: list[late.Reference] = []

LATE_MODES = ("warn", "error", "rebind")


def _is_served(name: str) -> bool:
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

    def leftover(self, timeout: float = 5.0, known: Iterable[int] = ()) -> list[dict[str, Any]]:
        """Return name and pid of the thread processes that do not end within ``timeout`` seconds.

        Those with a pid in ``known`` do not count.
        """
        return [{"name": one.name, "pid": one.pid} for one in survey.leftover(timeout, known)]

    def end(self, pids: Iterable[int]) -> None:
        """Kill the thread processes of these pids, and wait for their end."""
        survey.end(one for one in survey.alive() if one.pid in frozenset(pids))

    def stacks(self) -> str:
        """Return where every thread stands, under the name of its process."""
        return survey.stacks()

    def as_main(self) -> survey.AsMain:
        """Return a context manager in whose block the calling thread is one of the main program."""
        return survey.AsMain()

    def in_child(self) -> bool:
        """Return whether the calling thread belongs to a thread process."""
        return _identity.current() is not _identity.MAIN

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.disable()


# ---------------------------------------------------------------------------------------------------------
# On


def enable(late: str | None = None, way: str = "code") -> Handle:
    """Serve thread-backed modules from now on; nested calls count."""
    global _depth
    mode = _late_mode(late)
    if _switch.undecided:
        _switch.settle()  # so that the last disable() knows whether the start-up files want it to stay on
    early = _early_modules()
    found = _look_back(early, mode)
    with _switch.lock:
        _depth += 1
        _switch.sentence = _switch.sentence if _switch.started else "on: enable() was called"
        _switch.install(way)
    if early or _served.MODULES:
        try:
            if early:
                _take_over(early, found, mode)
            patching.complete()  # who has served modules from an earlier time need not import them again
        except BaseException:  # a broken package, or a warning that is an error: as it was before the call
            with _switch.lock:
                _depth -= 1
                if not _depth and not _switch.started:
                    _restore()
            raise
    return Handle()


def take_over_late() -> None:
    """Do for a start-up file that came late what `enable()` does; a strict start cannot raise and says so."""
    early = _early_modules()
    if early:
        mode = _late_mode(None)
        if mode == "error":
            _switch.problem(
                f"multiprocessing was imported before {_switch.ways_in[-1]} ran, and it is strict"
            )
            mode = "warn"
        try:
            _take_over(early, _look_back(early, mode), mode)
        except BaseException as error:
            from ..errors import LateActivationWarning  # noqa: PLC0415 - errors are loaded where one is raised

            if isinstance(error, LateActivationWarning):  # an error by `-W error`, which no start may raise
                _switch.problem(str(error))
                return
            with _switch.lock:  # `start()` says it
                _switch.started = False
                if not _depth:
                    _restore()
            raise


def _late_mode(mode: str | None) -> str:
    if mode is None:
        return "error" if "strict" in _switch.words() else "warn"
    if mode not in LATE_MODES:
        raise ValueError(f"late must be one of {', '.join(map(repr, LATE_MODES))}, not {mode!r}")
    return mode


def _early_modules() -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if _is_served(name) and module is not None and not importer.is_ours(module)
    }


def _look_back(early: dict[str, ModuleType], mode: str) -> list[late.Reference]:
    if not early:
        return []
    from . import late  # noqa: PLC0415 - only for who comes late

    found = late.references(early)
    if mode == "error":
        late.refuse(found)
    return found


def _take_over(early: dict[str, ModuleType], found: list[late.Reference], mode: str) -> None:
    from . import late  # noqa: PLC0415 - only for who comes late

    with _switch.lock:
        early = {name: module for name, module in early.items() if sys.modules.get(name) is module}
        for name in early:
            _modules.pop(sys.modules, name)
        _early.update(early)
    served = {name: importer.import_module(name) for name in early if patching.find_spec(name) is not None}
    with _switch.lock:
        late.follow_start_method(early, served, _redirections)
        known = late.defined_by(early)
        left = late.redirect(early, served, _redirections)
        if mode == "rebind":
            late.rebind(known, served, _redirections)
        for one in found:
            rebound = mode == "rebind" and one["kind"] == "class"
            stays = (
                one["what"] in left if one["kind"] == "class" else f"{one['module']}.{one['name']}" in left
            )
            one["redirected"] = one["kind"] != "instance" and (rebound or not stays)
        _references.extend(found)
    if mode == "warn":
        late.warn(found, stacklevel=5)


# ---------------------------------------------------------------------------------------------------------
# Off


def disable(timeout: float = 5.0) -> None:
    """Undo one `enable()`, or the start-up files if none is left; the last one restores everything.

    Waits up to ``timeout`` seconds for thread processes that are still alive, then restores all the same
    and raises `LeftoverProcessError`, which names them.
    """
    global _depth
    with _switch.lock:
        if _depth:
            _depth -= 1
        elif _switch.started:
            _switch.started = False
        else:
            from ..errors import ActivationError  # noqa: PLC0415 - errors are loaded where one is raised

            raise ActivationError("disable() was called more often than enable(): nothing is enabled")
        if _depth or _switch.started:
            return
    leftover = survey.leftover(timeout)
    importer.read_rest()  # what it imports is to be ours: now, while `multiprocessing` is
    with _switch.lock:
        # Another thread may have enabled it meanwhile, or disabled it in our place.
        if not _depth and not _switch.started and enabled():
            _restore()
    if leftover:
        from ..errors import LeftoverProcessError  # noqa: PLC0415 - as above

        raise LeftoverProcessError(
            f"{len(leftover)} thread process(es) were still alive {timeout:g} s after disable(): "
            f"{survey.names(leftover)}; join() or terminate() them before"
        )


def _restore() -> None:
    _served.on = False
    _switch.remove()
    _switch.ways_in.clear()
    _switch.undecided = False
    _switch.sentence = "off: disable() was called"
    try:
        _redirections.rollback()
    finally:
        try:
            patching.undo()
        finally:
            _restore_modules()
            _switch.before.clear()
            _early.clear()
            _references.clear()


def _restore_modules() -> None:
    # With the import lock, a thread that misses a module for a moment waits and looks again.
    _imp.acquire_lock()
    try:
        before = frozenset(_switch.before)
        for name, module in list(sys.modules.items()):
            if module is None:
                continue
            if importer.is_ours(module):
                del sys.modules[name]
            elif name not in before and importer.is_stdlib(name) and _holds_served(module):
                _forget(name)
        if "__mp_main__" not in before:
            sys.modules.pop("__mp_main__", None)  # the name under which `spawn` finds the program's functions
        _modules.rollback()
        if _early:
            _put_in_order(_switch.before)
    finally:
        _imp.release_lock()


def _holds_served(module: ModuleType) -> bool:
    """Return whether a module of the interpreter builds on what we serve (`concurrent.futures.process`)."""
    return isinstance(module, type(sys)) and any(
        (isinstance(value, type) and _is_served(value.__module__))
        or (isinstance(value, type(sys)) and importer.is_ours(value))
        for value in list(vars(module).values())
    )


def _forget(name: str) -> None:
    """Take a module out, so that it is imported anew, and what its parent took from it."""
    del sys.modules[name]
    parent, _, child = name.rpartition(".")
    namespace = vars(sys.modules[parent]) if parent in sys.modules else {}
    for key, value in list(namespace.items()):
        if key == child or (isinstance(value, type) and value.__module__ == name):
            del namespace[key]


def _put_in_order(names: list[str]) -> None:
    """Give `sys.modules` the order that it had; modules that were imported since follow in theirs."""
    modules = sys.modules
    known = [name for name in names if name in modules]
    rest = frozenset(known)
    order = known + [name for name in modules if name not in rest]
    # One call in C that takes every module out and puts it back at the end: no other thread comes in between.
    list(map(modules.__setitem__, order, map(modules.pop, order)))


# ---------------------------------------------------------------------------------------------------------
# What there is


def enabled() -> bool:
    """Return whether thread-backed modules are being served, or would be at the first import."""
    if _switch.undecided:
        _switch.settle()
    return _switch.finder in sys.meta_path


def original(module: str, name: str) -> Any:
    """Return what ``module.name`` was before it was patched, or put aside."""
    try:
        return patching.journal.original(module, name)
    except KeyError:
        if module in _early:
            try:
                return _redirections.original(module, name)
            except KeyError:
                return getattr(_early[module], name)
        return getattr(importer.import_module(module), name)


def status() -> dict[str, Any]:
    """Return what the hook is doing, as plain data."""
    return {
        "enabled": enabled(),
        "reason": _switch.sentence or "off: nobody turned it on",
        "started": _switch.started,
        "depth": _depth,
        "ways_in": list(_switch.ways_in),
        "sitecustomize": list(_switch.ran),
        "problems": list(_switch.problems),
        "completed": _served.on,
        "served": sorted(name for name in sys.modules if _is_served(name)) if enabled() else [],
        "early_modules": sorted(_early),
        "early_references": [dict(one) for one in _references],
        "early_functions": [f"{module}.{name}" for module, name in patching.followed],
        "patches": len(patching.journal),
        "processes": [
            {"pid": process.pid, "name": process.name, "ended": process.ended}
            for process in list(_identity.PROCESSES.values())
        ],
        "created": _identity.created(),
    }
