"""The queue of threads that wait for items of a list: nobody is forgotten, and few are on their way at a time."""

from __future__ import annotations

import os
import signal
import threading
from _thread import allocate_lock
from collections import Counter, deque
from types import SimpleNamespace as Source

import pytest

from mpthread_hook import _identity
from mpthread_hook._backend import synchronize
from mpthread_hook._identity import WaitQueue, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def asleep(queue: WaitQueue, number: int) -> list[Any]:
    """Put waiters into a queue that stand for threads which sleep and never wake up."""
    waiters = [allocate_lock() for _ in range(number)]
    for waiter in waiters:
        waiter.acquire()
    queue += waiters
    return waiters


def awake(waiters: list[Any]) -> list[bool]:
    return [not waiter.locked() for waiter in waiters]


def when_waiting(queue: WaitQueue, *processes: _identity.ThreadProcess) -> None:
    """Return when these processes are parked in the queue."""
    while len(queue) < len(processes) or not all(one.main and one.main.parked for one in processes):
        threading.Event().wait(0.001)


def test_the_first_to_come_is_the_first_to_be_called() -> None:
    """One thread for one item, in the order of the queue."""
    queue = WaitQueue(deque([1, 2]))
    waiters = asleep(queue, 3)
    queue.wake()
    assert awake(waiters) == [True, False, False]
    queue.wake()
    assert awake(waiters) == [True, True, False]
    assert list(queue) == waiters[2:]


def test_only_so_many_are_on_their_way() -> None:
    """However many items there are: those that come wake the others."""
    stock = deque(range(1000))
    queue = WaitQueue(stock)
    waiters = asleep(queue, 1000)
    for _ in stock:
        queue.wake()
    assert awake(waiters) == [True] * waits._ENOUGH + [False] * (1000 - waits._ENOUGH)
    for there in waiters[:3]:  # these have woken up
        there.acquire()
        queue.wake()
    assert sum(awake(waiters)) == waits._ENOUGH


def test_calls_that_were_never_finished_are_not_counted() -> None:
    """Who calls may be ended in the middle of it: the next item is not left lying for that."""
    queue = WaitQueue(deque([1]))
    waiters = asleep(queue, waits._ENOUGH + 1)
    queue._called += queue[:-1]  # so far they came
    del queue[:-1]
    queue.wake()
    assert awake(waiters) == [False] * waits._ENOUGH + [True]
    queue.wake_all()
    assert all(awake(waiters))


@pytest.mark.parametrize("place", ["before", "after"])
def test_one_who_is_ended_while_it_calls_leaves_the_call_to_others(place: str) -> None:
    """What is raised in it arrives right behind a call of C: nobody sleeps on for that."""

    class Ending(WaitQueue):
        __slots__ = ()

        def remove(self, waiter: object) -> None:
            if place == "after":
                super().remove(waiter)
            raise SystemExit

    queue = Ending(deque([1]))
    waiters = asleep(queue, 2)
    with pytest.raises(SystemExit):
        queue.wake()
    assert awake(waiters) == [True, True]


