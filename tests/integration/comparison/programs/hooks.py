"""What runs around a start: fork hooks, after-fork functions, and what a child finds of its parent."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import threading
from multiprocessing import util
from typing import Any

from .stage import LIMIT, finish, launch, only, receive, run, say

_armed = [False]


def _note(what: str) -> None:
    if _armed[0]:
        say(what)


os.register_at_fork(
    before=lambda: _note("before, first"),
    after_in_child=lambda: _note("in child, first"),
)
os.register_at_fork(
    before=lambda: _note("before, second"),
    after_in_child=lambda: _note("in child, second"),
)


def _tell() -> None:
    say("target in", multiprocessing.current_process().name)


def _hook_lines(target: Any) -> None:
    _armed[0] = True
    try:
        run(target)
    finally:
        _armed[0] = False


@only("spawn")
def case_fork_hooks_are_not_for_spawn() -> None:
    """Spawning runs no fork hooks."""
    _hook_lines(_tell)


@only("fork")
def case_fork_hooks_in_order() -> None:
    """The hooks of os.register_at_fork run around a fork: before in reverse, after in order."""
    seen: list[tuple[str, int, str]] = []

    def note(what: str) -> None:
        seen.append((what, os.getpid(), threading.current_thread().name))

    os.register_at_fork(before=lambda: note("before 1"), after_in_parent=lambda: note("parent 1"))
    os.register_at_fork(before=lambda: note("before 2"), after_in_parent=lambda: note("parent 2"))
    run(int)
    say([(what, pid == os.getpid(), name) for what, pid, name in seen if not what.startswith("child")])


@only("fork")
def case_fork_hooks_that_hold_a_lock() -> None:
    """A lock that is taken before a fork and given back on both sides is free on both, and was given back once."""
    lock = threading.Lock()

    def give_back() -> None:
        lock.release()

    os.register_at_fork(before=lambda: lock.acquire() and None, after_in_parent=give_back, after_in_child=give_back)
    run(lambda: say(lock.acquire(timeout=LIMIT), lock.release()))
    say(lock.acquire(timeout=LIMIT), lock.release())


@only("fork")
def case_fork_hooks_in_the_child() -> None:
    """The after_in_child hooks run in the child, in order, before its target."""
    ours, theirs = multiprocessing.Pipe()
    here = os.getpid()
    active = [True]

    def note(what: str) -> None:
        if active[0]:
            theirs.send((what, os.getpid() != here, threading.current_thread() is threading.main_thread()))

    os.register_at_fork(after_in_child=lambda: note("child 1"))
    os.register_at_fork(after_in_child=lambda: note("child 2"))
    process = launch(theirs.send, "target")
    say(receive(ours), receive(ours), receive(ours))
    finish(process)
    active[0] = False


def _failing_hook() -> None:
    if _armed[0]:
        raise ValueError("in a hook")


@only("fork")
def case_failing_fork_hook() -> None:
    """A fork hook that raises is reported, and the fork goes on."""
    os.register_at_fork(before=_failing_hook)
    _armed[0] = True
    process = multiprocessing.Process(target=int, name="child")
    process.start()
    finish(process)
    _armed[0] = False


class _Registered:
    def __init__(self, name: str) -> None:
        self.name = name
        util.register_after_fork(self, _Registered.after)

    def after(self) -> None:
        say("after fork:", self.name, multiprocessing.current_process().name)


@only("fork")
def case_after_fork_functions() -> None:
    """util.register_after_fork() functions run in a child, in the order of their registration."""
    kept = [_Registered("first"), _Registered("second")]
    gone = _Registered("gone")
    del gone
    run(_tell)
    say(len(kept))
    util._afterfork_registry.clear()  # type: ignore[attr-defined]


def _register_in_child() -> None:
    kept = _Registered("the child's")
    run(_tell, name="grandchild")
    say(kept.name)


def case_after_fork_functions_of_a_child() -> None:
    """What a child registers is for its own children."""
    run(_register_in_child)
    run(_tell, name="another child")
    util._afterfork_registry.clear()  # type: ignore[attr-defined]


def _finalizers() -> None:
    say(
        sorted(
            f.__class__.__name__ for f in util._finalizer_registry.values() if f._args == ("of the parent",)
        )
    )


def case_finalizers_are_not_inherited() -> None:
    """Finalizers of the parent are not run by a child."""
    finalizer = util.Finalize(None, say, args=("of the parent",), exitpriority=100)
    run(_finalizers)
    say(finalizer.still_active())
    finalizer.cancel()


def _exit_hook_count() -> None:
    atexit.register(say, "of the child")


def case_exit_functions_are_not_inherited() -> None:
    """A child runs no exit function of its parent."""
    atexit.register(say, "of the parent")
    run(_exit_hook_count)
    atexit.unregister(say)


_local = threading.local()


def _tell_local() -> None:
    say(getattr(_local, "value", "unset"))
    _local.value = "the child's"


@only("fork")
def case_thread_locals_are_inherited() -> None:
    """A forked child's main thread has a copy of the thread-local values of the thread that started it."""
    _local.value = "the parent's"
    run(_tell_local)
    say(_local.value)
    del _local.value


@only("spawn")
def case_thread_locals_are_fresh() -> None:
    """A spawned child starts without thread-local values."""
    _local.value = "the parent's"
    run(_tell_local)
    say(_local.value)
    del _local.value


def _log(connection: Any) -> None:
    logger = logging.getLogger("hooks")
    lock: Any = logger.handlers[0].lock
    free = lock.acquire(blocking=False)
    if free:
        lock.release()
    connection.send(free)
    logger.error("the child logs")


@only("fork")
def case_logging_locks_are_free() -> None:
    """A child can log though a thread of the parent held the handler's lock when it was forked."""
    logger = logging.getLogger("hooks")
    logger.propagate = False
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        handler.acquire()
        held.set()
        release.wait()
        handler.release()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_log, theirs)
    process.join(LIMIT if receive(ours) is True else 0.5)
    say("the child could log", process.exitcode == 0)
    release.set()
    thread.join()
    finish(process)
    logger.handlers.clear()


@only("fork")
def case_parents_threads_are_not_there() -> None:
    """Threads of the parent do not run in a child, and are not alive there."""
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    run(_tell_alive, thread)
    say(thread.is_alive())
    gate.set()
    thread.join()


def _tell_alive(thread: Any) -> None:
    say(thread.is_alive(), thread in threading.enumerate())


@only("fork")
def case_held_lock_is_inherited_held() -> None:
    """A lock that the parent holds while it forks is held in the child, and its release is the child's."""
    lock = threading.Lock()
    lock.acquire()
    run(_release, lock)
    say(lock.locked())


def _release(lock: Any) -> None:
    say(lock.locked(), lock.acquire(timeout=0.05))
    lock.release()
    say(lock.acquire(timeout=1))
