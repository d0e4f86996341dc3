"""What is served, said once: rows of literals, and pure queries over them.

A row is ``(module, name, status, home, attr, since, until, note)``.

* status: ``threaded`` (ours), ``stdlib`` (the interpreter's own, executed over our primitives), ``inert``
  (accepted, does nothing), ``refused`` (raises `errors.RefusedError` with the note).
* name: ``*`` makes the whole module ours; the empty name calls ``home.attr`` instead of setting anything.
* home, attr: where ours is; the only way from the hook to the backend, and always a string.
* since, until: Python versions as ``(3, 13)``, from and before; None where it does not matter.
"""

from __future__ import annotations

import sys

from . import adapted, emulated_control, emulated_state, served, substitutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Row = tuple[str, str, str, str | None, str | None, tuple[int, int] | None, tuple[int, int] | None, str]

MODULE: Final = 0
NAME: Final = 1
STATUS: Final = 2
HOME: Final = 3
ATTR: Final = 4
SINCE: Final = 5
UNTIL: Final = 6
NOTE: Final = 7

_FOREIGN = (emulated_state.ROWS, emulated_control.ROWS, adapted.ROWS, substitutes.ROWS)


def applies(row: Row, version: tuple[int, int]) -> bool:
    """Return whether a row is of this Python version."""
    since, until = row[SINCE], row[UNTIL]
    return (since is None or version >= since) and (until is None or version < until)


def _index(groups: tuple[tuple[Row, ...], ...]) -> dict[str, list[Row]]:
    version = sys.version_info[:2]
    index: dict[str, list[Row]] = {}
    for rows in groups:
        for row in rows:
            # Hundreds of rows at every import of `multiprocessing`, and nearly all are of every version.
            if (row[SINCE] is None and row[UNTIL] is None) or applies(row, version):
                if row[MODULE] in index:
                    index[row[MODULE]].append(row)
                else:
                    index[row[MODULE]] = [row]
    return index


_served_index = _index((served.ROWS,))
_foreign_index = _index(_FOREIGN)


def all_rows() -> tuple[Row, ...]:
    """Return every row of every version."""
    return served.ROWS + emulated_state.ROWS + emulated_control.ROWS + adapted.ROWS + substitutes.ROWS


def rows_of(module: str) -> list[Row]:
    """Return the rows of one module that are of the running Python version."""
    return _served_index.get(module) or _foreign_index.get(module) or []


def served_modules() -> list[str]:
    """Return the names of the modules that are served."""
    return list(_served_index)


def foreign_modules() -> list[str]:
    """Return the names of the modules outside multiprocessing that have rows."""
    return list(_foreign_index)


def whole_module(module: str) -> Row | None:
    """Return the ``*`` row of a module that is ours as a whole (outside multiprocessing: where it is missing)."""
    for row in rows_of(module):
        if row[NAME] == "*":
            return row
    return None
