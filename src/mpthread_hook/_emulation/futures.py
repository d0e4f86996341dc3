"""The exit functions of `concurrent.futures`, which end the executors of one process and not of all.

Its modules keep a flag that says that the interpreter ends, and end every executor there is.  Both are asked
per process here: the flag is an object that answers for the process that asks.
"""

from __future__ import annotations

import sys

from .._identity import ENDINGS, HERE, MAIN, ThreadProcess, at_death

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Part:
    """One of the modules: the name of its flag, and of its threads by what ends them."""

    def __init__(self, module: str, flag: str, registry: str) -> None:
        self.module = module
        self.flag = flag
        self._registry = registry

    def __bool__(self) -> bool:
        """Answer as the flag: True for a process whose executors have to end."""
        return self in HERE.process.state

    def own(self, process: ThreadProcess) -> list[tuple[Any, Any]]:
        """Return the threads of a process and what ends each."""
        registry: Any = getattr(sys.modules.get(self.module), self._registry, None)
        while registry:
            try:
                return [(thread, way) for thread, way in list(registry.items()) if _owner(thread) is process]
            except RuntimeError:  # somebody started an executor meanwhile
                continue
        return []

    def end(self) -> None:
        """End the executors of the calling process, and join their threads."""
        process = HERE.process
        lock = getattr(sys.modules.get(self.module), "_global_shutdown_lock", None)
        if lock is None:
            process.state[self] = True
        else:
            with lock:  # who is just adding a worker has added it after that
                process.state[self] = True
        threads = self.own(process)
        for _, way in threads:
            _end_one(way)
        for thread, _ in threads:
            thread.join()

    def forget(self, process: ThreadProcess) -> None:
        """Let threads that wait for work notice that their process is gone, and nobody wait for them."""
        for thread, way in self.own(process):
            getattr(sys.modules[self.module], self._registry).pop(thread, None)
            try:
                _end_one(way)
            except (OSError, ValueError):  # closed already
                pass


_THREAD = _Part("concurrent.futures.thread", "_shutdown", "_threads_queues")
_PROCESS = _Part("concurrent.futures.process", "_global_shutdown", "_threads_wakeups")


def _owner(thread: Any) -> ThreadProcess:
    record = thread.__dict__.get("_mpthread_hook_thread")
    return MAIN if record is None else record.process


def _end_one(way: Any) -> None:
    if hasattr(way, "put"):
        way.put(None)
    else:
        way.wakeup()


@at_death
def _died(process: ThreadProcess) -> None:
    _PROCESS.forget(process)
    _THREAD.forget(process)


def end_all() -> None:
    """End the executors of the calling process, as the end of an interpreter does."""
    _PROCESS.end()
    _THREAD.end()


ENDINGS["executors"] = end_all


def exit_function(function: object) -> Callable[[], None] | None:
    """Return what is called instead of one of the functions that end all executors; None for another."""
    if getattr(function, "__name__", "") == "_python_exit":
        for part in (_THREAD, _PROCESS):
            if getattr(function, "__module__", "") == part.module:
                return part.end
    return None


def _adopt_exit_functions(journal: Any) -> None:
    """Replace what `concurrent.futures` registered with `threading` before we came."""
    calls = sys.modules["threading"]._threading_atexits
    for index, call in enumerate(calls):
        function = exit_function(_called_by(call))
        if function is not None:
            journal.set(_Slot(calls, index), "call", function)


def _called_by(call: Any) -> Any:
    """Return the function inside of what `threading._register_atexit` keeps."""
    inner = getattr(call, "func", None)  # a partial, until 3.12
    for cell in getattr(call, "__closure__", None) or ():
        if exit_function(cell.cell_contents) is not None:
            inner = cell.cell_contents
    return inner


class _Slot:
    """One entry of a list, as an attribute that the journal can set and put back."""

    __slots__ = ("_index", "_list")

    def __init__(self, entries: list[Any], index: int) -> None:
        self._list = entries
        self._index = index

    @property
    def call(self) -> Any:
        return self._list[self._index]

    @call.setter
    def call(self, value: Any) -> None:
        self._list[self._index] = value


def install_thread(journal: Any) -> None:
    """Put the flag that answers per process in place of that of `concurrent.futures.thread`."""
    journal.set(sys.modules[_THREAD.module], _THREAD.flag, _THREAD)
    _adopt_exit_functions(journal)


def install_process(journal: Any) -> None:
    """Put the flag that answers per process in place of that of `concurrent.futures.process`."""
    module: Any = sys.modules[_PROCESS.module]
    journal.set(module, _PROCESS.flag, _PROCESS)
    _adopt_exit_functions(journal)
    wakeup = getattr(module, "_ThreadWakeup", None)
    if wakeup is not None and hasattr(wakeup, "wakeup"):
        journal.set(wakeup, "wakeup", _woken_once(wakeup.wakeup))
    executor = module.ProcessPoolExecutor
    if hasattr(executor, "_spawn_process"):
        journal.set(executor, "_spawn_process", _noted_in_time(executor._spawn_process))


class _Workers(dict):  # type: ignore[type-arg]
    """The workers of an executor, by pid; whoever takes one out waits for it to be put in.

    The stdlib puts it there after `start()`, and takes it out when its only task is done (``max_tasks_per_child=1``).
    A new interpreter is not that soon, but a thread may have done it by then.
    """

    def __init__(self, workers: dict[int, Any]) -> None:
        super().__init__(workers)
        self._changed = sys.modules["threading"].Condition()
        self._starting = 0

    def starting(self, number: int) -> None:
        """Count who is between the start of a worker and putting it in."""
        with self._changed:
            self._starting += number
            self._changed.notify_all()

    def pop(self, pid: int, *default: Any) -> Any:
        """Take a worker out; a KeyError if nobody is about to put it in."""
        with self._changed:
            while self._starting and pid not in self:
                self._changed.wait()
        return super().pop(pid, *default)


def _noted_in_time(stock_spawn: Callable[[Any], object]) -> Callable[[Any], None]:
    def _spawn_process(self: Any) -> None:
        if type(self._processes) is dict:  # the first one: nobody else has the list yet
            self._processes = _Workers(self._processes)
        workers = self._processes
        workers.starting(1)
        try:
            stock_spawn(self)
        finally:
            workers.starting(-1)

    return _spawn_process


def _woken_once(stock_wakeup: Callable[[Any], object]) -> Callable[[Any], None]:
    """Do not wake the thread of an executor again that was woken and has not yet looked.

    It takes all such messages at once, and looks for work, results and its end after that.
    """

    def wakeup(self: Any) -> None:
        end = getattr(getattr(self, "_reader", None), "_end", None)  # that of a real pipe has none
        if end is None or not end.inbox:
            stock_wakeup(self)

    return wakeup
