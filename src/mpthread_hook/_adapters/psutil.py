"""psutil knows thread processes: what the system measures is the program's, who is whose child is ours to say.

A child that asks for its own memory or CPU time gets those of the program; signals and waiting reach the child.
"""

from __future__ import annotations

import os
import sys

from .. import _identity
from .._identity import MAIN, PROCESSES, ThreadProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

# Loaded already, for whoever patches it.
_module: Any = sys.modules.get("psutil")
_cls: Any = getattr(_module, "Process", None)
_real_init: Any = getattr(_cls, "_init", None)
_real_children: Any = getattr(_cls, "children", None)
_real_ppid: Any = getattr(_cls, "ppid", None)
_real_wait: Any = getattr(_cls, "wait", None)
_real_pid_exists: Any = getattr(_module, "pid_exists", None)


def _init(self: Any, pid: Any, *args: Any, **kwargs: Any) -> None:
    if pid is None:
        pid = os.getpid()
    if pid not in PROCESSES:
        _real_init(self, pid, *args, **kwargs)
        return
    _real_init(self, MAIN.pid, *args, **kwargs)
    self._pid = pid
    self._ident = (pid, *self._ident[1:])


def _record(self: Any) -> ThreadProcess | None:
    return MAIN if self.pid == MAIN.pid else PROCESSES.get(self.pid)


def _descendants(record: ThreadProcess, recursive: bool) -> list[ThreadProcess]:
    children = [child for child in tuple(record.children) if child.pid in PROCESSES]
    if recursive:
        for child in tuple(children):
            children += _descendants(child, True)
    return children


def children(self: Any, recursive: bool = False) -> list[Any]:
    """As `psutil.Process.children`: those that the system knows, and thread processes."""
    record = _record(self)
    if record is None:
        return _real_children(self, recursive)  # type: ignore[no-any-return]
    known: list[Any] = _real_children(self, recursive) if record is MAIN else []
    for child in _descendants(record, recursive):
        try:
            known.append(_cls(child.pid))
        except _module.NoSuchProcess:  # it has ended meanwhile
            continue
    return known


def ppid(self: Any) -> int:
    """As `psutil.Process.ppid`."""
    record = _record(self)
    if record is None or record.parent is None:
        return _real_ppid(self)  # type: ignore[no-any-return]
    return record.parent.pid


# It is remembered during `oneshot()`, which asks it for that; of ours there is nothing to remember.
for _name in ("cache_activate", "cache_deactivate"):
    if hasattr(_real_ppid, _name):
        setattr(ppid, _name, getattr(_real_ppid, _name))


def wait(self: Any, timeout: float | None = None) -> Any:
    """As `psutil.Process.wait`."""
    record = _record(self)
    if record is None or record is MAIN:
        return _real_wait(self, timeout)
    if not _identity.wait(record, timeout):
        raise _module.TimeoutExpired(timeout, pid=self.pid)
    self._gone = True
    return record.exitcode


def pid_exists(pid: int) -> bool:
    """As `psutil.pid_exists`."""
    return pid in PROCESSES or _real_pid_exists(pid)


def install(journal: Journal) -> None:
    """Patch `psutil`."""
    for function in (_init, children, ppid, wait):
        journal.set(_cls, function.__name__, function)
    journal.set(_module, "pid_exists", pid_exists)
