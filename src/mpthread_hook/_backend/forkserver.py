"""What is left of the fork server (`multiprocessing.forkserver`): it imports modules before the first child starts.

There is no server process.  Modules are shared, so one that is imported beforehand is there for every child, and
for the program.  `__main__` is not run again, as for no child.
"""

from __future__ import annotations

from .._served import served

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


class ForkServer:
    """Takes what the stdlib's fork server is told."""

    _forkserver_pid: int | None = None
    _forkserver_address: str | None = None
    _forkserver_alive_fd: int | None = None

    def __init__(self) -> None:
        self._preload_modules: list[str] = ["__main__"]
        self._preload_on_error = "ignore"
        self._preloaded = False

    def set_forkserver_preload(self, modules_names: list[str], *, on_error: str = "ignore") -> None:
        """Say which modules to import before the first child is started, or the first one after `_stop()`.

        ``on_error`` (from 3.15 on) says what comes of an ImportError: ``"ignore"``, ``"warn"``, or ``"fail"``, for
        which the child is not started.  TypeError for what is no name, ValueError for another word.
        """
        if not all(type(module) is str for module in modules_names):
            raise TypeError("module_names must be a list of strings")
        if on_error not in ("ignore", "warn", "fail"):
            raise ValueError(f"on_error must be 'ignore', 'warn', or 'fail', not {on_error!r}")
        self._preload_modules = modules_names
        self._preload_on_error = on_error

    def get_inherited_fds(self) -> None:
        """Return None: the caller is not in a fork server."""

    def ensure_running(self) -> None:
        """Import what is to be imported, once; EOFError if that fails and is to, as from a server that has died."""
        if self._preloaded:
            return
        self._preloaded = True
        names = [name for name in self._preload_modules if name != "__main__"]
        for name in names:
            try:
                __import__(name)
            except ImportError as error:
                self._report(name, error)
        if names:  # children must not find what these modules have written in their buffers
            served("multiprocessing.util")._flush_std_streams()

    def _report(self, name: str, error: ImportError) -> None:
        if self._preload_on_error == "warn":
            import warnings  # noqa: PLC0415 - rare, and warnings is heavy at start-up

            warnings.warn(f"Failed to preload module {name!r}: {error}", ImportWarning, stacklevel=3)
        elif self._preload_on_error == "fail":
            self._preloaded = False
            raise EOFError(f"failed to preload module {name!r}: {error}") from error

    def _stop(self) -> None:
        self._stop_unlocked()

    def _stop_unlocked(self) -> None:
        self._preloaded = False


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.forkserver`: its functions are methods of our fork server."""
    own: Any = module
    own._forkserver = server = ForkServer()
    for name in ("ensure_running", "get_inherited_fds", "set_forkserver_preload"):
        setattr(own, name, getattr(server, name))
