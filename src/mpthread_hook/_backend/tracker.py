"""Named resources that were not freed (`multiprocessing.resource_tracker`), tracked in the program itself.

The stdlib tracks them in a process of its own, which outlives the program.  Here the program frees what is
left at its end, with the same warning.
"""

from __future__ import annotations

import sys
import warnings

from .._identity import Mutex
from .._served import MODULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

# PIPE_BUF of POSIX: the stdlib writes each message to the tracker's pipe in one piece.
_LONGEST_MESSAGE = 512
# NAME_MAX of POSIX, which counts where the stdlib writes messages in which any name can stand.
_LONGEST_NAME = 255


class ResourceTracker:
    """Remembers named semaphores and shared memory by (type, name), and frees what is left by `_stop`."""

    _fd: int | None = None
    _pid: int | None = None
    #: Whether stopping it took too long, which it never does.
    _waitpid_timed_out = False
    #: Whether names count as lines of the stdlib's first format, as up to 3.14, or can be any (3.15).
    _use_simple_format = True

    def __init__(self) -> None:
        self._lock = Mutex()
        self._known: dict[str, set[str]] = {}
        self._exitcode: int | None = None

    def ensure_running(self) -> None:
        """Do nothing: there is no tracker process."""

    def getfd(self) -> int | None:
        """Return None: there is no pipe to a tracker."""
        return self._fd

    def register(self, name: str, rtype: str) -> None:
        """Remember a resource that somebody has to free; ValueError if its name is too long."""
        self._check("REGISTER", name, rtype)
        with self._lock:
            self._known.setdefault(rtype, set()).add(name)

    def unregister(self, name: str, rtype: str) -> None:
        """Forget a resource that was freed."""
        self._check("UNREGISTER", name, rtype)
        with self._lock:
            self._known.get(rtype, set()).discard(name)

    def _check(self, command: str, name: str, rtype: str) -> None:
        if self._use_simple_format and "\n" not in name:
            if len(f"{command}:{name}:{rtype}\n".encode("ascii")) > _LONGEST_MESSAGE:
                raise ValueError("msg too long")
        elif len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
            raise ValueError(f"shared memory name too long (max {_LONGEST_NAME} bytes)")

    def _check_alive(self) -> bool:
        return True

    def _stop(self, *args: object, **kwargs: object) -> None:
        """Free what is left, with a warning for each type; the exit code is 1 if there was anything."""
        with self._lock:
            left = {rtype: sorted(names) for rtype, names in self._known.items() if names}
            self._known.clear()
        self._exitcode = 1 if left else 0
        for rtype, names in left.items():
            message = f"There appear to be {len(names)} leaked {rtype} objects to clean up at shutdown"
            if sys.version_info >= (3, 13):
                message += f": {set(names)}"
            warnings.warn(f"resource_tracker: {message}", stacklevel=2)
            free: Callable[[str], Any] = _cleanup_functions().get(rtype, lambda name: None)
            for name in names:
                try:
                    free(name)
                except Exception as error:  # as the tracker process: say so and go on with the next
                    warnings.warn(f"resource_tracker: {name!r}: {error}", stacklevel=2)


def _cleanup_functions() -> dict[str, Callable[[str], Any]]:
    return getattr(MODULES.get("multiprocessing.resource_tracker"), "_CLEANUP_FUNCS", {})


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.resource_tracker`: its functions are methods of our tracker.

    It is stopped at exit by `multiprocessing.util`, which is there first.
    """
    served: Any = module
    tracker = ResourceTracker()
    tracker._use_simple_format = getattr(served._resource_tracker, "_use_simple_format", True)
    served._resource_tracker = tracker
    for name in ("ensure_running", "register", "unregister", "getfd"):
        setattr(served, name, getattr(tracker, name))
