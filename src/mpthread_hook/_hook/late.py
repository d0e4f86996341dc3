"""What to do about a program that imported `multiprocessing` before the hook was there.

Its modules are put aside, and what was taken from them is led to us where it is held: names of the modules,
the bodies of functions, the bases of classes.  What cannot be led is reported.  All of it is in a journal.

Everything here works on two modules of one name: the *early* one, which is the interpreter's own, and the
*served* one, which is ours.
"""

from __future__ import annotations

import sys

from .. import _table
from ..errors import ActivationError, LateActivationWarning
from . import importer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FunctionType, ModuleType
    from typing import Any, TypedDict

    from .journal import Journal

    class Reference(TypedDict):
        """One thing that a module took from `multiprocessing` early, as plain data."""

        module: str
        name: str
        file: str
        kind: str
        what: str
        redirected: bool


_Function: Any = type(lambda: None)
_Module: Any = type(sys)
#: How an early function finds the served one of its name: a key that we put into its globals.
_KEY = "__mpthread_hook_served__"
#: Names that every module has for itself.
OWN_NAMES = frozenset(
    (
        "__name__",
        "__doc__",
        "__package__",
        "__loader__",
        "__spec__",
        "__file__",
        "__path__",
        "__cached__",
        "__builtins__",
    )
)


def defined_by(early: dict[str, ModuleType]) -> dict[int, tuple[str, str, Any]]:
    """Return the classes and functions that early modules define, as ``{id: (module, name, object)}``."""
    found = {}
    for module, namespace in early.items():
        for name, value in list(vars(namespace).items()):
            if isinstance(value, (type, _Function)) and value.__module__ == module:
                found[id(value)] = (module, name, value)
            elif module == "multiprocessing" and hasattr(value, "__self__"):
                found[id(value)] = (module, name, value)  # a method of the default context
    return found


def references(early: dict[str, ModuleType]) -> list[Reference]:
    """Return what other modules hold of the classes of early modules: the classes, subclasses, instances."""
    known = defined_by(early)
    classes = {key: entry for key, entry in known.items() if isinstance(entry[2], type)}
    found = []
    for module in importer.modules_of_programs():
        for name, value in list(vars(module).items()):
            entry, kind = classes.get(id(value)), "class"
            if entry is None:
                entry, kind = classes.get(id(type(value))), "instance"
            if entry is not None:
                found.append(_reference(module.__name__, name, kind, entry))
    for entry in classes.values():
        found.extend(
            _reference(subclass.__module__, subclass.__qualname__, "subclass", entry)
            for subclass in type.__subclasses__(entry[2])
            if not importer.belongs_to_us(subclass.__module__) and not importer.is_stdlib(subclass.__module__)
        )
    return sorted(found, key=lambda one: (one["module"], one["name"]))


def _reference(module: str, name: str, kind: str, entry: tuple[str, str, Any]) -> Reference:
    file = str(getattr(sys.modules.get(module), "__file__", None) or "<no file>")
    what = f"{entry[0]}.{entry[1]}"
    return {"module": module, "name": name, "file": file, "kind": kind, "what": what, "redirected": False}


def describe(found: list[Reference]) -> str:
    """Return one line for each reference."""
    lines = []
    for one in found:
        held = {"class": "is", "subclass": "derives from", "instance": "was made by"}[one["kind"]]
        fate = "redirected to threads" if one["redirected"] else "still the interpreter's own"
        lines.append(f"  {one['module']}.{one['name']} {held} {one['what']} ({one['file']}): {fate}")
    return "\n".join(lines)


def refuse(found: list[Reference]) -> None:
    """Raise `ActivationError` if anything was taken early (``late="error"``)."""
    if found:
        raise ActivationError(
            "multiprocessing was imported, and names were taken from it, before the hook was enabled; "
            "enable it first:\n" + describe(found)
        )


def warn(found: list[Reference], stacklevel: int) -> None:
    """Warn once of everything that was taken early."""
    if found:
        import warnings  # noqa: PLC0415 - heavy at start-up, and rarely needed

        warnings.warn(
            "multiprocessing was imported, and names were taken from it, before the hook was enabled; "
            "enable it first, or pass late='rebind':\n" + describe(found),
            LateActivationWarning,
            stacklevel=stacklevel,
        )


# ---------------------------------------------------------------------------------------------------------
# Leading what is held to us


