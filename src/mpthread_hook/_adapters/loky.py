"""loky, on its own and as the copy inside joblib: its workers and its resource tracker are in the program.

loky starts its workers itself, by executing an interpreter; here they are spawned children like those of
`multiprocessing`, whose main module is not run again, and whose objects loky's own pickler carries.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
import warnings
from importlib import import_module

from .. import _identity
from .._identity import HERE, MAIN, PROCESSES, Mutex, ThreadProcess
from .own_globals import Named, stand_in, with_own_globals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .._hook.journal import Journal

_SIGKILL = 9
_LAST = -(1 << 30)


def _modules(name: str) -> Iterator[Any]:
    """Return a module of loky wherever it has been imported: two copies of it may be there."""
    for root in ("loky", "joblib.externals.loky"):
        module = sys.modules.get(f"{root}.{name}")
        if module is not None:
            yield module


# ---------------------------------------------------------------------------------------------------------
# The resource tracker


class Tracker:
    """Counts the users of files, folders and semaphores, and frees what nobody uses any more.

    The real one is a process that outlives the program; this one does the rest of its work at exit.
    """

    _fd: int | None = None
    _pid: int | None = None

    def __init__(self, cleanup: dict[str, Callable[[str], object]]) -> None:
        self._cleanup = cleanup
        self._lock = Mutex()
        self._users: dict[tuple[str, str], int] = {}

    def ensure_running(self) -> None:
        """Do nothing: there is no tracker process."""

    def getfd(self) -> int | None:
        """Return None: there is no pipe to a tracker."""
        return self._fd

    def register(self, name: str, rtype: str) -> None:
        """Count one more user of a resource."""
        with self._lock:
            self._users[rtype, name] = self._users.get((rtype, name), 0) + 1

    def unregister(self, name: str, rtype: str) -> None:
        """Forget a resource."""
        with self._lock:
            self._users.pop((rtype, name), None)

    def maybe_unlink(self, name: str, rtype: str) -> None:
        """Count one user less, and free the resource after the last one."""
        with self._lock:
            left = self._users.get((rtype, name), 0) - 1
            if left >= 0:
                self._users[rtype, name] = left
            if left != 0:
                return
            del self._users[rtype, name]
        self._free(rtype, name)

    def _free(self, rtype: str, name: str) -> None:
        try:
            self._cleanup[rtype](name)
        except Exception as error:  # as the tracker process: say so and go on
            warnings.warn(f"resource_tracker: {name}: {error!r}", stacklevel=2)

    def stop(self) -> None:
        """Free what is left, folders last, with a warning for each type."""
        with self._lock:
            left = sorted(self._users, key=lambda key: key[0] == "folder")
            self._users.clear()
        for rtype in dict.fromkeys(rtype for rtype, _name in left):
            names = [name for kind, name in left if kind == rtype]
            warnings.warn(
                f"resource_tracker: There appear to be {len(names)} leaked {rtype} objects to clean up "
                f"at shutdown: {names}",
                stacklevel=2,
            )
            for name in names:
                self._free(rtype, name)


def install_tracker(journal: Journal) -> None:
    """Patch `backend.resource_tracker`."""
    for module in _modules("backend.resource_tracker"):
        if isinstance(module._resource_tracker, Tracker):
            continue
        tracker = Tracker(module._CLEANUP_FUNCS)
        journal.set(module, "_resource_tracker", tracker)
        for name in ("ensure_running", "register", "maybe_unlink", "unregister", "getfd"):
            journal.set(module, name, getattr(tracker, name))
        with _identity.acting_as(MAIN):  # after all other finalizers of the program
            last = import_module("multiprocessing.util").Finalize(None, tracker.stop, exitpriority=_LAST)
        journal.undo(last.cancel)


def install_reduction(journal: Journal) -> None:
    """Patch `backend._posix_reduction`: a connection travels as it does in `multiprocessing`."""
    stock = import_module("multiprocessing.connection").Connection
    reducers = import_module("multiprocessing.reduction").ForkingPickler._extra_reducers
    for module in _modules("backend.reduction"):
        for cls, reducer in tuple(reducers.items()):
            if isinstance(cls, type) and issubclass(cls, stock):  # what a pipe of ours is made of
                journal.item(module._dispatch_table, cls, reducer)


def install_queues(journal: Journal) -> None:
    """Patch `backend.queues`: its classes send what loky's pickler makes, by our queues."""
    for module in _modules("backend.queues"):
        for cls in (module.Queue, module.SimpleQueue):
            journal.set(cls, "__getstate__", _getstate_of(cls))
            journal.set(cls, "__setstate__", _setstate_of(cls))
        journal.set(module.Queue, "put", _put_of(module))
        journal.set(module.Queue, "get", _get_of(module))


def _getstate_of(cls: Any) -> Callable[[Any], Any]:
    def __getstate__(self: Any) -> tuple[Any, Any]:
        return super(cls, self).__getstate__(), self._reducers

    return __getstate__


def _setstate_of(cls: Any) -> Callable[[Any, Any], None]:
    def __setstate__(self: Any, state: Any) -> None:
        own, self._reducers = state
        super(cls, self).__setstate__(own)

    return __setstate__


