"""Stands in for `_posixsubprocess` where the platform has none, so that `subprocess` can be imported."""

from __future__ import annotations

import errno
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def fork_exec(*args: object) -> NoReturn:
    """Raise `OSError` as the kernel would: this platform starts no process."""
    command = args[1] if len(args) > 1 else None
    name = command[0] if isinstance(command, (list, tuple)) and command else "a program"
    if isinstance(name, bytes):
        name = name.decode(sys.getfilesystemencoding(), "replace")
    raise OSError(errno.ENOTSUP, f"cannot start {name!r}: this platform creates no processes")