def redirect(early: dict[str, ModuleType], served: dict[str, ModuleType], journal: Journal) -> set[str]:
    """Lead the early modules, their functions and classes to the served ones; returns what stays as it is."""
    left = set()
    for name, module in early.items():
        if name in served:
            _redirect_functions(name, module, served[name], journal)
            left |= _redirect_classes(name, module, served[name], journal)
    for name, module in early.items():
        if name in served:
            for key, value in list(vars(served[name]).items()):
                if key not in OWN_NAMES and vars(module).get(key, journal) is not value:
                    journal.set(module, key, value)
    return left


def follow_start_method(early: dict[str, ModuleType], served: dict[str, ModuleType], journal: Journal) -> None:
    """Let the start method that a program has chosen early (`set_start_method`) be chosen for thread processes."""
    name = "multiprocessing.context"
    if name not in early or name not in served:
        return
    chosen = vars(early[name]._default_context).get("_actual_context")
    default = served[name]._default_context
    if chosen is not None:
        before = default.get_start_method(allow_none=True)
        default.set_start_method(chosen._name, force=True)
        journal.undo(lambda: default.set_start_method(before, force=True))


def _redirected(*args: Any, **kwargs: Any) -> Any:
    """Stand in for every early function, with its globals; only the name of the code object differs."""
    import sys  # noqa: PLC0415 - the globals are those of another module

    return globals()["__mpthread_hook_served__"][sys._getframe().f_code.co_name](*args, **kwargs)


def _redirect_functions(name: str, early: ModuleType, served: ModuleType, journal: Journal) -> None:
    journal.item(vars(early), _KEY, vars(served))
    for row in _table.rows_of(name):
        key = row[_table.NAME]
        function = vars(early).get(key)
        if key not in vars(served) or not isinstance(function, _Function):
            continue
        if function.__globals__ is vars(early) and not function.__closure__:
            _set_code(function, _redirected.__code__.replace(co_name=key), journal)


def _set_code(function: FunctionType, code: Any, journal: Journal) -> None:
    old = function.__code__, function.__defaults__, function.__kwdefaults__

    def restore() -> None:
        function.__code__, function.__defaults__, function.__kwdefaults__ = old

    function.__code__, function.__defaults__, function.__kwdefaults__ = code, None, None
    journal.undo(restore)


def _redirect_classes(name: str, early: ModuleType, served: ModuleType, journal: Journal) -> set[str]:
    """Let subclasses of early classes derive from the served ones; names classes that are held themselves.

    An exception class stays what it is, for the sake of ``except`` clauses: there the served class is made
    a subclass of the early one.
    """
    left = set()
    for key, old in list(vars(early).items()):
        new = vars(served).get(key)
        if not isinstance(old, type) or not isinstance(new, type) or old is new or old.__module__ != name:
            continue
        if issubclass(old, BaseException):
            if not _set_bases(
                new, (old, *(base for base in new.__bases__ if base is not Exception)), journal
            ):
                left.add(f"{name}.{key}")
            continue
        if any(row[_table.NAME] == key for row in _table.rows_of(name)):
            left.add(f"{name}.{key}")
        for subclass in type.__subclasses__(old):
            # Instances of the interpreter's own classes, made early, go on with the code that made them; only
            # processes are ours from now on, whatever class they are of.
            if importer.belongs_to_us(subclass.__module__) and name != "multiprocessing.process":
                continue
            bases = tuple(new if base is old else base for base in subclass.__bases__)
            if not _set_bases(subclass, bases, journal):
                left.add(f"{subclass.__module__}.{subclass.__qualname__}")
    return left


def _set_bases(cls: type, bases: tuple[type, ...], journal: Journal) -> bool:
    old = cls.__bases__

    def restore() -> None:
        cls.__bases__ = old

    try:
        cls.__bases__ = bases
    except TypeError:  # another layout, or an order of bases that cannot be
        return False
    journal.undo(restore)
    return True


def rebind(known: dict[int, tuple[str, str, Any]], served: dict[str, ModuleType], journal: Journal) -> None:
    """Give the served class or function to every module that holds an early one under a name of its own.

    ``known`` is what `defined_by()` returned before anything was redirected.
    """
    for module in importer.modules_of_programs():
        for key, value in list(vars(module).items()):
            entry = known.get(id(value))
            if entry is not None and entry[0] in served:
                new = vars(served[entry[0]]).get(entry[1])
                if new is not None:
                    journal.set(module, key, new)