def test_what_a_signal_handler_raises_is_no_deadline() -> None:
    """An error of time from somebody else is not taken for the end of the wait."""
    semaphore = synchronize.SemLock(synchronize.SEMAPHORE, 0, 1, "", True)

    def handler(*_: object) -> None:
        raise TimeoutError("of the handler")

    def body() -> int:
        _identity.current().handlers[signal.SIGUSR1] = handler
        try:
            semaphore.acquire()
        except TimeoutError:
            return 7
        return 0

    child = _identity.create("child", "fork")
    _identity.start(child, body)
    when_waiting(semaphore._waiters, child)
    _identity.deliver(child, signal.SIGUSR1)
    assert _identity.wait(child, LONG)
    _identity.reap(child)
    assert child.exitcode == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_who_waited_before_a_real_fork_does_not_wait_in_its_child() -> None:
    """Their threads are not there, and would be called in vain."""
    stock: deque[int] = deque([1])
    queue = WaitQueue(stock)
    asleep(queue, 2 * waits._ENOUGH)
    pid = os.fork()
    if not pid:
        os._exit(0 if queue.wait(stock.popleft, None) == 1 and not queue and not queue._called else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_one_that_has_left_is_passed_over() -> None:
    """A caller may see the first of the queue just before that leaves."""

    class Leaving(WaitQueue):
        __slots__ = ()

        def remove(self, waiter: object) -> None:
            first = waiter is leaver
            super().remove(waiter)
            if first:
                raise ValueError  # as if it had left in this very moment

    queue = Leaving(deque([1]))
    leaver, next_one = asleep(queue, 2)
    queue.wake()
    assert awake([leaver, next_one]) == [False, True]
    assert queue._called == [next_one]


def test_an_item_that_is_there_is_taken_without_waiting() -> None:
    """Nothing is left behind in the queue."""
    stock: deque[int] = deque([1])
    queue = WaitQueue(stock)
    assert queue.wait(stock.popleft, None) == 1
    assert (list(queue), queue._called) == ([], [])


def test_the_deadline_and_the_end() -> None:
    """TimeoutError past the one, EOFError at the other, but not before the last item was taken."""
    stock: deque[int] = deque()
    queue = WaitQueue(stock)
    with pytest.raises(TimeoutError):
        queue.wait(stock.popleft, _identity.monotonic() + 0.01)
    with pytest.raises(EOFError):
        queue.wait(stock.popleft, None, Source(open=0))
    stock.append(1)
    assert queue.wait(stock.popleft, None, Source(open=0)) == 1
    assert (list(queue), queue._called) == ([], [])


def test_the_end_wakes_everybody() -> None:
    """All that wait see it."""
    stock: deque[int] = deque()
    queue = WaitQueue(stock)
    source = Source(open=1)

    def body() -> int:
        try:
            queue.wait(stock.popleft, None, source)
        except EOFError:
            return 7
        return 0

    children = [_identity.create(f"child {number}", "fork") for number in range(5)]
    for child in children:
        _identity.start(child, body)
    when_waiting(queue, *children)
    source.open = 0
    queue.wake_all()
    for child in children:
        assert _identity.wait(child, LONG)
        _identity.reap(child)
    assert [child.exitcode for child in children] == [7] * 5
    assert (list(queue), queue._called) == ([], [])


def test_one_that_is_ended_passes_its_turn_on() -> None:
    """It was called for an item, and is ended before it can take that."""
    stock: deque[int] = deque()
    queue = WaitQueue(stock)
    taken: list[int] = []

    def body() -> int:
        taken.append(queue.wait(stock.popleft, None))
        return 0

    victim, survivor = (_identity.create(name, "fork") for name in ("victim", "survivor"))
    for child in (victim, survivor):
        _identity.start(child, body)
        when_waiting(queue, child)
    assert victim.main is not None
    with victim.mutex:  # it stays in there on its way out of the wait
        queue._called.append(queue[0])
        waiter = queue.pop(0)
        stock.append(1)
        _identity.kill(victim, -9)
        waits.unlock(waiter)
    for child in (victim, survivor):
        assert _identity.wait(child, LONG)
        _identity.reap(child)
    assert (taken, list(queue), queue._called) == ([1], [], [])


@pytest.mark.parametrize("threads", [4, 3 * waits._ENOUGH])
def test_no_item_is_lost_and_nobody_forgotten(threads: int) -> None:
    """Producers and consumers, of which some are ended in the middle of anything; the others get all the rest."""
    stock: deque[int] = deque()
    queue = WaitQueue(stock)
    items, rounds = 50 * threads, 3
    for _ in range(rounds):
        taken: list[int] = []

        def consume(taken: list[int] = taken) -> int:
            while (item := queue.wait(stock.popleft, None)) >= 0:
                taken.append(item)
            return 0

        def victim() -> int:
            queue.wait(_never, None)
            return 0

        consumers = [_identity.create("consumer", "fork") for _ in range(threads)]
        victims = [_identity.create("victim", "fork") for _ in range(threads)]
        for consumer, one in zip(consumers, victims, strict=True):
            _identity.start(consumer, consume)
            _identity.start(one, victim)

        def produce(first: int) -> None:
            for item in range(first, items, 2):
                stock.append(item)
                if queue:
                    queue.wake()

        producers = [threading.Thread(target=produce, args=(first,)) for first in range(2)]
        for producer in producers:
            producer.start()
        for one in victims:
            _identity.kill(one, -9)
        for producer in producers:
            producer.join()
        for _ in consumers:
            stock.append(-1)
            if queue:
                queue.wake()
        for child in consumers + victims:
            assert _identity.wait(child, LONG), (len(stock), len(queue), len(queue._called), Counter(taken))
            _identity.reap(child)
        assert sorted(taken) == list(range(items))
        assert (list(stock), list(queue), queue._called) == ([], [], [])


def _never() -> None:
    raise IndexError