def _put_of(module: Any) -> Callable[..., None]:
    def put(self: Any, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        try:
            data = bytes(module.dumps(obj, reducers=self._reducers))
        except (Exception, SystemExit) as error:
            self._on_queue_feeder_error(error, obj)
        else:
            super(module.Queue, self).put(data, block, timeout)

    return put


def _get_of(module: Any) -> Callable[..., Any]:
    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        return pickle.loads(super(module.Queue, self).get(block, timeout))

    return get


# ---------------------------------------------------------------------------------------------------------
# Workers


def _popen_class(module: Any) -> type:
    backend = import_module("mpthread_hook._backend.popen")
    root = module.__name__.rpartition(".")[0]

    class Popen(backend.SpawnPopen):  # type: ignore[misc, name-defined]
        """A worker of loky: a spawned child, with an environment of its own."""

        method = "loky"

        def _prepare(self, process_obj: Any, record: ThreadProcess) -> Callable[[], int]:
            environment = dict(getattr(process_obj, "env", None) or {})
            body = super()._prepare(process_obj, record)

            def with_environment() -> int:
                os.environ.update(environment)
                return body()  # type: ignore[no-any-return]

            return with_environment

        def _preparation(self, process_obj: Any) -> tuple[dict[str, Any], Any]:
            spawn = import_module(f"{root}.spawn")
            main_too = getattr(process_obj, "init_main_module", True)
            preparation = spawn.get_preparation_data(process_obj._name, main_too)
            return preparation, import_module(f"{root}.reduction")

        @staticmethod
        def thread_is_spawning() -> bool:
            """Return True, as loky's own class."""
            return True

    return Popen


def install_popen(journal: Journal) -> None:
    """Patch `backend.popen_loky_posix`."""
    for module in _modules("backend.popen_loky_posix"):
        if module.Popen.__module__ != __name__:
            journal.set(module, "Popen", _popen_class(module))


def install_executor(journal: Journal) -> None:
    """Patch `process_executor`: what a worker notes down in that module is not for the program."""
    for module in _modules("process_executor"):
        if not isinstance(module._process_worker, Named):
            journal.set(module, "_process_worker", _worker_of(module))
            journal.set(module, "_python_exit", _exit_of(module))
            # The one that is there is emptied after a fork, which its owner, the program, would notice.
            journal.set(module, "_threads_wakeups", type(module._threads_wakeups)(module._threads_wakeups))


def _worker_of(module: Any) -> Callable[..., Any]:
    real = module._process_worker

    def _process_worker(*args: Any, **kwargs: Any) -> Any:
        # What it measures with psutil is the memory of the whole program.
        return with_own_globals(real, _USE_PSUTIL=False)(*args, **kwargs)

    return stand_in(_process_worker, real)


def _exit_of(module: Any) -> Callable[[], None]:
    def _python_exit() -> None:
        """End the executors that the calling process has made, and wait for their threads."""
        if HERE.process is MAIN:
            module._global_shutdown = True
        own = set(sys.modules["threading"].enumerate())  # a process sees its own
        ending = [(thread, way) for thread, way in list(module._threads_wakeups.items()) if thread in own]
        for thread, (lock, wakeup) in ending:
            thread.executor_flags.flag_as_shutting_down()  # takes the lock itself
            with lock:
                wakeup.wakeup()
        for thread, _ in ending:
            thread.join()

    return _python_exit


#: Key in the state of a process, by module: the function that knows its reusable executor.
_REUSABLE = "loky.reusable_executor"


def install_reusable(journal: Journal) -> None:
    """Patch `reusable_executor`: the executor that is used again is one of the process that asks.

    Where it is kept by thread already (from 3.6 on) there is nothing to do.
    """
    for module in _modules("reusable_executor"):
        cls = module._ReusablePoolExecutor
        stock = vars(cls)["get_reusable_executor"].__func__
        if hasattr(module, "_executor") and not hasattr(stock, "__wrapped__"):  # not done for the other copy's sake
            journal.set(cls, "get_reusable_executor", classmethod(_reusable_of(module, stock)))


def _reusable_of(module: Any, stock: Any) -> Callable[..., Any]:
    @functools.wraps(stock)
    def get_reusable_executor(cls: Any, *args: Any, **kwargs: Any) -> Any:
        process = HERE.process
        if process is MAIN:
            return stock(cls, *args, **kwargs)
        key = (_REUSABLE, module.__name__)
        own = process.state.get(key)
        if own is None:
            fresh = with_own_globals(stock, _executor=None, _executor_kwargs=None, _executor_lock=Mutex())
            own = process.state.setdefault(key, fresh)
        return own(cls, *args, **kwargs)

    return get_reusable_executor


def install_utils(journal: Journal) -> None:
    """Patch `backend.utils`: it asks the system for the children of a worker, which knows neither."""
    for module in _modules("backend.utils"):
        journal.set(module, "kill_process_tree", kill_process_tree)


def kill_process_tree(process: Any, use_psutil: bool = True) -> None:
    """Kill a worker and its descendants, and wait for the worker."""
    record = PROCESSES.get(process.pid)
    if record is not None and record is not HERE.process:
        _kill_tree(record)
    process.join()


def _kill_tree(record: ThreadProcess) -> None:
    for child in tuple(record.children):
        _kill_tree(child)
    _identity.deliver(record, _SIGKILL)
