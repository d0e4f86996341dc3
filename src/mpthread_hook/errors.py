"""Exceptions and warnings of our own; where the stdlib has a type and a text for it, that one is raised.

Every class derives from `MpthreadHookError` (or a warning category) and from the nearest builtin, so that
code which knows nothing of us still catches it.  All of them pickle: they may travel through a queue.
"""

from __future__ import annotations

__all__ = (
    "AbandonedThreadWarning",
    "ActivationError",
    "LateActivationWarning",
    "LeftoverProcessError",
    "MpthreadHookError",
    "ProcessStartError",
    "RefusedError",
)


class MpthreadHookError(Exception):
    """Base of every error that is ours and not the stdlib's."""


class RefusedError(MpthreadHookError, NotImplementedError):
    """A name is served, but what it does has no meaning for thread processes; the text says why.

    Raised by names whose table row has the status ``refused``.
    """


class ProcessStartError(MpthreadHookError, OSError):
    """A thread process could not be started because the platform gave no thread."""


class ActivationError(MpthreadHookError, RuntimeError):
    """The hook could not be enabled or disabled, or a process be started while it is off; nothing was changed."""


class LeftoverProcessError(MpthreadHookError, RuntimeError):
    """Thread processes were still alive at a point where none may be; the text names them."""


class LateActivationWarning(UserWarning):
    """`multiprocessing` was imported, and names were taken from it, before the hook was enabled."""


class AbandonedThreadWarning(RuntimeWarning):
    """A dead thread process left a thread behind that is blocked in foreign code and cannot be unwound."""
