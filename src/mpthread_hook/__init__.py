"""Thread-backed `multiprocessing` for programs that can create no process.

`enable()` serves every import of `multiprocessing` and `_multiprocessing` from thread-backed modules until
`disable()`.  This module is a facade: it holds no logic and, at interpreter start-up, loads one more.
"""

# ruff: noqa: I002 - `__future__` would be one more module at every start of every interpreter

import sys

from . import _switch as _switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._hook.activation import Handle

__all__ = ("__version__", "disable", "enable", "enabled", "original", "status")

__version__ = "0.1.0"


def enable(*, late: "str | None" = None) -> "Handle":
    """Serve thread-backed modules from now on.

    Calls nest: each needs one `disable()`.  Returns a handle that is a context manager and disables at the
    end of its block.  Modules that were imported before are put aside and come back with `disable()`; what
    other modules took from them is redirected, or reported.  ``late`` says how: ``"warn"`` (the default)
    reports all of it in one `errors.LateActivationWarning`; ``"error"`` raises `errors.ActivationError`
    instead, and changes nothing; ``"rebind"`` also replaces the names in the modules that took them.
    """
    from ._hook import activation  # noqa: PLC0415 - second stage, see _switch

    return activation.enable(late)


def disable(timeout: float = 5.0) -> None:
    """Undo one `enable()`; the last one leaves `sys.modules` and all that was patched as they were.

    Waits up to ``timeout`` seconds for thread processes that are still alive, then raises
    `errors.LeftoverProcessError`, which names them.  `errors.ActivationError` if nothing is enabled.
    """
    from ._hook import activation  # noqa: PLC0415 - second stage, see _switch

    activation.disable(timeout)


def enabled() -> bool:
    """Return whether imports of `multiprocessing` are served by us."""
    from ._hook import activation  # noqa: PLC0415 - second stage, see _switch

    return activation.enabled()


def status() -> "dict[str, Any]":
    """Return what the hook does at this moment, as plain data that can be printed or dumped as JSON."""
    from ._hook import activation  # noqa: PLC0415 - second stage, see _switch

    return activation.status()


def original(module: str, name: str) -> "Any":
    """Return what ``module.name`` is without us, for example ``original("os", "getpid")``."""
    from ._hook import activation  # noqa: PLC0415 - second stage, see _switch

    return activation.original(module, name)


def __getattr__(name: str) -> "Any":
    """Load `errors` when somebody asks for it."""
    if name == "errors":
        __import__(f"{__name__}.errors")
        return sys.modules[f"{__name__}.errors"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
