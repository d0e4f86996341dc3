"""Locks and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import ALL, FULL, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World


def _pair(make: str, *args: Any) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        lock = getattr(world, make)(*args)

        def run(number: int) -> None:
            acquire, release = lock.acquire, lock.release
            for _ in range(number):
                acquire()
                release()

        yield run

    return prepare


def _block(make: str, *args: Any) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        lock = getattr(world, make)(*args)

        def run(number: int) -> None:
            for _ in range(number):
                with lock:
                    pass

        yield run

    return prepare


for _name, _args in (("Lock", ()), ("RLock", ()), ("Semaphore", (3,)), ("Condition", ())):
    program(f"{_name.lower()}.pair", f"{_name} acquire and release", ALL)(_pair(_name, *_args))
program("lock.with", "with Lock", ALL)(_block("Lock"))
program("rlock.with", "with RLock", ALL)(_block("RLock"))


def _made(make: str, *args: Any) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        def run(number: int) -> None:
            function = getattr(world, make)
            for _ in range(number):
                function(*args)

        yield run

    return prepare


for _name, _args in (("Lock", ()), ("Event", ()), ("Queue", ()), ("Pipe", ())):
    program(f"{_name.lower()}.make", f"{_name}()", FULL)(_made(_name, *_args))


def hammer(lock: Any, counter: Any, number: int) -> None:
    """Take and give back a lock, again and again."""
    for _ in range(number):
        with lock:
            counter[0] += 1


@program("lock.contended", "4 children at one Lock, one pair", ALL)
def contended(world: World) -> Iterator[Callable[[int], Any]]:
    lock = world.Lock()

    def run(number: int) -> None:
        children = [world.child(hammer, lock, [0], number // 4 + 1) for _ in range(4)]
        for child in children:
            child.join()

    yield run


def answer_events(ask: Any, reply: Any) -> None:
    """Answer one event with another, for ever."""
    while True:
        ask.wait()
        ask.clear()
        reply.set()


@program("event.wakeup", "Event there and back", ALL, pinned=True)
def event_wakeup(world: World) -> Iterator[Callable[[int], Any]]:
    ask, reply = world.Event(), world.Event()
    world.child(answer_events, ask, reply)

    def run(number: int) -> None:
        for _ in range(number):
            ask.set()
            reply.wait()
            reply.clear()

    yield run


def take_turns(condition: Any, mine: Any, back: Any) -> None:
    """Take every second turn, for ever."""
    while True:
        with condition:
            while not mine.acquire(False):
                condition.wait()
            back.release()
            condition.notify()


@program("condition.wakeup", "Condition there and back", ALL, pinned=True)
def condition_wakeup(world: World) -> Iterator[Callable[[int], Any]]:
    condition, there, back = world.Condition(), world.Semaphore(0), world.Semaphore(0)
    world.child(take_turns, condition, there, back)

    def run(number: int) -> None:
        for _ in range(number):
            with condition:
                there.release()
                condition.notify()
                while not back.acquire(False):
                    condition.wait()

    yield run


def meet(barrier: Any) -> None:
    """Be the other party, for ever."""
    while True:
        barrier.wait()


@program("barrier.wakeup", "Barrier of two", ALL, pinned=True)
def barrier_wakeup(world: World) -> Iterator[Callable[[int], Any]]:
    barrier = world.Barrier(2)
    world.child(meet, barrier)

    def run(number: int) -> None:
        for _ in range(number):
            barrier.wait()

    yield run
