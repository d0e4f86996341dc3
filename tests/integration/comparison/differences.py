"""The documented differences: what a program can tell about threads in place of processes, and why.

The reference page of the docs is made of these rows, and the comparison holds them strictly both ways: a
case may differ in exactly the lines that a row names, and a row whose case does not differ is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Difference:
    """One row: what differs, why it must for any design on threads, and where it shows.

    `shows` gives, for each case, the lines that differ, in the order of the output: "- " what the stock
    package writes, "+ " what the hook does; ``*`` in a line stands for anything.
    """

    key: str
    title: str
    stock: str
    hook: str
    reason: str
    advice: str = ""
    shows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    methods: tuple[str, ...] = ("fork", "spawn")
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (9, 9)

    def applies(self, label: str, method: str, version: tuple[int, int]) -> bool:
        """Tell whether the row speaks of a case on this interpreter."""
        return label in self.shows and method in self.methods and self.since <= version < self.until

    def agrees(self, label: str, lines: list[str]) -> bool:
        """Tell whether a case differs in the very lines that the row names."""
        expected = self.shows[label]
        return len(expected) == len(lines) and all(map(_same, lines, expected))


def _same(line: str, expected: str) -> bool:
    return fnmatchcase(line.rstrip(), expected.rstrip().replace("[", "[[]"))


def row_for(label: str, method: str, version: tuple[int, int]) -> Difference | None:
    """Return the row that speaks of a case, if any."""
    return next((row for row in DIFFERENCES if row.applies(label, method, version)), None)


DIFFERENCES: tuple[Difference, ...] = ()
