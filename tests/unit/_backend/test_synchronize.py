"""Locks and semaphores over our `SemLock`."""

from __future__ import annotations

import threading

import pytest

from mpthread_hook import _identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def test_release_too_often(mp: Any) -> None:
    """A lock or bounded semaphore that is not held raises the stdlib's ValueError; a semaphore grows."""
    with pytest.raises(ValueError, match="semaphore or lock released too many times"):
        mp.Lock().release()
    with pytest.raises(ValueError, match="semaphore or lock released too many times"):
        mp.BoundedSemaphore(2).release()
    semaphore = mp.Semaphore(2)
    semaphore.release()
    assert semaphore.get_value() == 3


def test_rlock_belongs_to_a_thread(mp: Any) -> None:
    """A recursive lock counts, and refuses a release by anybody else with the stdlib's words."""
    lock = mp.RLock()
    assert lock.acquire()
    assert lock.acquire()
    assert lock._semlock._count() == 2
    errors: list[BaseException] = []

    def other() -> None:
        try:
            lock.release()
        except AssertionError as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert str(errors[0]) == "attempt to release recursive lock not owned by thread"
    lock.release()
    lock.release()
    assert not lock._semlock._is_mine()


def test_timeouts(mp: Any) -> None:
    """acquire() gives up after its seconds, at once if they are negative or it may not block."""
    lock = mp.Lock()
    lock.acquire()
    assert lock.acquire(timeout=0.01) is False
    assert lock.acquire(timeout=-1) is False
    assert lock.acquire(False) is False
    lock.release()
    assert lock.acquire(timeout=0.01) is True


def test_bad_arguments(mp: Any) -> None:
    """The C type's checks: kind, value range."""
    import _multiprocessing

    with pytest.raises(ValueError, match="unrecognized kind"):
        _multiprocessing.SemLock(7, 1, 1, "/x", True)
    with pytest.raises(OSError, match="Invalid argument"):
        _multiprocessing.SemLock(1, -1, 1, "/x", True)
    with pytest.raises(OverflowError):
        mp.Semaphore(2**31)


def test_names(mp: Any) -> None:
    """A named semaphore exists once, can be rebuilt by name, and is gone after sem_unlink()."""
    import _multiprocessing

    first = _multiprocessing.SemLock(1, 1, 1, "/mpthread-test", False)
    with pytest.raises(FileExistsError):
        _multiprocessing.SemLock(1, 1, 1, "/mpthread-test", False)
    assert _multiprocessing.SemLock._rebuild(0, 1, 1, "/mpthread-test") is first
    _multiprocessing.sem_unlink("/mpthread-test")
    with pytest.raises(FileNotFoundError):
        _multiprocessing.sem_unlink("/mpthread-test")


def test_a_killed_waiter_takes_nothing(mp: Any) -> None:
    """A process killed while it waits for a lock leaves it to the next waiter."""
    lock = mp.Lock()
    lock.acquire()
    waiting = mp.Event()

    def wait_for_it() -> None:
        waiting.set()
        lock.acquire()

    victim = mp.Process(target=wait_for_it)
    victim.start()
    assert waiting.wait(LONG)
    victim.terminate()
    victim.join(LONG)
    assert victim.exitcode == -15
    lock.release()
    assert lock.acquire(timeout=LONG)


