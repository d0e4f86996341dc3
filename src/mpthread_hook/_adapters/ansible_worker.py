"""What a worker of Ansible's must not share with the parent, its siblings and the other tasks of a play.

In a forked worker all of it is a copy: the task, which is templated in place; the host, whose variables the
worker drops when it is done; the queue that its `Display` sends to.
"""

from __future__ import annotations

import os
import sys

from .._identity import HERE, MAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal

_WORKER = "ansible worker"
_ACCESS = "ansible._internal._templating._access"

def _copy(original: Any) -> Any:
    """Return a copy that shares nothing that the owner changes in place: attributes, lists, dicts, sets.

    Neither `copy.copy`, which hosts answer by serialising their groups, nor a method of the object's own,
    which makes another identity.
    """
    cls: Any = type(original)
    copy = cls.__new__(cls)
    state = vars(copy)
    for name, value in vars(original).items():
        state[name] = value.copy() if isinstance(value, (dict, list, set)) else value
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in {"__dict__", "__weakref__"} and hasattr(original, name):
                object.__setattr__(copy, name, getattr(original, name))
    return copy


def _part(worker: Any) -> None:
    """Give a worker that is about to start its own copies, as they are at this moment."""
    state = vars(worker)
    for name in ("_task", "_host", "_play_context", "_loader"):
        if state.get(name) is not None:
            state[name] = _copy(state[name])
    if hasattr(state.get("_loader"), "_tempfiles"):
        state["_loader"]._tempfiles = set()
    if isinstance(state.get("_task_vars"), dict):
        state["_task_vars"] = state["_task_vars"].copy()


def _describe(worker: Any) -> str:
    task, host = getattr(worker, "_task", None), getattr(worker, "_host", None)
    return f"{task.get_name()} on {host}" if task is not None and hasattr(task, "get_name") else ""


def _enter(worker: Any) -> None:
    """Begin in the worker's own process."""
    HERE.process.state[_WORKER] = worker
    HERE.process.doing = _describe(worker)
    _begin_access()
    stdin = vars(worker).get("_new_stdin")
    if stdin is not None and stdin.closed:
        # Up to 2.18 the parent keeps a duplicate of a terminal for the worker, and closes its own copy.
        worker._new_stdin = vars(worker).pop("_mpthread_hook_stdin", None) or open(os.devnull)  # noqa: SIM115


def install(journal: Journal) -> None:
    """Patch `ansible.executor.process.worker`."""
    module = sys.modules["ansible.executor.process.worker"]
    install_display(journal)
    cls: Any = module.WorkerProcess
    start, run = cls.start, cls.run

    def start_parted(self: Any) -> Any:
        _part(self)
        return start(self)

    def run_parted(self: Any) -> Any:
        if HERE.process is not MAIN:
            _enter(self)
        return run(self)

    journal.set(cls, "start", start_parted)
    journal.set(cls, "run", run_parted)
    if hasattr(cls, "_save_stdin"):
        journal.set(cls, "_save_stdin", _saving(cls._save_stdin))
    if hasattr(module, "current_worker"):
        _watch_current_worker(journal, module)


def _saving(save: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def save_stdin(self: Any) -> None:
        save(self)
        stdin = getattr(self, "_new_stdin", None)
        if stdin is not None and stdin.isatty():
            self._mpthread_hook_stdin = os.fdopen(os.dup(stdin.fileno()))

    return save_stdin


def _watch_current_worker(journal: Journal, module: ModuleType) -> None:
    """Make the global that prompts read the calling process's own; workers write it as a plain global."""
    base: Any = type(module)

    def get(_module: ModuleType) -> Any:
        return HERE.process.state.get(_WORKER)

    def put(_module: ModuleType, worker: Any) -> None:
        HERE.process.state[_WORKER] = worker

    # From 3.14 on, code that is hot reads past properties of a module that looks attributes up as modules do.
    lookup = {"__getattribute__": object.__getattribute__}
    module.__class__ = type(base.__name__, (base,), {"current_worker": property(get, put), **lookup})
    journal.undo(lambda: setattr(module, "__class__", base))


# ---------------------------------------------------------------------------------------------------------
# Display and templating


class _PerProcess:
    """An attribute of a singleton, with a value for each process; a child starts with its parent's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._key = f"ansible {name}"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        process = HERE.process
        while process is not MAIN and process.parent is not None:
            if self._key in process.state:
                return process.state[self._key]
            if process.method != "fork":
                break  # it has begun anew
            process = process.parent
        try:
            return vars(instance)[self._name]
        except KeyError:
            raise AttributeError(f"{type(instance).__name__!r} object has no attribute {self._name!r}") from None

    def __set__(self, instance: Any, value: Any) -> None:
        process = HERE.process
        if process is MAIN:
            vars(instance)[self._name] = value
        else:
            process.state[self._key] = value


def install_display(journal: Journal) -> None:
    """Patch `ansible.utils.display`: a worker's queue must not make the parent send its output to itself.

    Called again when workers are imported: the display module is often the first to import multiprocessing,
    which is what makes us patch, and has no class yet in that moment.
    """
    cls: Any = getattr(sys.modules["ansible.utils.display"], "Display", None)
    if hasattr(cls, "set_queue") and not isinstance(vars(cls).get("_final_q"), _PerProcess):
        journal.set(cls, "_final_q", _PerProcess("_final_q"))


def _begin_access() -> None:
    """Give a worker an access context of its own, as soon as there is one (from 2.19 on).

    It is a stack that is pushed and popped in turn, and lies in a context variable, whose *value* a copied context
    shares.
    """
    cls: Any = getattr(sys.modules.get(_ACCESS), "AnsibleAccessContext", None)
    variable = getattr(cls, "_contextvar", None)
    if variable is not None:
        variable.set(cls())
