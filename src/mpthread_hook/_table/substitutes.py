"""Rows of extension modules that are served only where the platform lacks them (status ``*`` rows)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

# fmt: off
ROWS: tuple[Row, ...] = (
    ("_posixshmem", "*", "threaded", "mpthread_hook._backend.posixshmem", None, None, None, "named memory is a file in the temporary directory"),
    ("_posixsubprocess", "*", "refused", "mpthread_hook._backend.posixsubprocess", None, None, None, "subprocess can be imported; starting a program raises OSError"),
)
