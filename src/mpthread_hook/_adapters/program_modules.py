"""Which modules a Python program has for itself that runs in this one, as if a new interpreter ran it.

The standard library is shared, and so are packages with compiled parts, which cannot be loaded twice, with what they
require: they would have its objects from the one they know.  Every other module that is installed or lies beside the
program is loaded for it anew: Ansible's commands, for one, keep in their
modules what they were called with.  What the table has for such a module is done to the program's own, too.
"""

from __future__ import annotations

import _imp
import os
import re
import sys
from _frozen_importlib_external import EXTENSION_SUFFIXES, PathFinder
from functools import lru_cache
from importlib import import_module, metadata
from types import FunctionType
from typing import NamedTuple

from .. import _identity, _table
from .._identity import HERE, PICKLER
from . import private_modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

    from .._identity import ThreadProcess

#: Modules of the standard library that a program has for itself, too: C code of `pickle` would look into the shared
#: modules for its classes.
OWN = frozenset(("pickle",))
#: What belongs to the interpreter's start, which happened once, and ourselves.
_SHARED = frozenset(("sitecustomize", "usercustomize", "_distutils_hack", "_virtualenv", "mpthread_hook"))
_SUFFIXES = tuple(EXTENSION_SUFFIXES)


def is_private(root: str, path: Sequence[str], modules: dict[str, ModuleType]) -> bool:
    """Return whether a program has the module or package of this top-level name for itself.

    ``path`` is its `sys.path`, ``modules`` are those that it has already.
    """
    if root in _SHARED or root in sys.stdlib_module_names or root in sys.builtin_module_names or _imp.is_frozen(root):
        return False
    spec = private_modules.asked(PathFinder.find_spec, root, path)
    if spec is not None:
        return not _is_compiled(spec) and root not in _required(path)
    return not _has_finder(root, modules)


def _is_compiled(spec: ModuleSpec) -> bool:
    if spec.origin is not None and spec.origin.endswith(_SUFFIXES):
        return True
    return any(map(_has_compiled, spec.submodule_search_locations or ()))


@lru_cache(maxsize=256)
def _has_compiled(folder: str) -> bool:
    """Return whether there are compiled parts below a folder."""
    return any(name.endswith(_SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def _required(path: Sequence[str]) -> frozenset[str]:
    """Return the top-level names of what installed packages with compiled parts require, also through others."""
    installed: dict[str, _Distribution] = {}
    for entry in path:
        for one in _distributions(entry):
            installed.setdefault(one.name, one)
    left = [name for one in installed.values() if one.is_compiled for name in one.requires]
    found: set[str] = set()
    seen: set[str] = set()
    while left:
        name = left.pop()
        if name in installed and name not in seen:
            seen.add(name)
            left.extend(installed[name].requires)
            found |= installed[name].tops
    return frozenset(found)


class _Distribution(NamedTuple):
    """An installed distribution: its top-level names, the names of what it requires, and whether parts are compiled."""

    name: str
    tops: frozenset[str]
    requires: frozenset[str]
    is_compiled: bool


@lru_cache(maxsize=256)
def _distributions(entry: str) -> tuple[_Distribution, ...]:
    """Return what is installed in one entry of a path; the entries are the same for most programs."""
    found = []
    for one in metadata.distributions(path=[entry]):
        files = [file.parts for file in one.files or () if file.parts]
        tops = frozenset(parts[0].partition(".")[0] for parts in files if not parts[0].startswith("."))
        wanted = [text for text in one.requires or () if "extra ==" not in text]
        requires = frozenset(_normal(match[0]) for text in wanted if (match := re.match(r"[\w.-]+", text)))
        compiled = any(parts[-1].endswith(_SUFFIXES) for parts in files)
        found.append(_Distribution(_normal(one.metadata["Name"] or ""), tops, requires, compiled))
    return tuple(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _has_finder(root: str, modules: dict[str, ModuleType]) -> bool:
    """Return whether the interpreter's other finders know a name: one that sees to an editable installation."""
    for finder in private_modules.shared_finders(modules):
        find = getattr(finder, "find_spec", None)
        if find is not None and private_modules.asked(find, root, None, None) is not None:
            return True
    return False


def adapt(module: ModuleType) -> None:
    """Do to a program's own module what the table has for its name."""
    if module.__name__ == "pickle":
        names = vars(module)
        names.update({name: names[f"_{name}"] for name in ("Pickler", "Unpickler", "dump", "dumps", "load", "loads")})
    for row in _table.rows_of(module.__name__):
        home, attribute = row[_table.HOME], row[_table.ATTR]
        if row[_table.NAME] == "" and home and attribute:
            getattr(import_module(home), attribute)(_Forgetful())


class _Forgetful:
    """A journal for modules that go with their program, so that nothing has to be undone."""

    @staticmethod
    def set(namespace: object, key: str, value: object) -> None:
        """Set an attribute."""
        setattr(namespace, key, value)

    @staticmethod
    def item(mapping: dict[Any, Any], key: object, value: object) -> None:
        """Set ``mapping[key]``."""
        mapping[key] = value

    @staticmethod
    def undo(function: Callable[[], object]) -> None:
        """Forget it."""


def enter(process: ThreadProcess) -> None:
    """Let what the classes of a process stand for be found in modules of its own, when they are pickled."""
    process.state[PICKLER] = _pickler()


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    pickler = parent.state.get(PICKLER)
    if pickler is not None and child.method == "fork":
        child.state[PICKLER] = pickler


_identity.at_start(_inherit)


def _pickler() -> Any:
    """Return a `ForkingPickler` by which classes travel by name; the one in C looks into the shared modules."""
    from multiprocessing.reduction import ForkingPickler  # noqa: PLC0415 - served by us, and not by then

    class Pickler(ForkingPickler):
        def reducer_override(self, obj: Any) -> Any:
            space = private_modules.space_of(HERE.process)
            if space is not None and isinstance(obj, (type, FunctionType)) and space.claims(str(obj.__module__)):
                return _named, (obj.__module__, obj.__qualname__)
            return NotImplemented

    return Pickler


def _named(module: str, name: str) -> Any:
    """Return a class or function by its name, where it is unpickled."""
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
