"""Workers of `torch.utils.data.DataLoader`: what one is told about itself is kept in a module global."""

from __future__ import annotations

import sys

from .._identity import HERE
from .own_globals import Named, stand_in, with_own_globals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

#: Key in the state of a process: the globals that its worker loop runs with.
_WORKER = "torch.utils.data worker"


def install(journal: Journal) -> None:
    """Patch `torch.utils.data._utils.worker`: `get_worker_info()` answers for the worker that asks."""
    module: Any = sys.modules["torch.utils.data._utils.worker"]
    loop, info = module._worker_loop, module.get_worker_info
    if isinstance(loop, Named):
        return

    def _worker_loop(*args: Any, **kwargs: Any) -> Any:
        body = with_own_globals(loop)
        state = HERE.process.state
        state[_WORKER] = body.__globals__
        try:
            return body(*args, **kwargs)
        finally:
            state.pop(_WORKER, None)  # it holds the dataset

    def get_worker_info() -> Any:
        own = HERE.process.state.get(_WORKER)
        return info() if own is None else own["_worker_info"]

    get_worker_info.__doc__ = info.__doc__
    journal.set(module, "_worker_loop", stand_in(_worker_loop, loop))
    journal.set(module, "get_worker_info", stand_in(get_worker_info, info))
