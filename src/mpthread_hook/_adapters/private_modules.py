"""A module namespace of its own for a Python program that runs in a thread process.

What the program finds on entries that it adds to ``sys.path`` itself is loaded for it alone, and what else its
namespace is told to keep for it (`program_modules`); everything else is shared with the rest of the interpreter.
The program's code runs with a ``__builtins__`` of its own, whose
``__import__`` knows the difference.  Code that is shared asks ``sys.modules``, ``sys.path`` and
``sys.meta_path``, which are properties that answer for the process that asks: `typing.get_type_hints`,
`dataclasses`, `runpy`, `importlib.util.find_spec` thus find the program's modules and not their namesakes.

C code goes past all that: `pickle.loads` of an instance of a private class finds the shared namesake.

A namespace can be used again by a later program (`reset`): what the modules hold is then what it was when
they had just been imported.  A fresh one per program would leak, because `typing` and `abc` cache classes.
"""

from __future__ import annotations

import _frozen_importlib as _bootstrap
import _imp
import builtins
import importlib
import importlib.util
import pkgutil
import runpy
import sys
import zipimport
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import PathFinder
from _thread import _local
from collections.abc import MutableMapping
from types import ModuleType

from .. import _identity
from .._identity import HERE, MAIN
from .module_state import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .._identity import ThreadProcess
    from .archive import Archive

_KEY = "private modules"
_sys_dict = sys.__dict__
_shared: dict[str, ModuleType] = sys.modules
_real_import = builtins.__import__


class _Mode(_local):
    """Whether the calling thread imports something that is shared: all that code finds is shared as well."""

    sharing = 0


_mode = _Mode()

#: Called with a private module of that name right after its code has run, for adapters.
after_load: dict[str, Callable[[ModuleType], object]] = {}


def asked(find: Callable[..., ModuleSpec | None], name: str, *args: Any) -> ModuleSpec | None:
    """Return what a finder says of a top-level name; None if it raises.

    Ansible's, which the interpreter may ask about every entry where collections could be, raises for names that are to
    come to another one of its own.
    """
    try:
        return find(name, *args)
    except Exception:
        return None


