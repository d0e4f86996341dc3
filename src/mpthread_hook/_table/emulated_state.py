"""Rows."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

ROWS: tuple[Row, ...] = ()
