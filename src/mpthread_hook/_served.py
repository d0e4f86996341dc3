"""The modules that are served, by their names.

They live as long as the interpreter: enabling again serves the same objects, so that classes and their instances
from before stay valid.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

#: Each from when it has been loaded; `_hook.importer` fills it.
MODULES: dict[str, ModuleType] = {}
#: Whether all that a thread process needs is patched; `_hook.activation` says so.
on = False


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
