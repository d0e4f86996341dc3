"""Finds and loads the modules that we serve.

A served module is the interpreter's own source of that module, executed under our loader, with the rows of
the table laid over it.  A module whose table has a ``*`` row is ours as a whole.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec, _init_module_attrs
from _frozen_importlib_external import PathFinder
from _thread import RLock, allocate_lock

from .. import _switch, _table
from .._served import MODULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_stock_specs: dict[str, ModuleSpec | None] = {}
_specs_lock = allocate_lock()


def stock_spec(fullname: str) -> ModuleSpec | None:
    """Return the spec of the interpreter's own module of this name, None if it ships none."""
    if fullname not in _stock_specs:
        parent, _, _ = fullname.rpartition(".")
        path = None
        if parent:
            above = stock_spec(parent)
            path = above.submodule_search_locations if above is not None else []
        _stock_specs[fullname] = PathFinder.find_spec(fullname, path)
    return _stock_specs[fullname]


def find_spec(fullname: str) -> ModuleSpec | None:
    """Return the spec of a served module; None for a name that neither we nor the interpreter have."""
    stock = stock_spec(fullname)
    whole = _table.whole_module(fullname)
    if stock is None and whole is None and not _table.rows_of(fullname):
        return None
    if stock is not None and stock.loader is None:
        return None
    loader: Any = Loader(None if whole is not None else stock)
    spec = ModuleSpec(
        fullname,
        loader,
        origin=stock.origin if stock is not None else f"<mpthread_hook {fullname}>",
        is_package=stock is not None and stock.submodule_search_locations is not None,
    )
    if stock is not None:
        spec.has_location = stock.has_location
        spec.cached = stock.cached
        if stock.submodule_search_locations is not None:
            spec.submodule_search_locations = list(stock.submodule_search_locations)
    spec.loader_state = {"restored": False}
    return spec


class Loader:
    """Loads one served module."""

    def __init__(self, stock: ModuleSpec | None) -> None:
        self._stock = stock

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return the module served before, if there was one."""
        module = MODULES.get(spec.name)
        if module is not None:
            spec.loader_state["restored"] = True
            _init_module_attrs(spec, module, override=True)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the interpreter's source of the module and lay the rows of the table over it."""
        spec = module.__spec__
        if spec is not None and spec.loader_state and spec.loader_state["restored"]:
            spec.loader_state["restored"] = False  # a reload executes again
            _restore_submodules(module)
            return
        if spec is not None and spec.name in _READ_LATER and spec.name not in MODULES:
            MODULES[spec.name] = module
            module.__class__ = _Unread
            return
        if type(module) is _Unread:
            module.__class__ = _Module
        try:
            self.execute(module)
        except (Exception, SystemExit) as error:
            if module.__name__ != "multiprocessing" or self._stock is None:
                if isinstance(error, SystemExit):  # a broken file of ours: it must not end the program
                    raise ImportError(f"mpthread_hook: SystemExit: {error}", name=module.__name__) from error
                raise
            _switch.give_up(module.__name__, error)
            self._execute_stock(module, self._stock)

    @staticmethod
    def _execute_stock(module: ModuleType, stock: ModuleSpec) -> None:
        for key in [key for key in vars(module) if not key.startswith("__")]:
            delattr(module, key)
        _init_module_attrs(stock, module, override=True)
        sys.modules[module.__name__] = module  # giving up took it out
        stock.loader.exec_module(module)  # type: ignore[union-attr]

    def execute(self, module: ModuleType) -> None:
        """Do what `exec_module` does, now."""
        name = module.__name__
        if self._stock is not None and self._stock.loader is not None:
            code = self._stock.loader.get_code(name)  # type: ignore[attr-defined]
            if code is not None:
                exec(code, module.__dict__)
        lay_over(module)
        MODULES[name] = module

    def get_source(self, fullname: str) -> str | None:
        """Return the interpreter's source, for tracebacks and debuggers."""
        loader = self._stock.loader if self._stock is not None else None
        return loader.get_source(fullname) if hasattr(loader, "get_source") else None  # type: ignore[union-attr]

    def get_code(self, fullname: str) -> Any:
        """Return the code of the interpreter's source (for `runpy` and `inspect`)."""
        loader = self._stock.loader if self._stock is not None else None
        return loader.get_code(fullname) if hasattr(loader, "get_code") else None  # type: ignore[union-attr]

    def is_package(self, fullname: str) -> bool:
        """Return whether the module is a package."""
        return self._stock is not None and self._stock.submodule_search_locations is not None


def _restore_submodules(package: ModuleType) -> None:
    """Put back what was imported with a package that is back, and is in its names: whoever has it has them."""
    prefix = f"{package.__name__}."
    for name, module in list(MODULES.items()):
        if name.startswith(prefix):
            sys.modules.setdefault(name, module)