def test_a_killed_owner_keeps_it(mp: Any) -> None:
    """A lock held by a process that is killed stays taken, although its `with` block unwinds."""
    lock = mp.Lock()
    holding = mp.Event()
    never = mp.Event()

    def hold() -> None:
        with lock:
            holding.set()
            never.wait()

    owner = mp.Process(target=hold)
    owner.start()
    assert holding.wait(LONG)
    owner.kill()
    owner.join(LONG)
    assert owner.exitcode == -9
    assert lock.acquire(timeout=0.05) is False


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore", "BoundedSemaphore"])
def test_mutual_exclusion(mp: Any, kind: str) -> None:
    """Eight processes never hold it at once, and none is forgotten."""
    lock = getattr(mp, kind)()
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for number in range(200):
            with lock:
                inside.append(number)
                most.append(len(inside))
                inside.pop()

    workers = [mp.Process(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(LONG)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert set(most) == {1}
    assert len(most) == 1600


def test_condition_and_barrier(mp: Any) -> None:
    """Condition.notify wakes as many as it says; a barrier lets its parties through together."""
    condition = mp.Condition()
    woken = mp.Semaphore(0)
    ready = mp.Semaphore(0)

    def sleeper() -> None:
        with condition:
            ready.release()
            condition.wait(LONG)
            woken.release()

    sleepers = [mp.Process(target=sleeper) for _ in range(3)]
    for process in sleepers:
        process.start()
    for _ in sleepers:
        assert ready.acquire(timeout=LONG)
    with condition:
        condition.notify(2)
    assert woken.acquire(timeout=LONG)
    assert woken.acquire(timeout=LONG)
    assert not woken.acquire(timeout=0.05)
    with condition:
        condition.notify_all()
    for process in sleepers:
        process.join(LONG)
    barrier = mp.Barrier(4)
    order = mp.SimpleQueue()
    parties = [mp.Process(target=lambda: order.put(barrier.wait(LONG))) for _ in range(4)]
    for process in parties:
        process.start()
    assert sorted(order.get() for _ in parties) == [0, 1, 2, 3]
    for process in parties:
        process.join(LONG)


def test_no_record_is_left(mp: Any) -> None:
    """After their join no process of these tests is known any more."""
    mp.active_children()
    assert not _identity.PROCESSES


def wait_for_notice(condition: Any, ready: Any, told: Any) -> None:
    """Wait to be notified, and say so."""
    with condition:
        ready.release()
        condition.wait()
    told.put(True)


def test_a_notice_is_not_lost_with_a_killed_waiter(ctx: Any) -> None:
    """Who waits for a condition and is killed takes no notice from the others."""
    condition, ready, told = ctx.Condition(), ctx.Semaphore(0), ctx.SimpleQueue()
    children = [ctx.Process(target=wait_for_notice, args=(condition, ready, told)) for _ in range(3)]
    for child in children:
        child.start()
        assert ready.acquire(timeout=LONG)
    with condition:
        pass  # all of them are in wait()
    children[0].terminate()
    children[0].join(LONG)
    assert children[0].exitcode == -15
    with condition:
        condition.notify(2)
    for child in children[1:]:
        child.join(LONG)
        assert child.exitcode == 0
    assert [told.get(), told.get()] == [True, True]
    assert repr(condition).endswith(", 0)>")


def test_wait_tells_a_notice_from_the_end_of_its_time(mp: Any) -> None:
    """wait() gives its lock back, however often it was taken, and returns whether it was notified."""
    condition = mp.Condition()
    with condition, condition:
        assert condition.wait(0.01) is False
        thread = threading.Thread(
            target=lambda: [condition.acquire(), condition.notify(), condition.release()]
        )
        thread.start()
        assert condition.wait(LONG) is True
        assert condition._lock._semlock._count() == 2
    thread.join(LONG)
    with pytest.raises(AssertionError):
        condition.notify()


def test_a_dead_process_releases_nothing(ctx: Any) -> None:
    """What a process holds when it is killed stays taken, although its thread unwinds its `with` blocks."""
    lock, ready, never = ctx.Lock(), ctx.Semaphore(0), ctx.Semaphore(0)
    child = ctx.Process(target=hold_for_ever, args=(lock, ready, never))
    child.start()
    assert ready.acquire(timeout=LONG)
    child.terminate()
    child.join(LONG)
    assert lock.acquire(False) is False
    assert not _identity.FENCED


def hold_for_ever(lock: Any, ready: Any, never: Any) -> None:
    """Hold a lock and wait."""
    with lock:
        ready.release()
        never.acquire()


def _answer(ask: Any, reply: Any, number: int) -> None:
    for _ in range(number):
        ask.wait()
        ask.clear()
        reply.set()


def test_an_event_that_is_cleared_at_once_wakes_nobody_later(ctx: Any) -> None:
    """Who clears an event and waits again is woken by the next set() only, however the threads take turns."""
    ask, reply = ctx.Event(), ctx.Event()
    child = ctx.Process(target=_answer, args=(ask, reply, 300))
    child.start()
    for _ in range(300):
        ask.set()
        assert reply.wait(LONG)
        reply.clear()
    child.join(LONG)
    assert (child.exitcode, ask.is_set(), reply.is_set()) == (0, False, False)


def test_set_wakes_everybody_who_waits(ctx: Any) -> None:
    """One set() is seen by all children that wait, and by those that come later; clear() takes it back."""
    event, done = ctx.Event(), ctx.SimpleQueue()
    children = [ctx.Process(target=_wait_and_say, args=(event, done)) for _ in range(5)]
    for child in children[:3]:
        child.start()
    event.set()
    for child in children[3:]:
        child.start()
    assert [done.get() for _ in children] == [True] * 5
    for child in children:
        child.join(LONG)
    event.clear()
    assert (event.wait(0), event.wait(0.01), event.is_set()) == (False, False, False)


def _wait_and_say(event: Any, done: Any) -> None:
    done.put(event.wait(LONG))


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_it_shows_who_has_it(mp: Any, kind: str) -> None:
    """Also when the thread that took it is gone, and a thread of another process may have its number."""
    fork = mp.get_context("fork")
    seen: list[str] = []

    def named(owner: str, number: object) -> str:
        return f"<Lock(owner={owner})>" if kind == "Lock" else f"<RLock({owner}, {number})>"

    def take(lock: Any) -> None:
        lock.acquire()
        seen.append(repr(lock))

    def take_in_thread(lock: Any) -> None:
        thread = threading.Thread(target=take, args=(lock,), name="T1")
        thread.start()
        thread.join()
        seen.append(repr(lock))

    def take_in_process(target: Any, lock: Any) -> None:
        child = fork.Process(target=target, args=(lock,), name="P1")
        child.start()
        child.join()
        seen.append(repr(lock))

    lock = getattr(fork, kind)()
    assert repr(lock) == named("None", 0)
    take(lock)
    for _ in range(5):
        take_in_process(take, getattr(fork, kind)())
        take_in_thread(getattr(fork, kind)())
    take_in_process(take_in_thread, getattr(fork, kind)())
    others = [named("SomeOtherThread", "nonzero"), named("SomeOtherProcess", "nonzero")]
    assert seen == [
        named("MainProcess", 1),
        *([named("P1", 1), others[1], named("MainProcess|T1", 1), others[0]] * 5),
        *[named("P1|T1", 1), *others],
    ]


@pytest.mark.parametrize("waits", [True, False])
def test_a_killed_child_leaves_no_lock_of_a_thread_taken(mp: Any, waits: bool) -> None:
    """It is in the ``with`` statement, or not, when the exception arrives that ends it; 3.14 needs help for that."""

    def work(lock: Any, ready: Any) -> None:
        ready.set()
        if waits:
            with lock:
                pass
        while True:
            with lock:
                pass

    left = []
    for _ in range(30):
        lock = threading.Lock()
        ready = mp.Event()
        if waits:
            lock.acquire()
        child = mp.Process(target=work, args=(lock, ready))
        child.start()
        ready.wait()
        child.terminate()
        if waits:
            lock.release()
        child.join(LONG)
        left.append((child.exitcode, lock.locked()))
    assert set(left) == {(-15, False)}
