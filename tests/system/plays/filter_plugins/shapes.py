"""Filters of the tests."""

from __future__ import annotations

import time
from typing import Any

time.sleep(0.05)  # as in lookup_plugins/twice.py


class FilterModule:
    """The filters ``boxed`` and ``default_of``."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"boxed": lambda value: f"[{value}]", "default_of": lambda value, other: value or other}