_Module: Any = type(sys)
#: Served modules that are executed when somebody first asks for one of their names.  `multiprocessing` imports this
#: one and asks for nothing; it brings `pickle` and `socket` along, which is half of what the import costs.
_READ_LATER = frozenset(("multiprocessing.reduction",))
#: Of the names with two underscores on both sides, what is there, or not known to be missing, once it is read.
_READ_FIRST = frozenset(("__dict__", "__dir__", "__doc__", "__all__", "__builtins__", "__annotations__"))
# Re-entrant: the module is asked for names while it is executed.
_reading_lock = RLock()
_being_read: set[int] = set()


class _Unread(_Module):  # type: ignore[misc]
    """A module that is executed when it is first asked for something; from then on it is a plain one.

    Whoever goes through `sys.modules` and asks each for its `__file__` or `__path__` has imports change nothing.
    """

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") or name in _READ_FIRST:
            _read(self)
        return _Module.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__") or name in _READ_FIRST:
            _read(self)
        _Module.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _read(self)
        _Module.__delattr__(self, name)


def _read(module: _Unread) -> None:
    with _reading_lock:
        if type(module) is not _Unread or id(module) in _being_read:
            return  # by another thread meanwhile, or its own code asks
        _being_read.add(id(module))
        try:
            module.__spec__.loader.execute(module)
            module.__class__ = _Module
        finally:
            _being_read.discard(id(module))


def read_rest() -> None:
    """Execute the modules that nobody has asked for anything yet."""
    for name in _READ_LATER:
        module: Any = MODULES.get(name)
        if module is not None:
            try:
                _read(module)
            except Exception:
                continue


def is_ours(module: ModuleType) -> bool:
    """Return whether a module is one that we loaded in place of another."""
    spec = getattr(module, "__spec__", None)
    return spec is not None and isinstance(spec.loader, Loader)


def lay_over(module: ModuleType) -> None:
    """Set the names of a served module that are not the interpreter's own."""
    name = module.__name__
    # Rows without a name first: they see the interpreter's own names before ours replace them.
    for row in sorted(_table.rows_of(name), key=lambda row: row[_table.NAME] != ""):
        key, status, home, attr = row[_table.NAME], row[_table.STATUS], row[_table.HOME], row[_table.ATTR]
        if status == "refused" and home is None:
            module.__dict__[key] = _refusal(name, key, row[_table.NOTE])
            continue
        if home is None or (attr is None and key != "*"):
            continue
        room = import_module(home)
        if key == "*":
            for public, value in vars(room).items():
                if public not in _MODULE_ATTRIBUTES:
                    module.__dict__[public] = adopt(value, name)
        elif key == "":
            getattr(room, attr or "")(module)
        else:
            module.__dict__[key] = adopt(getattr(room, attr or ""), name)


_MODULE_ATTRIBUTES = frozenset(
    (
        "__name__",
        "__doc__",
        "__package__",
        "__loader__",
        "__spec__",
        "__file__",
        "__cached__",
        "__builtins__",
        "annotations",
        "TYPE_CHECKING",
    )
)


def import_module(name: str) -> ModuleType:
    """Import a module and return it (`importlib.import_module`, which costs nothing here)."""
    __import__(name)
    return sys.modules[name]


def adopt(value: Any, name: str) -> Any:
    """Give a class or function of ours the public path that it is served under (pickles, tracebacks)."""
    if getattr(value, "__module__", "").startswith("mpthread_hook.") and hasattr(value, "__qualname__"):
        value.__module__ = name
    return value


def _refusal(module: str, name: str, note: str) -> Any:
    def refused(*args: object, **kwargs: object) -> Any:
        from ..errors import RefusedError  # noqa: PLC0415 - errors are loaded where one is raised

        raise RefusedError(f"{module}.{name}() is not available on thread processes: {note}")

    refused.__name__ = refused.__qualname__ = name
    refused.__module__ = module
    refused.__doc__ = f"Refused: {note}"
    return refused


# ---------------------------------------------------------------------------------------------------------
# Modules that hold what we replace


def belongs_to_us(module: str) -> bool:
    """Return whether a module is part of this package, or served by it, or stands for the real one."""
    return module.partition(".")[0] in _switch.ROOTS or module.partition(".")[0] == "mpthread_hook"


def is_stdlib(module: str) -> bool:
    """Return whether a module belongs to the interpreter."""
    return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"


def modules_of_programs() -> list[ModuleType]:
    """Return the modules that may be changed and are worth a report: those of programs and packages."""
    found: dict[int, ModuleType] = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, _Module) and not belongs_to_us(name) and not is_stdlib(name):
            found.setdefault(id(module), module)  # `__main__` has a second name, `__mp_main__`
    return list(found.values())
