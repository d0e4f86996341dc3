"""The second stage: patches the standard library and third parties, at the first import of a served module.

What is patched are the rows of the table for modules outside multiprocessing, each change through one
journal, so that `activation.disable()` leaves everything as it was.  A module that is not there yet, or is just
being imported, is patched at the end of its import.

Nothing is imported while `_switch.lock` is held: the thread that holds the import lock of the same module
may be waiting for ours.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec
from _thread import get_ident

from .. import _identity, _served, _switch, _table
from . import importer
from .journal import Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

#: What was changed in foreign modules.
journal = Journal()
#: Names (module, name) that were taken early from patched modules, and follow the patch.
followed: list[tuple[str, str]] = []
#: Rows (``+``) that are laid on with the first thread process.
_with_the_first: list[_table.Row] = []
_completing: set[int] = set()


def find_spec(fullname: str) -> ModuleSpec | None:
    """Return the spec of a served module, once everything is patched that it stands on."""
    complete()
    return importer.find_spec(fullname)


def complete() -> None:
    """Patch what the table lists outside multiprocessing; runs once, at the first served import."""
    me = get_ident()
    if _served.on or me in _completing:
        return
    _completing.add(me)
    try:
        foreign = _table.foreign_modules()
        for name in foreign:
            if sys.modules.get(name) is not None:
                _homes(name)
        with _switch.lock:
            if _served.on or _switch.finder not in sys.meta_path:
                return
            replaced: dict[int, Any] = {}
            unfinished: list[ModuleType] = []
            for name in foreign:
                module = sys.modules.get(name)
                if module is not None and not _being_imported(module):
                    _apply(module, replaced)
                else:
                    if module is not None:
                        unfinished.append(module)
                    _switch.finder.triggers[name] = _find_and_patch
            _follow(replaced)
            _served.on = True
        for module in unfinished:
            _patch_later(module.__name__, module)
        if "ps" in _switch.words():
            _answer()
    finally:
        _completing.discard(me)


def _answer() -> None:
    """Let `mpthread_hook ps` ask this program; where that cannot be, say so in a line."""
    try:
        from .._observe import answering  # noqa: PLC0415 - only when it is wanted

        journal.undo(answering.start().stop)
    except (ImportError, AttributeError, OSError) as error:
        _switch.problem(f"mpthread_hook ps cannot ask this program ({type(error).__name__}: {error})")


def _patch(module: ModuleType) -> None:
    """Lay the rows of a foreign module over it, right after it was imported."""
    name = module.__name__
    unfinished = _homes(name)
    if unfinished is not None:  # it is what imports the module that it is for
        _patch_later(name, unfinished)
        return
    with _switch.lock:
        if _switch.finder.triggers.pop(name, None) is not None:
            _apply(module, {})


def _homes(name: str) -> ModuleType | None:
    """Import what is laid over a foreign module; returns one of these whose import is under way, if there is one."""
    homes = {row[_table.HOME] for row in _table.rows_of(name) if _is_due(row)}
    rooms = [importer.import_module(home) for home in homes]  # type: ignore[arg-type]  # not one for each row
    return next((room for room in rooms if _being_imported(room)), None)


def _is_due(row: _table.Row) -> bool:
    """Return whether a row of a foreign module is laid over it at once."""
    name, home, attr = row[_table.NAME], row[_table.HOME], row[_table.ATTR]
    return home is not None and attr is not None and name != "*" and (name != "+" or _identity.created() > 0)


def _apply(module: ModuleType, replaced: dict[int, Any]) -> None:
    for row in _table.rows_of(module.__name__):
        if not _is_due(row):
            if row[_table.NAME] == "+":
                _with_the_first.append(row)
            continue
        key, home, attr = row[_table.NAME], row[_table.HOME] or "", row[_table.ATTR] or ""
        room = sys.modules.get(home) or importer.import_module(home)  # by `_homes`, in nearly every case
        if key in ("", "+"):
            getattr(room, attr)(journal)
        elif hasattr(module, key):
            old, new = getattr(module, key), getattr(room, attr)
            if getattr(new, "__name__", "") == key:  # `threading.Lock` may be `_thread.allocate_lock`
                importer.adopt(new, module.__name__)
            if callable(old) and not isinstance(old, type):
                replaced[id(old)] = new  # the journal keeps it alive, so its id stays its own
            journal.set(module, key, new)


def _before_the_first(_parent: _identity.ThreadProcess, _child: _identity.ThreadProcess) -> None:
    """Lay on what waits for a thread process; runs before all else that is done when one is made."""
    if not _with_the_first:
        return
    homes = {row[_table.HOME] or "" for row in _with_the_first}
    try:
        rooms = {home: importer.import_module(home) for home in homes}
    except SystemExit as error:  # a broken file of ours: it must not end the program
        raise ImportError(f"mpthread_hook: SystemExit: {error}") from error
    with _switch.lock:
        while _with_the_first:
            row = _with_the_first[0]
            getattr(rooms[row[_table.HOME] or ""], row[_table.ATTR] or "")(journal)
            del _with_the_first[0]  # not before: who makes a process meanwhile has to wait


_identity.at_start(_before_the_first)


def _follow(replaced: dict[int, Any]) -> None:
    """Give functions that were patched (`os.getpid`) to the modules that took them early (`from os import`).

    For the main program ours do what the real ones do, so nobody needs to be asked.
    """
    for module in importer.modules_of_programs():
        for key, value in list(vars(module).items()):
            new = replaced.get(id(value))
            if new is not None:
                journal.set(module, key, new)
                followed.append((module.__name__, key))


# ---------------------------------------------------------------------------------------------------------
# Foreign modules, patched right after they have been imported

_searching: set[tuple[int, str]] = set()


def _find_and_patch(fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    """Find a foreign module through the other finders, and have it patched once it has been executed."""
    key = (get_ident(), fullname)
    if key in _searching:
        return None
    _searching.add(key)
    try:
        for finder in sys.meta_path:
            find = None if finder is _switch.finder else getattr(finder, "find_spec", None)
            try:
                spec: ModuleSpec | None = find(fullname, path, target) if find is not None else None
            except ImportError:
                if _table.whole_module(fullname) is None:
                    raise
                break  # a finder that hides the module, as it would in a plain import: here is its substitute
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    patching: Any = _PatchingLoader(spec.loader)
                    spec.loader = patching
                return spec
        if _table.whole_module(fullname) is not None:  # a substitute for what this platform lacks
            substitute: Any = importer.Loader(None)
            spec = ModuleSpec(fullname, substitute, origin=f"<mpthread_hook {fullname}>")
            spec.loader_state = {"restored": False}
            return spec
        return None
    finally:
        _searching.discard(key)


def _being_imported(module: ModuleType) -> bool:
    """Return whether the body of a module is still being executed."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _patch_later(name: str, unfinished: ModuleType) -> None:
    """Have a foreign module patched when an import that is under way ends.

    Its own, because its body would undo it before that (`concurrent.futures.process` and others import
    multiprocessing from their bodies), or that of the module of ours with what is laid over it.
    """
    spec = unfinished.__spec__
    if spec is None or type(spec) not in (ModuleSpec, _UnfinishedSpec):
        return
    spec.__class__ = _UnfinishedSpec
    spec.__dict__.setdefault(_LATER, []).append(name)
    if not spec.__dict__["_initializing"]:  # another thread was importing it, and has just ended
        _patch_now(spec)


def _patch_now(spec: ModuleSpec) -> None:
    spec.__class__ = ModuleSpec
    for name in spec.__dict__.pop(_LATER, ()):
        module = sys.modules.get(name)
        if module is not None and spec.name in sys.modules:  # else the import has failed
            _patch(module)


#: Which modules are patched then: an attribute of such a spec.
_LATER = "mpthread_hook_later"


class _UnfinishedSpec(ModuleSpec):
    """The spec of a module that is being imported; importlib marks the end on it."""

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__["_initializing"])

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        self.__dict__["_initializing"] = value
        if not value:
            _patch_now(self)


class _PatchingLoader:
    """Loads a foreign module with its own loader, then patches it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as its own loader, which it shows ever after, then patch it."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _patch(module)


def undo() -> None:
    """Leave foreign modules as they were; goes on past a failure and raises it at the end."""
    _switch.finder.triggers.clear()
    try:
        journal.rollback()
    finally:
        followed.clear()
        _with_the_first.clear()


if hasattr(os, "register_at_fork"):
    # In the child of a real fork, the thread that held it is gone.
    os.register_at_fork(after_in_child=_switch.lock._at_fork_reinit)  # type: ignore[attr-defined]
