"""Event loops that outlive the process which made them.

What a child leaves is collected by whoever collects garbage next, and then `asyncio` complains of tasks that
were pending and of loops that were not closed, and the interpreter of coroutines that never began.  A process
that has ended could not.
"""

from __future__ import annotations

import sys
import weakref
from types import CoroutineType as _Coroutine

from .._identity import HERE, MAIN, ThreadProcess, at_death, at_end, at_unwind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

_OWNER = "_process_of_loop"
#: Keys in the state of a process: its loops, weakly while it lives.
_LOOPS = "event loops"
_KEPT = "event loops of the dead"


@at_death
def _keep(process: ThreadProcess) -> None:
    """Keep the loops until nothing of the process runs any more, so that nobody collects them before."""
    found = [loop() for loop in list(process.state.get(_LOOPS, ()))]
    if found:
        process.state[_KEPT] = found


@at_unwind
def _unwound(error: BaseException) -> None:
    """Close the coroutines that were on their way into a task: what was unwound still holds them."""
    if not HERE.process.state.get(_LOOPS):
        return
    known = set()
    link: BaseException | None = error
    while link is not None and id(link) not in known:
        known.add(id(link))
        step = link.__traceback__
        while step is not None:
            for value in list(step.tb_frame.f_locals.values()):
                _close_if_new(value)
            step = step.tb_next
        link = link.__context__


def _close_if_new(coroutine: Any) -> None:
    if type(coroutine) is not _Coroutine or coroutine.cr_running or coroutine.cr_suspended:
        return
    if coroutine.cr_frame is not None:
        coroutine.close()


@at_end
def _forget(process: ThreadProcess) -> None:
    """Close the coroutines that never began, in which nothing of the program runs then."""
    process.state.pop(_LOOPS, None)
    for loop in process.state.pop(_KEPT, ()):
        if loop is None:
            continue
        for task in sys.modules["asyncio.tasks"].all_tasks(loop):
            _close_if_new(task.get_coro())


def _note(process: ThreadProcess, loop: Any) -> None:
    loops: list[weakref.ref[Any]] = process.state.setdefault(_LOOPS, [])
    loops[:] = [one for one in loops if one() is not None]
    loops.append(weakref.ref(loop))


def install(journal: Journal) -> None:
    """Let the loops of a thread process be silent once it has ended."""
    from asyncio.base_events import BaseEventLoop  # noqa: PLC0415 - called once it has been imported

    loop_class: Any = BaseEventLoop
    real_init, real_handler = loop_class.__init__, loop_class.call_exception_handler
    real_del = loop_class.__del__

    def __init__(self: Any) -> None:
        real_init(self)
        process = HERE.process
        if process is not MAIN:
            setattr(self, _OWNER, process)
            _note(process, self)

    def call_exception_handler(self: Any, context: dict[str, Any]) -> None:
        process = getattr(self, _OWNER, None)
        if process is None or process.status is None:
            real_handler(self, context)

    def __del__(self: Any, **warn: Any) -> None:
        process = getattr(self, _OWNER, None)
        if process is None or process.status is None:
            real_del(self, **warn)
        elif not self.is_closed() and not self.is_running():
            try:
                self.close()
            except Exception:  # the process may have ended in the middle of making it
                pass

    for ours, real in ((__init__, real_init), (call_exception_handler, real_handler), (__del__, real_del)):
        ours.__doc__, ours.__module__, ours.__qualname__ = real.__doc__, real.__module__, real.__qualname__
        journal.set(loop_class, real.__name__, ours)
