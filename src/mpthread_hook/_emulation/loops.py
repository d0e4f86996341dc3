"""Event loops that outlive the process which made them.

What a killed child leaves is collected by whoever collects garbage next, and `asyncio` complains then of
tasks that were pending.  A process that was killed could not.
"""

from __future__ import annotations

from .._identity import HERE, MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

_OWNER = "_process_of_loop"


def install(journal: Journal) -> None:
    """Let the loops of a thread process be silent once it has ended."""
    from asyncio.base_events import BaseEventLoop  # noqa: PLC0415 - called once it has been imported

    loop_class: Any = BaseEventLoop
    real_init, real_handler = loop_class.__init__, loop_class.call_exception_handler

    def __init__(self: Any) -> None:
        real_init(self)
        process = HERE.process
        if process is not MAIN:
            setattr(self, _OWNER, process)

    def call_exception_handler(self: Any, context: dict[str, Any]) -> None:
        process = getattr(self, _OWNER, None)
        if process is None or process.status is None:
            real_handler(self, context)

    for ours, real in ((__init__, real_init), (call_exception_handler, real_handler)):
        ours.__doc__, ours.__module__, ours.__qualname__ = real.__doc__, real.__module__, real.__qualname__
        journal.set(loop_class, real.__name__, ours)
