"""Jinja tests of the tests."""

from __future__ import annotations

from typing import Any


class TestModule:
    """The test ``even_number``."""

    def tests(self) -> dict[str, Any]:
        """Return the tests by name."""
        return {"even_number": lambda value: int(value) % 2 == 0}
