"""``table``: the compatibility table, as people read it or as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter

from .. import _table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_FIELDS = ("module", "name", "status", "home", "attr", "since", "until", "note")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of rows and of the form."""
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="only these modules; a package includes its own"
    )
    parser.add_argument(
        "--status", choices=("threaded", "stdlib", "inert", "refused"), help="only these rows"
    )
    parser.add_argument(
        "--version", metavar="3.X", help="the rows of this Python version (default: this one); all"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON array of objects")


_NOT_NAMES = {"*": "(the whole module)", "": "(on import)", "+": "(in processes)"}


def _version(text: str | None) -> tuple[int, int] | None:
    if text == "all":
        return None
    if text is None:
        return sys.version_info[:2]
    major, _, minor = text.partition(".")
    try:
        return int(major), int(minor)
    except ValueError:
        raise SystemExit(f"mpthread_hook table: {text!r} is no version such as 3.13, nor 'all'") from None


def _chosen(options: argparse.Namespace) -> list[_table.Row]:
    version = _version(options.version)
    return [
        row
        for row in _table.all_rows()
        if (version is None or _table.applies(row, version))
        and (options.status is None or row[_table.STATUS] == options.status)
        and (
            not options.modules
            or any(f"{row[_table.MODULE]}.".startswith(f"{one}.") for one in options.modules)
        )
    ]


def _dotted(version: tuple[int, int] | None) -> str:
    return ".".join(map(str, version or ()))


def _versions(row: _table.Row) -> str:
    parts = []
    if row[_table.SINCE] is not None:
        parts.append(f"since {_dotted(row[_table.SINCE])}")
    if row[_table.UNTIL] is not None:
        parts.append(f"until {_dotted(row[_table.UNTIL])}")
    return f" ({', '.join(parts)})" if parts else ""


def main(options: argparse.Namespace) -> int:
    """Print the chosen rows; returns 1 if there are none."""
    rows = _chosen(options)
    if options.json:
        print(json.dumps([dict(zip(_FIELDS, row, strict=True)) for row in rows], indent=1))
        return 0 if rows else 1
    module = None
    for row in rows:
        if row[_table.MODULE] != module:
            module = row[_table.MODULE]
            print(module)
        name = _NOT_NAMES.get(row[_table.NAME], row[_table.NAME])
        note = f": {row[_table.NOTE]}" if row[_table.NOTE] else ""
        print(f"  {row[_table.STATUS]:<9} {name}{_versions(row)}{note}")
    count = Counter(row[_table.STATUS] for row in rows)
    print(f"{len(rows)} rows: " + ", ".join(f"{number} {status}" for status, number in sorted(count.items())))
    return 0 if rows else 1
