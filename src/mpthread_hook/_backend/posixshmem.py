"""Stands in for `_posixshmem` where the platform has none: a file in the temporary directory has its semantics."""

from __future__ import annotations

import os
import tempfile


def _path(name: str) -> str:
    return os.path.join(tempfile.gettempdir(), "mpthread_shm" + name.replace("/", "_"))


def shm_open(path: str, flags: int, mode: int = 0o777) -> int:
    """Open named shared memory and return a descriptor, as `_posixshmem.shm_open` does."""
    return os.open(_path(path), flags | getattr(os, "O_CLOEXEC", 0), mode)


def shm_unlink(path: str) -> None:
    """Remove the name of shared memory, as `_posixshmem.shm_unlink` does."""
    os.unlink(_path(path))
