"""Import this before anything else, to have the hook on where the platform needs it.

The environment variable `MPTHREAD_HOOK` (``1``, ``0``, ``auto``) overrules the platform.
"""

from __future__ import annotations

from . import _switch

__all__ = ()

_switch.start("auto")
