"""The start method belongs to a process (`multiprocessing.context`).

A child sets it to the one that it was started with; in the stdlib that is the child's own copy of a global.
"""

from __future__ import annotations

from .. import _identity
from .._identity import HERE, ThreadProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_KEY = "context"


def _get(_self: Any) -> Any:
    """Return the context that the calling process has chosen, None before it has."""
    return HERE.process.state.get(_KEY)


def _set(_self: Any, context: Any) -> None:
    HERE.process.state[_KEY] = context


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    child.state[_KEY] = parent.state.get(_KEY)


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.context`: the default context answers for the calling process."""
    served: Any = module
    served.DefaultContext._actual_context = property(_get, _set)
    _identity.at_start(_inherit)
