"""A shorter way for the tasks of `multiprocessing.Pool`; everything else of the pool is the interpreter's own.

A task is ``(job, number, function, args, kwargs)``.  A function of a module travels by name in a pickle and
arrives as the very same object, and looking the name up takes most of the time.  So a task that is made of
atoms, such functions and no keyword arguments travels as it is.
"""

from __future__ import annotations

import copyreg
import sys
from types import FunctionType

from .connection import ATOMS, _known_reducers, _reducers
from .queues import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def _arrives_as_it_is(items: tuple[Any, ...]) -> bool:
    """Return whether a pickle of the items would give equal ones that nobody can tell from them."""
    for item in items:
        kind = type(item)
        if kind in ATOMS:
            continue
        if kind is tuple:
            if not _arrives_as_it_is(item):
                return False
        elif kind is not FunctionType or not _is_found_by_name(item):
            return False
    return True


def _is_found_by_name(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__)
    return module is not None and getattr(module, function.__qualname__, None) is function


class TaskQueue(SimpleQueue):
    """The queue from a pool to its workers."""

    def put_task(self, task: Any) -> None:
        """Add a task; None tells a worker to end."""
        if (
            task is not None
            and not task[4]
            and _arrives_as_it_is(task[:4])
            and type(task[4]) is dict
            and len(_reducers) == _known_reducers
            and FunctionType not in copyreg.dispatch_table
        ):
            self._writer.send_message((None, task[:4]))
        else:
            self.put(task)

    def get(self) -> Any:
        """Take the next task."""
        task = SimpleQueue.get(self)
        return (*task, {}) if type(task) is tuple and len(task) == 4 else task


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.pool`."""
    served: Any = module
    stock_setup_queues = served.Pool._setup_queues

    def _setup_queues(self: Any) -> None:
        make = getattr(type(self._ctx), "SimpleQueue", None)
        if getattr(make, "__module__", None) != "multiprocessing.context":
            stock_setup_queues(self)  # a context with queues of its own
            return
        self._inqueue = TaskQueue(ctx=self._ctx)
        self._outqueue = self._ctx.SimpleQueue()
        self._quick_put = self._inqueue.put_task
        self._quick_get = self._outqueue.get

    _setup_queues.__module__ = module.__name__
    served.Pool._setup_queues = _setup_queues
