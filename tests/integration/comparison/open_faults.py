"""Known faults of ours: cases that differ from the stock package and should not.

No documented difference is among them (those are in `differences.py`, each with a reason that holds for any
design on threads).  A case here may differ until its fault is mended; then its line goes.
"""

from __future__ import annotations

#: What is wrong, by "topic.case" or "topic.case-method".
FAULTS: dict[str, str] = {}
