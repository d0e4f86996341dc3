"""Which room may import which: the allowed arrows are one dictionary."""

from __future__ import annotations

import ast
import os
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.unit

#: Room -> other rooms of the package that it may import; "" is the facade `__init__`.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "_switch": {"_hook"},
    "_guard": set(),
    "_identity": {"_last_threads", "errors"},
    "_last_threads": set(),
    "_table": set(),
    "_served": {"_switch"},
    "_arguments": set(),
    "_backend": {"_arguments", "_identity", "_served", "errors"},
    "_emulation": {"_arguments", "_identity", "errors"},
    # What the table has for a module is done to the copy that a program in this program has, too.
    "_adapters": {"_identity", "_served", "_table", "errors"},
    "_observe": {"_identity"},
    "_hook": {"_identity", "_observe", "_served", "_switch", "_table", "errors"},
    "": {"_switch", "_hook"},
    "auto": {"", "_switch"},
    "_commands": {"", "_guard", "_hook", "_identity", "_observe", "_switch", "_table", "errors"},
    "_demo": set(),
    # Holds a copy of the checkout's sitecustomize.py once it is installed.
    "_startup": {"_switch"},
    "pytest_plugin": {""},
    "__main__": {"_commands"},
}
#: What may be imported when the interpreter starts, and by the early rooms (convention 3).
EARLY = {"errors", "_identity", "_served", "_switch", "_table", "_hook", "", "auto"}
EARLY_MODULES = {"sys", "os", "time", "__future__"}
EARLY_MODULES |= {"_imp", "_io", "_thread", "_signal", "_frozen_importlib", "_frozen_importlib_external"}


def package_folder() -> str:
    spec = find_spec("mpthread_hook")
    assert spec is not None
    assert spec.origin is not None
    return os.path.dirname(spec.origin)


def sources() -> list[tuple[str, str, ast.Module]]:
    """Return (room, path below the package, syntax tree) of every module."""
    folder = package_folder()
    found = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.relpath(os.path.join(place, name), folder)
                room = path.split(os.sep)[0].removesuffix(".py")
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    found.append(("" if room == "__init__" else room, path, ast.parse(file.read(), path)))
    return found


def type_only(tree: ast.Module) -> set[ast.AST]:
    """Return the nodes under ``if TYPE_CHECKING``, which cost nothing and draw no arrow."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            found.update(child for statement in node.body for child in ast.walk(statement))
    return found


def imports(path: str, tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """Return what a module imports, as absolute names (``from . import x`` gives the name of x)."""
    package = ["mpthread_hook", *path.split(os.sep)[:-1]]
    skipped = type_only(tree)
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if name == "mpthread_hook" or (node.level and not node.module):
                found += [(f"{name}.{alias.name}", node) for alias in node.names]
            else:
                found.append((name, node))
    return found


def room_of(name: str) -> str:
    """Return the room of a name inside the package; names of the facade itself are the room ""."""
    room = name.split(".")[1] if "." in name else ""
    return room if room in ALLOWED else ""


def test_every_room_is_in_the_dictionary() -> None:
    """A new room is entered here, with what it may import, before it can be used."""
    assert {room for room, _, _ in sources()} <= set(ALLOWED)


def test_no_arrow_is_drawn_that_is_not_allowed() -> None:
    """Imports inside the package go only where the dictionary lets them."""
    wrong = []
    for room, path, tree in sources():
        for name, _ in imports(path, tree):
            if name.split(".")[0] == "mpthread_hook" and room_of(name) not in {room, *ALLOWED[room]}:
                wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_early_rooms_import_only_what_is_loaded_anyway() -> None:
    """At module level, the rooms of start-up and of the first import name nothing heavy."""
    wrong = []
    for room, path, tree in sources():
        if room not in EARLY:
            continue
        inside = {
            child
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for child in ast.walk(node)
        }
        for name, node in imports(path, tree):
            if node not in inside and name.split(".")[0] not in EARLY_MODULES | {"mpthread_hook"}:
                wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_nothing_imports_multiprocessing_by_name_when_it_is_loaded() -> None:
    """What we serve is never imported by a module's own first lines: it would be found half made."""
    wrong = []
    for _, path, tree in sources():
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for name, node in imports(path, tree):
            if node in top and name.split(".")[0] in ("multiprocessing", "_multiprocessing"):
                wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_homes_of_the_table_exist() -> None:
    """Every home a row names is a module of the package, so that a string cannot point at nothing."""
    from mpthread_hook import _table

    homes = {row[_table.HOME] for row in _table.all_rows() if row[_table.HOME]}
    assert homes
    ours = {name for name in homes if name.split(".")[0] == "mpthread_hook"}
    folder = package_folder()
    missing = []
    for name in ours:
        path = os.path.join(folder, *name.split(".")[1:])
        if not (os.path.exists(path + ".py") or os.path.isdir(path)):
            missing.append(name)
    assert missing == []
    assert sys.version_info >= (3, 11)
