"""Locks and their kin between processes: who owns them, what they refuse, who wakes whom."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from typing import Any

from .stage import LIMIT, attempt, finish, launch, receive, run, say


def _release(lock: Any) -> None:
    attempt(lock.release)


def case_lock_has_no_owner() -> None:
    """A Lock may be released by any process; one that is free may not."""
    lock = multiprocessing.Lock()
    lock.acquire()
    run(_release, lock)
    say(lock.acquire(timeout=LIMIT))
    lock.release()
    attempt(lock.release)
    run(_release, lock)


def case_rlock_has_an_owner() -> None:
    """An RLock belongs to the process and thread that acquired it."""
    lock = multiprocessing.RLock()
    say(lock.acquire(), lock.acquire())
    run(_release, lock)
    lock.release()
    lock.release()
    attempt(lock.release)


def _reacquire(lock: Any) -> None:
    say(lock.acquire(timeout=0.05))


def _from_thread(lock: Any) -> None:
    with lock:
        thread = threading.Thread(target=_reacquire, args=(lock,))
        thread.start()
        thread.join()
        say(lock.acquire(timeout=0.05))
        lock.release()


def case_rlock_is_of_one_thread() -> None:
    """Another thread of the owning process does not own an RLock."""
    lock = multiprocessing.RLock()
    run(_from_thread, lock)
    run(_reacquire, lock)


def _tell_lock(lock: Any) -> None:
    say(repr(lock).replace(multiprocessing.current_process().name, "…"))


def _die_with(lock: Any) -> None:
    lock.acquire()
    os._exit(1)


def _take_or_give(lock: Any) -> None:
    say(lock.acquire(timeout=0.1))
    attempt(lock.release)


def case_rlock_of_one_that_died() -> None:
    """A recursive lock that a dead process had is not the next one's."""
    for lock in (multiprocessing.RLock(), multiprocessing.Condition(), multiprocessing.Value("i").get_lock()):
        for _ in range(3):
            run(_die_with if _ == 0 else _take_or_give, lock)


def case_repr_of_locks() -> None:
    """The repr of a lock says who has it."""
    for make in (multiprocessing.Lock, multiprocessing.RLock, multiprocessing.Semaphore):
        lock = make()
        say(repr(lock))
        run(_tell_lock, lock)
        lock.acquire()
        say(repr(lock))
        run(_tell_lock, lock)
    say(repr(multiprocessing.Condition()), repr(multiprocessing.Event()).partition(" at")[0])
    say(repr(multiprocessing.BoundedSemaphore(3)))


def _release_semaphore(semaphore: Any, count: int) -> None:
    for _ in range(count):
        semaphore.release()


def case_semaphores() -> None:
    """A semaphore counts over processes; a bounded one refuses to grow."""
    semaphore = multiprocessing.Semaphore(0)
    run(_release_semaphore, semaphore, 3)
    say(semaphore.get_value(), [semaphore.acquire(timeout=0.05) for _ in range(4)])
    bounded = multiprocessing.BoundedSemaphore(1)
    attempt(bounded.release)
    run(_release, bounded)
    attempt(multiprocessing.Semaphore, -1)


def _wait_condition(condition: Any, connection: Any) -> None:
    with condition:
        connection.send("waits")
        connection.send(condition.wait(LIMIT))


def case_condition() -> None:
    """A condition wakes as many waiters as it is told to, and refuses without its lock."""
    condition = multiprocessing.Condition()
    pipes = [multiprocessing.Pipe() for _ in range(3)]
    children = [
        launch(_wait_condition, condition, theirs, name=f"child {n}") for n, (_, theirs) in enumerate(pipes)
    ]
    for ours, _ in pipes:
        receive(ours)
    with condition:
        condition.notify()
    with condition:
        condition.notify_all()
    say([receive(ours) for ours, _ in pipes])
    for process in children:
        finish(process)
    attempt(condition.notify)
    attempt(condition.wait)
    with condition:
        say(condition.wait(0.01), condition.wait_for(lambda: True), condition.wait_for(lambda: 0, 0.01))


def _wait_event(event: Any) -> None:
    sys.exit(5 if event.wait(LIMIT) and event.is_set() else 1)


def case_event() -> None:
    """An event wakes all that wait for it."""
    event = multiprocessing.Event()
    say(event.is_set(), event.wait(0.01))
    children = [launch(_wait_event, event, name=f"child {n}") for n in range(3)]
    event.set()
    for process in children:
        finish(process)
    event.clear()
    say(event.is_set())


def _pass_barrier(barrier: Any, connection: Any) -> None:
    connection.send(barrier.wait(LIMIT))
    try:
        barrier.wait(LIMIT)
    except threading.BrokenBarrierError:
        connection.send("broken")


def case_barrier() -> None:
    """A barrier lets all pass together, each with its number, and breaks for all."""
    barrier = multiprocessing.Barrier(3, timeout=LIMIT)
    pipes = [multiprocessing.Pipe() for _ in range(2)]
    children = [
        launch(_pass_barrier, barrier, theirs, name=f"child {n}") for n, (_, theirs) in enumerate(pipes)
    ]
    mine = barrier.wait()
    say(sorted([mine, *(receive(ours) for ours, _ in pipes)]), barrier.parties)
    barrier.abort()
    say([receive(ours) for ours, _ in pipes], barrier.broken)
    for process in children:
        finish(process)
    barrier.reset()
    say(barrier.broken, barrier.n_waiting)


def _leave_held(lock: Any) -> None:
    lock.acquire()
    os._exit(0)


def case_lock_of_one_that_left() -> None:
    """A lock whose holder left by os._exit() or return stays held."""
    for target in (_leave_held, _acquire):
        lock = multiprocessing.Lock()
        run(target, lock)
        say(lock.acquire(timeout=0.05))


def _acquire(lock: Any) -> None:
    lock.acquire()


def case_context_only() -> None:
    """Locks cannot be pickled but on their way to a child."""
    import pickle

    for make in (multiprocessing.Lock, multiprocessing.Event, multiprocessing.Queue):
        attempt(pickle.dumps, make())
    ours, _theirs = multiprocessing.Pipe()
    attempt(ours.send, multiprocessing.Lock())


def _race(value: Any, count: int) -> None:
    for _ in range(count):
        with value.get_lock():
            value.value += 1


def case_no_update_is_lost() -> None:
    """A counter under a lock counts every step of every process."""
    value = multiprocessing.Value("q", 0)
    children = [launch(_race, value, 500, name=f"child {n}") for n in range(4)]
    for process in children:
        process.join()
    say(value.value)
    finish(process)
