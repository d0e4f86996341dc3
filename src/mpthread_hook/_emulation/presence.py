"""Changes that are in force only while a thread process exists.

Some illusions cost the main program something at every use (`sys.stdout` becomes a property).  They are laid
on when the first thread process is created and lifted when the last thread of the last one is over, so that
a program with none of them runs on exactly what the interpreter gave it.

What counts is threads, not records: a thread that was abandoned inside foreign code still counts, since it
may come back and print.
"""

from __future__ import annotations

import os
from _thread import _local

from .. import _identity
from .._identity import HERE, MAIN, Mutex, ThreadProcess, shield

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._identity import Thread

_COUNTED = "presence"

#: Guards all state that `_emulation` keeps for several processes.  A thread can take it again, since a
#: signal handler may start a process in the middle of anything; a real fork replaces it.
lock = Mutex()
_changes: list[tuple[Callable[[], object], Callable[[], object]]] = []
_count = 0
_laid_on = False


def during(lay_on: Callable[[], object], lift: Callable[[], object]) -> Callable[[], object]:
    """Call ``lay_on()`` when thread processes appear and ``lift()`` when they are gone.

    Both are called under a lock and may run only code of ours.  Returns the function that takes it back,
    lifting what is laid on.
    """
    change = (lay_on, lift)
    with lock:
        _changes.append(change)
        if _laid_on:
            lay_on()

    def forget() -> None:
        with lock:
            if change in _changes:
                _changes.remove(change)
                if _laid_on:
                    lift()

    return forget


def present() -> bool:
    """Return whether thread processes exist, or threads that one of them left behind."""
    return _count > 0


def _add(number: int) -> None:
    global _count, _laid_on
    with shield, lock:
        _count += number
        wanted = _count > 0
        if wanted is _laid_on:
            return
        _laid_on = wanted
        if wanted:
            for lay_on, _ in _changes:
                lay_on()
        else:
            for _, lift in reversed(_changes):
                lift()


def _created(_parent: ThreadProcess, child: ThreadProcess) -> None:
    child.state[_COUNTED] = None
    _add(1)


def _entered(thread: Thread) -> None:
    process = thread.process
    if thread is process.main:
        known = _COUNTED in process.state
        process.state[_COUNTED] = thread
        if known:
            return
    _add(1)


def _left(thread: Thread) -> None:
    if thread is thread.process.main:
        thread.process.state.pop(_COUNTED, None)
    _add(-1)


def _ended(process: ThreadProcess) -> None:
    # One that never got a thread has nobody to leave.
    if _COUNTED in process.state and process.state[_COUNTED] is None:
        del process.state[_COUNTED]
        _add(-1)


# ---------------------------------------------------------------------------------------------------------
# A real fork by somebody else: its child is the whole program, and what the forking process had is real there

_take_over: list[Callable[[ThreadProcess], object]] = []


class _Forking(_local):
    process: ThreadProcess = MAIN


_forking = _Forking()


def on_real_fork(function: Callable[[ThreadProcess], object]) -> None:
    """Call ``function(process)`` in the child of a real fork that a thread process made."""
    if function not in _take_over:
        _take_over.append(function)


def _before_real_fork() -> None:
    _forking.process = HERE.process


def _after_real_fork() -> None:
    global lock, _count
    lock = Mutex()
    _count = 0
    _add(0)
    process = _forking.process
    if process is not MAIN:
        _forking.process = MAIN
        for function in _take_over:
            function(process)


_identity.at_start(_created)
_identity.at_enter(_entered)
_identity.at_leave(_left)
_identity.at_end(_ended)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_real_fork, after_in_child=_after_real_fork)
