"""What has no work to do when children are threads: accepted, does nothing, says so.

No server is forked from and no tracker cleans up after dead processes, because the program itself sees
every thread process end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


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


def connect_to_new_process(fds: Any) -> Any:
    """Refused: there is no fork server to connect to."""
    raise NotImplementedError("there is no fork server on thread processes; start a Process instead")


def install_sharer(module: Any) -> None:
    """Finish `multiprocessing.resource_sharer`: stopping it needs nothing."""
    module._resource_sharer = ResourceSharer()
    module.stop = module._resource_sharer.stop
