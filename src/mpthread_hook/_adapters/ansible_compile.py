"""How `ansible.executor.module_common` reads modules until 3.11: through `ast.parse`, which is safe in threads."""

from __future__ import annotations

import ast
import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def compile(source: Any, filename: Any, mode: str, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
    """As the builtin function."""
    if flags == ast.PyCF_ONLY_AST and not args and not kwargs:
        return ast.parse(source, filename, mode)
    return builtins.compile(source, filename, mode, flags, *args, **kwargs)


def install(journal: Journal) -> None:
    """Give the module a `compile` of its own."""
    journal.set(sys.modules["ansible.executor.module_common"], "compile", compile)
