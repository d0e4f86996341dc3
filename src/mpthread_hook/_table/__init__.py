"""What is served, said once: rows of literals, and pure queries over them.

A row is ``(module, name, status, home, attr, since, until, note)``.

* status: ``threaded`` (ours), ``stdlib`` (the interpreter's own, executed over our primitives), ``inert``
  (accepted, does nothing), ``refused`` (raises `errors.RefusedError` with the note).
* name: ``*`` makes the whole module ours; the empty name calls ``home.attr`` instead of setting anything, and
  ``+`` does so with the first thread process: what is in force only while there is one.
* home, attr: where ours is; the only way from the hook to the backend, and always a string.
* since, until: Python versions as ``(3, 13)``, from and before; None where it does not matter.
"""

from __future__ import annotations

import sys

from . import adapted, emulated, served

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


def applies(row: Row, version: tuple[int, int]) -> bool:
    """Return whether a row is of this Python version."""
    since, until = row[SINCE], row[UNTIL]
    return (since is None or version >= since) and (until is None or version < until)


def _index(groups: tuple[tuple[Row, ...], ...]) -> dict[str, list[Row]]:
    """Return the rows of every version by module, as they stand: `rows_of` chooses when it is asked."""
    index: dict[str, list[Row]] = {}
    for rows in groups:
        # Hundreds of rows at every import of `multiprocessing`, those of a module nearly always in one piece.
        start, module = 0, rows[0][MODULE]
        for place, row in enumerate(rows):
            if row[MODULE] != module:
                index.setdefault(module, []).extend(rows[start:place])
                start, module = place, row[MODULE]
        index.setdefault(module, []).extend(rows[start:])
    return index


_served_index = _index((served.ROWS,))
_foreign_index = _index((emulated.ROWS, adapted.ROWS))
#: The rows of the running version, of the modules that were asked for.
_chosen: dict[str, list[Row]] = {}


def all_rows() -> tuple[Row, ...]:
    """Return every row of every version, those of a served module together."""
    from . import stdlib  # noqa: PLC0415 - most rows of all, and they change nothing: for people to look at

    rows = sorted(served.ROWS + stdlib.ROWS, key=lambda row: row[MODULE])
    return (*rows, *emulated.ROWS, *adapted.ROWS)


def rows_of(module: str) -> list[Row]:
    """Return the rows of one module that change something in the running Python version (none is ``stdlib``)."""
    chosen = _chosen.get(module)
    if chosen is None:
        version = sys.version_info[:2]
        rows = _served_index.get(module) or _foreign_index.get(module) or []
        chosen = [
            row for row in rows if (row[SINCE] is None and row[UNTIL] is None) or applies(row, version)
        ]
        _chosen[module] = chosen
    return chosen


def foreign_modules() -> list[str]:
    """Return the names of the modules outside multiprocessing that have rows."""
    version = sys.version_info[:2]
    # The first row of nearly every module is one of every version.
    return [
        name
        for name, rows in _foreign_index.items()
        if (rows[0][SINCE] is None and rows[0][UNTIL] is None) or any(applies(row, version) for row in rows)
    ]


def whole_module(module: str) -> Row | None:
    """Return the ``*`` row of a module that is ours as a whole (outside multiprocessing: where it is missing)."""
    for row in rows_of(module):
        if row[NAME] == "*":
            return row
    return None
