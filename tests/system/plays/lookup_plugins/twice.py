"""A lookup of the tests, large enough that a second thread can see it half loaded."""

from __future__ import annotations

import decimal
import fractions
import time

from ansible.plugins.lookup import LookupBase

time.sleep(0.05)  # holds the door of the plugin loader open: a race shows, nothing waits for this
_TWO = fractions.Fraction(decimal.Decimal(2))


class LookupModule(LookupBase):
    """Return every term doubled."""

    def run(self, terms: list[str], variables: object = None, **kwargs: object) -> list[int]:
        """Double the terms."""
        return [int(int(term) * _TWO) for term in terms]
