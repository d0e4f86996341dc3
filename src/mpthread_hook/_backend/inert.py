"""What has no work to do when children are threads: accepted, does nothing, says so.

No server is forked from and no tracker cleans up after dead processes, because the program itself sees
every thread process end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class ForkServer:
    """Accepts what the stdlib's fork server is told; a thread process needs none."""

    _forkserver_pid: int | None = None
    _forkserver_address: str | None = None
    _forkserver_alive_fd: int | None = None

    def __init__(self) -> None:
        self._preload_modules: list[str] = ["__main__"]

    def set_forkserver_preload(self, modules_names: list[str]) -> None:
        """Remember the module names; modules are shared, so nothing needs to be loaded beforehand."""
        if not all(type(module) is str for module in modules_names):
            raise TypeError("module_names must be a list of strings")
        self._preload_modules = modules_names

    def get_inherited_fds(self) -> None:
        """Return None: the caller is not in a fork server."""

    def ensure_running(self) -> None:
        """Do nothing: there is no server process."""

    def _stop(self) -> None:
        pass

    def _stop_unlocked(self) -> None:
        pass


class ResourceSharer:
    """Would serve descriptors to other processes; threads share them already."""

    def register(self, send: Callable[..., Any], close: Callable[..., Any]) -> Any:
        """Refused: nothing can connect to this program by such an address."""
        raise NotImplementedError("descriptors are shared by thread processes; pass them by number")

    def stop(self, timeout: float | None = None) -> None:
        """Do nothing: no thread serves descriptors."""


def close_all_fds_except(fds: Any) -> None:
    """Do nothing: thread processes share the descriptor table, closing it would hit the whole program."""


def main(fd: int | None = None, *args: object, **kwargs: object) -> None:
    """Do nothing: no tracker, server or spawned interpreter is ever run."""


def install_forkserver(module: Any) -> None:
    """Finish `multiprocessing.forkserver`: its functions are methods of our fork server."""
    server = ForkServer()
    module._forkserver = server
    for name in ("ensure_running", "get_inherited_fds", "set_forkserver_preload"):
        setattr(module, name, getattr(server, name))


def connect_to_new_process(fds: Any) -> Any:
    """Refused: there is no fork server to connect to."""
    raise NotImplementedError("there is no fork server on thread processes; start a Process instead")


def install_sharer(module: Any) -> None:
    """Finish `multiprocessing.resource_sharer`: stopping it needs nothing."""
    module._resource_sharer = ResourceSharer()
    module.stop = module._resource_sharer.stop
