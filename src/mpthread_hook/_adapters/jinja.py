"""Jinja's templates in workers: each of fifty hosts compiles the same one.

A forked worker's caches die with it, so Jinja's users gain nothing by keeping compiled templates.  Workers
that are threads do: only the last step, from Python source to code, is kept, which depends on nothing else.
"""

from __future__ import annotations

import sys

from .._identity import HERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from .._hook.journal import Journal

_MOST = 1000
_codes: dict[tuple[str, str], CodeType] = {}


def install(journal: Journal) -> None:
    """Patch `jinja2.environment`."""
    cls: Any = sys.modules["jinja2.environment"].Environment
    real = getattr(cls, "_compile", None)
    if real is None:
        return

    def _compile(self: Any, source: str, filename: str) -> CodeType:
        if HERE.thread is None:
            return real(self, source, filename)  # type: ignore[no-any-return]
        code = _codes.get((source, filename))
        if code is None:
            code = real(self, source, filename)
            while len(_codes) >= _MOST:
                _codes.pop(next(iter(_codes)), None)
            _codes[source, filename] = code
        return code

    journal.set(cls, "_compile", _compile)
    journal.undo(_codes.clear)
