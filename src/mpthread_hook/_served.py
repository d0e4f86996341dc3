"""The modules that are served, by their names, and the interpreter's own in whose place they are.

They live as long as the interpreter: enabling again serves the same objects, so that classes and their instances
from before stay valid.
"""

from __future__ import annotations

import sys
from _frozen_importlib import module_from_spec

from . import _switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

#: Each from when it has been loaded; `_hook.importer` fills it.
MODULES: dict[str, ModuleType] = {}
#: Whether all is patched that a thread process needs, which is done at the first import; `_hook.patching` says so.
on = False


def is_ready() -> bool:
    """Return whether a process can be started; where the hook is on, what is left to do for that is done now."""
    if not on:
        _switch.complete()
    return on


def served(name: str) -> Any:
    """Return a module: of those that are served our own, also when `sys.modules` holds the interpreter's by now.

    What a process does at its end may come after `disable()`.  Any other module is imported if need be
    (`importlib.import_module` does that, too, in twenty times the time).
    """
    module = MODULES.get(name)
    if module is None:
        __import__(name)  # waits for another thread that is importing it
        module = sys.modules[name]
    return module


def real_module(name: str) -> ModuleType | None:
    """Return a fresh copy of a real extension module, in no `sys.modules`; None if it is missing."""
    if sys.modules.get(name, ...) is None:
        return None  # hidden on purpose
    try:
        spec = _switch.elsewhere(name, None)
        if spec is None or spec.loader is None:
            return None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module