class Namespace:
    """The private modules of one program at a time.

    ``modules`` holds them; ``path`` and ``meta_path`` are the program's; ``roots`` are the top-level names
    that are private.  ``loaded`` says what each module was made from, for `suits`.  ``also(root, path, modules)``
    says whether a top-level name that the program has not added is private all the same; ``adapt(module)`` is
    called for each private module whose code has run.
    """

    def __init__(
        self,
        prefix: str,
        own: frozenset[str] = frozenset(),
        also: Callable[[str, Sequence[str], dict[str, ModuleType]], bool] | None = None,
        adapt: Callable[[ModuleType], object] | None = None,
    ) -> None:
        #: Where the modules of archives seem to lie, whatever temporary file the program put them in.
        self.prefix = prefix
        self.modules: dict[str, ModuleType] = {}
        self.view = _View(self)
        self.path: list[str] = []
        self.meta_path: list[Any] = [_Finder(self)]
        self.builtins = {**vars(builtins), "__import__": self.import_}
        self.archive: Archive | None = None
        self.loaded: dict[str, Any] = {}
        self._archives: dict[str, Archive] = {}
        self._roots: set[str] = {"__main__", *own}
        self._shared_roots: set[str] = set()
        self._inherited: frozenset[str] = frozenset()
        self._seen_path: list[str] = []
        self._added: list[str] = []
        self._snapshots: dict[str, Snapshot] = {}
        self._importing = False
        self._also = also
        self._adapt = adapt

    # -- use -----------------------------------------------------------------------------------------------

    def enter(self, process: ThreadProcess, path: Sequence[str], added: Sequence[str] = ()) -> None:
        """Make it the namespace of ``process``, with ``path`` as the `sys.path` that nothing private is on."""
        self._inherited = frozenset(path)
        self.path = [*added, *path]
        self._seen_path = []
        self.builtins.update(vars(builtins))
        self.builtins["__import__"] = self.import_
        process.state[_KEY] = self
        _lay_on()

    def mount(self, path: str, archive: Archive) -> None:
        """Take a `sys.path` entry for an archive whose content is known."""
        self._archives[path] = archive

    def suits(self, archive: Archive) -> bool:
        """Return whether what is loaded is what a program in ``archive`` would load."""
        members = archive.members
        for name, made_from in self.loaded.items():
            member = members.get(name)
            if member is not None and member.key != made_from:
                return False
        return True

    def reset(self) -> None:
        """Make every module hold again what it held when it had been imported."""
        self.modules.pop("__main__", None)
        for path in self._added:
            _forget_path(path)
        self._archives.clear()
        self.archive = None
        for snapshot in self._snapshots.values():
            snapshot.restore()

    # -- which names are private ---------------------------------------------------------------------------

    def claims(self, name: str) -> bool:
        """Return whether a module name is private."""
        if _mode.sharing:
            return False
        root = name.partition(".")[0]
        if root in self._roots:
            return True
        if self.path != self._seen_path:
            self._look_at_path()
        elif root in self._shared_roots:
            return False
        if self._find_root(root):
            self._roots.add(root)
            return True
        self._shared_roots.add(root)
        return False

    def _look_at_path(self) -> None:
        self._seen_path = list(self.path)
        self._added = [entry for entry in self._seen_path if entry not in self._inherited]
        self._shared_roots.clear()

    def _find_root(self, root: str) -> bool:
        # What every interpreter has loaded before a program starts cannot be found elsewhere.
        if root in sys.builtin_module_names or _imp.is_frozen(root):
            return False
        for entry in self._added:
            archive = self.archive_at(entry)
            if archive is not None:
                if root in archive.roots:
                    return True
            elif asked(PathFinder.find_spec, root, [entry]) is not None:
                return True
        return self._also is not None and self._also(root, self.path, self.modules)

    def archive_at(self, entry: str) -> Archive | None:
        """Return the archive that a `sys.path` entry stands for."""
        archive = self._archives.get(entry)
        if archive is None and self.archive is not None and self.archive.is_start_of(entry):
            archive = self._archives[entry] = self.archive
        return archive

    # -- importing -----------------------------------------------------------------------------------------

    def import_(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        """Stand in for ``__import__`` in private code."""
        if level == 0 and not self.claims(name):
            _mode.sharing += 1
            try:
                return _real_import(name, globals, locals, fromlist, 0)
            finally:
                _mode.sharing -= 1
        if self._importing or self._is_loaded(name, globals, fromlist, level):
            return _bootstrap.__import__(name, globals, locals, fromlist, level)
        self._importing = True
        try:
            for snapshot in self._snapshots.values():
                snapshot.begin()
            return _bootstrap.__import__(name, globals, locals, fromlist, level)
        finally:
            for snapshot in self._snapshots.values():
                snapshot.end()
            self._importing = False

    def _is_loaded(self, name: str, names: Any, fromlist: Any, level: int) -> bool:
        """Return whether an import statement will find everything there, so that no code runs."""
        if level:
            package = names.get("__package__") if names else None
            if not package:
                return False
            base = package.rsplit(".", level - 1)[0]
            name = f"{base}.{name}" if name else base
        module = self.modules.get(name)
        if module is None or "*" in (fromlist or ()):
            return False
        return all(hasattr(module, item) for item in fromlist or ())

    def find(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """Return the spec of a private module."""
        for entry in self.path if path is None else path:
            archive, below = self._archive_below(entry)
            if archive is None:
                spec = PathFinder.find_spec(fullname, [entry])
                if spec is not None:
                    if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                        spec.loader = _Watched(spec.loader, self)  # type: ignore[assignment]
                    return spec
                continue
            member = archive.members.get(fullname)
            if member is not None and member.parent == below:
                return archive.spec(fullname, member, self)
        return None

    def _archive_below(self, entry: str) -> tuple[Archive | None, str]:
        """Return the archive that a path entry leads into, and where in it."""
        if entry.startswith(self.prefix):
            # A package that an earlier program loaded: its path leads into the archive of this one.
            return self.archive, entry[len(self.prefix) + 1 :]
        return self.archive_at(entry), ""

    def executed(self, module: ModuleType, made_from: object) -> None:
        """Note that the code of a private module has run."""
        name = module.__name__
        path = vars(module).get("__path__")
        if isinstance(path, list):
            # `pkgutil.extend_path` finds the archive's own file too, which will soon be gone.
            files = [file for file in self._archives if file != self.prefix]
            path[:] = [entry for entry in path if not any(entry.startswith(file) for file in files)]
        # Some put something else in their place while they run.
        module = self.modules.get(name, module)
        adapter = after_load.get(name)
        if adapter is not None:
            adapter(module)
        if self._adapt is not None:
            self._adapt(module)
        self.loaded[name] = made_from
        if self._also is not None:
            return  # nobody will use this namespace again
        if isinstance(module, ModuleType) and vars(module).get("__builtins__") is self.builtins:
            self._snapshots[name] = Snapshot(module)


def _forget_path(path: str) -> None:
    """Drop what the interpreter keeps about a path that will not come back."""
    sys.path_importer_cache.pop(path, None)
    getattr(zipimport, "_zip_directory_cache", {}).pop(path, None)


def shared_finders(modules: dict[str, ModuleType]) -> list[Any]:
    """Return the interpreter's finders, but for those of packages that a program with ``modules`` has for itself."""
    own = modules.keys() - {"__main__"}
    return [
        finder
        for finder in list(_sys_dict["meta_path"])
        if str(getattr(finder, "__module__", "")).partition(".")[0] not in own
    ]


class _Finder:
    """The first finder of a program: private names it finds itself, the others through the shared finders."""

    def __init__(self, space: Namespace) -> None:
        self._space = space

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As every finder."""
        if self._space.claims(fullname):
            return self._space.find(fullname, path)
        for finder in shared_finders(self._space.modules):
            find = getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find is not None else None
            if spec is not None:
                return spec  # type: ignore[no-any-return]
        return None

    def find_distributions(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As the shared finders: what is installed (`importlib.metadata`)."""
        for finder in shared_finders(self._space.modules):
            find = getattr(finder, "find_distributions", None)
            if find is not None:
                yield from find(*args, **kwargs)

    def invalidate_caches(self) -> None:
        """Nothing is cached here."""


class _Watched:
    """A loader of somebody else that tells the namespace when the module has been executed."""

    def __init__(self, loader: Any, space: Namespace) -> None:
        self._loader = loader
        self._space = space

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the loader itself."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """As the loader itself."""
        self._loader.exec_module(module)
        self._space.executed(module, getattr(module, "__file__", None))


class _View(MutableMapping[str, ModuleType]):
    """`sys.modules` of a program: its own modules, and behind them the shared ones.

    What is written under a name that is not private goes to the shared modules: a stdlib module that the
    program is the first to import must not be initialised again by somebody else.
    """

    __slots__ = ("_space",)

    def __init__(self, space: Namespace) -> None:
        self._space = space

    def _own(self, name: str) -> ModuleType | None:
        # A shared module that is being imported must get shared parents and children, whatever the program has.
        return None if _mode.sharing else self._space.modules.get(name)

    def __getitem__(self, name: str) -> ModuleType:
        module = self._own(name)
        if module is not None:
            return module
        if self._space.claims(name):
            raise KeyError(name)
        return _shared[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """As `dict.get`."""
        module = self._own(name)
        if module is not None:
            return module
        if self._space.claims(name):
            return default
        return _shared.get(name, default)

    def __setitem__(self, name: str, module: ModuleType) -> None:
        if not self._space.claims(name):
            _shared[name] = module
            return
        self._space.modules[name] = module
        if isinstance(module, ModuleType):
            vars(module).setdefault("__builtins__", self._space.builtins)

    def __delitem__(self, name: str) -> None:
        if self._space.claims(name):
            del self._space.modules[name]
        else:
            del _shared[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def copy(self) -> dict[str, ModuleType]:
        """As `dict.copy`."""
        if _mode.sharing:
            return _shared.copy()
        claims = self._space.claims
        modules = {name: module for name, module in list(_shared.items()) if not claims(name)}
        modules.update(self._space.modules)
        return modules

    def __repr__(self) -> str:
        return repr(self.copy())


# ---------------------------------------------------------------------------------------------------------
# What shared code sees


def space_of(process: ThreadProcess) -> Namespace | None:
    """Return the namespace of a process, None for one that shares the modules of the interpreter."""
    return process.state.get(_KEY)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    space = parent.state.get(_KEY)
    if space is not None and child.method == "fork":
        child.state[_KEY] = space


_identity.at_start(_inherit)


def _property(name: str, attribute: str) -> property:
    def get(_sys: ModuleType) -> Any:
        process = HERE.process
        space = None if process is MAIN else process.state.get(_KEY)
        return _sys_dict[name] if space is None else getattr(space, attribute)

    def put(_sys: ModuleType, value: Any) -> None:
        process = HERE.process
        space = None if process is MAIN else process.state.get(_KEY)
        if space is None:
            _sys_dict[name] = value
        else:
            setattr(space, attribute, value)

    return property(get, put)


_PROPERTIES = {
    "modules": _property("modules", "view"),
    "path": _property("path", "path"),
    "meta_path": _property("meta_path", "meta_path"),
}


def _lay_on() -> None:
    """Let `sys` answer for the process that asks; the class of `sys` is the emulation's while one exists."""
    cls: Any = type(sys)
    if cls is ModuleType:
        raise RuntimeError("private modules need the emulation of `sys`: enable the hook first")
    if "modules" in vars(cls):
        return
    for name, prop in _PROPERTIES.items():
        setattr(cls, name, prop)
    # These call `__import__` by name, which leads to the shared modules.
    for module in (importlib.util, runpy, pkgutil):
        vars(module)["__import__"] = _import_for_caller
    _laid_on.append(cls)


_laid_on: list[Any] = []


def lift() -> None:
    """Take all of it back."""
    while _laid_on:
        cls = _laid_on.pop()
        for name in _PROPERTIES:
            if name in vars(cls):
                delattr(cls, name)
        for module in (importlib.util, runpy, pkgutil):
            vars(module).pop("__import__", None)


def _import_for_caller(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    process = HERE.process
    space = None if process is MAIN else process.state.get(_KEY)
    if space is None:
        return _real_import(name, *args, **kwargs)
    return space.import_(name, *args, **kwargs)  # type: ignore[no-any-return]

