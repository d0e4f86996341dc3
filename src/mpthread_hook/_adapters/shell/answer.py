"""What a command answers, and what is raised for one that cannot."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What a command wrote and its exit status."""

    status: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


class CannotStart(Exception):
    """The command needs a program; ``program`` is its name."""

    def __init__(self, program: str) -> None:
        super().__init__(program)
        self.program = program
