"""The table is complete, well formed, and everything else is derived from it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mpthread_hook import _table
from mpthread_hook._hook import importer

pytestmark = pytest.mark.unit

STATUSES = {"threaded", "stdlib", "inert", "refused"}
#: The names of every served module of the running version; programs of the tests begin with it as well.
SERVED = """
import sys
from mpthread_hook import _table
served = {}
for row in _table.all_rows():
    if row[_table.MODULE].partition(".")[0] in ("multiprocessing", "_multiprocessing"):
        if _table.applies(row, sys.version_info[:2]):
            served.setdefault(row[_table.MODULE], set()).add(row[_table.NAME])
"""


def served() -> dict[str, set[str]]:
    """Return the names of each served module that the running version has, as the table knows them."""
    namespace: dict[str, dict[str, set[str]]] = {}
    exec(SERVED, namespace)
    return namespace["served"]


def bound_names(source: str) -> set[str]:
    """Return the public names that a module binds by definition or assignment at its top level."""
    names: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    items = target.elts if isinstance(target, ast.Tuple) else [target]
                    names.update(item.id for item in items if isinstance(item, ast.Name))
            elif isinstance(node, ast.If):
                visit(node.body)
                visit(node.orelse)
            elif isinstance(node, ast.Delete):
                names.difference_update(item.id for item in node.targets if isinstance(item, ast.Name))

    visit(ast.parse(source).body)
    return {name for name in names if not name.startswith("_")}


def test_rows_are_well_formed() -> None:
    """Every row has eight literal fields, a known status, versions as pairs, and a note unless it is stdlib."""
    for row in _table.all_rows():
        assert len(row) == 8, row
        assert row[_table.STATUS] in STATUSES, row
        for bound in (row[_table.SINCE], row[_table.UNTIL]):
            assert bound is None or (isinstance(bound, tuple) and len(bound) == 2), row
        if row[_table.STATUS] != "stdlib":
            assert row[_table.NOTE], row


def test_rows_are_where_they_are_needed() -> None:
    """Rows that change nothing are in `stdlib`, which an import of multiprocessing does not load."""
    from mpthread_hook._table import served, stdlib

    assert {row[_table.STATUS] for row in stdlib.ROWS} == {"stdlib"}
    assert "stdlib" not in {row[_table.STATUS] for row in served.ROWS}


def test_no_name_has_two_rows_for_one_version() -> None:
    """For each Python version a name is served in one way."""
    for version in ((3, 11), (3, 12), (3, 13), (3, 14)):
        seen: set[tuple[str, str]] = set()
        for row in _table.all_rows():
            is_served = row[_table.MODULE].partition(".")[0] in {"multiprocessing", "_multiprocessing"}
            if is_served and row[_table.NAME] and _table.applies(row, version):
                key = (row[_table.MODULE], row[_table.NAME])
                assert key not in seen, (version, key)
                seen.add(key)


@pytest.mark.parametrize("module", [name for name in served() if name.startswith("multiprocessing")])
def test_every_name_of_the_interpreter_has_a_row(module: str) -> None:
    """A public name that this interpreter's own source binds is in the table."""
    spec = importer.stock_spec(module)
    assert spec is not None
    assert spec.origin is not None
    missing = bound_names(Path(spec.origin).read_text(encoding="utf-8")) - served()[module]
    assert not missing, f"{module}: no row for {sorted(missing)}"


def test_homes_exist() -> None:
    """Every home of a row can be imported under the hook and has the attribute that the row names."""
    program = f"""{SERVED}
import importlib, json
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
bad = []
for name in served:
    try:
        importlib.import_module(name)
    except ImportError as error:
        bad.append([name, str(error)]) if sys.platform != "win32" and "win32" not in name else None
for row in _table.all_rows():
    if row[_table.HOME] and row[_table.ATTR]:
        try:
            importlib.import_module(row[_table.MODULE])  # a home is asked for when what it patches is there
        except ImportError:
            pass
        try:
            getattr(importlib.import_module(row[_table.HOME]), row[_table.ATTR])
        except (ImportError, AttributeError) as error:
            bad.append([row[_table.MODULE], row[_table.NAME], str(error)])
print(json.dumps(bad))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == []


NAMES_THAT_ARE_MISSING = f"""{SERVED}
import importlib, json
import mpthread_hook
if sys.argv[1] == "hook":
    mpthread_hook.enable()
missing = []
for name, names in served.items():
    try:
        module = importlib.import_module(name)
    except ImportError:
        missing.append([name, "*"])
    else:
        missing += [[name, key] for key in names if key and not hasattr(module, key)]
print(json.dumps(sorted(missing)))
"""


def names_that_are_missing(way: str) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", NAMES_THAT_ARE_MISSING, way], capture_output=True, text=True, timeout=60, check=True
    )
    missing: list[list[str]] = json.loads(done.stdout)
    return missing


def test_every_name_of_the_stock_package_is_served() -> None:
    """Under the hook no name of the table is missing but those that this platform's stock package lacks too."""
    pytest.importorskip("_multiprocessing", reason="there is no stock package to compare with")
    assert names_that_are_missing("hook") == names_that_are_missing("stock")
