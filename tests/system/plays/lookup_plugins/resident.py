"""A lookup of the tests: the memory that this OS process holds, in kB (Linux)."""

from __future__ import annotations

import gc

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Return the resident set, after what is garbage was collected."""

    def run(self, terms: list[str], variables: object = None, **kwargs: object) -> list[int]:
        """Read the kernel's own account."""
        gc.collect()
        with open("/proc/self/status", encoding="ascii") as file:
            return [int(line.split()[1]) for line in file if line.startswith("VmRSS")]
