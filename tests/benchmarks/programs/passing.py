"""Queues and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import ALL, PROCESSES, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.worlds import World

RECORD = {
    "host": "web01",
    "changed": False,
    "failed": False,
    "items": [1, 2, 3],
    "msg": "all is well",
    "rc": 0,
}
#: Without stock's, whose queue has a second thread even if the program has none.
ALONE = ("raw", "pickle", "dummy", "hook")
ITEMS: dict[str, Any] = {
    "int": 7,
    "str": "a short text",
    "1kB": b"x" * 1024,
    "dict": RECORD,
    "1MB": b"x" * (1 << 20),
    "bytearray": bytearray(1 << 20),
}


def produce(orders: Any, queue: Any, what: str) -> None:
    """Put as many items as are ordered, until None is."""
    item = ITEMS[what]
    while (number := orders.get()) is not None:
        for _ in range(number):
            queue.put(item)


def _stream(kind: str, what: str, producers: int = 1) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        queue, orders = getattr(world, kind)(), world.SimpleQueue()
        children = [world.child(produce, orders, queue, what) for _ in range(producers)]

        def run(number: int) -> None:
            get = queue.get
            for _ in range(producers):
                orders.put(number // producers + 1)
            for _ in range((number // producers + 1) * producers):
                get()

        run(producers)
        yield run
        for _ in children:
            orders.put(None)

    return prepare


for _what in ITEMS:
    program(f"queue.stream_{_what}", f"Queue, one producer, {_what}", ALL)(_stream("Queue", _what))
for _what in ("int", "1kB"):
    program(f"simplequeue.stream_{_what}", f"SimpleQueue, one producer, {_what}", ALL)(
        _stream("SimpleQueue", _what)
    )
program("queue.producers_dict", "Queue, 20 producers, dict", ALL)(_stream("Queue", "dict", 20))


def tally(queue: Any, done: Any) -> None:
    """Get, and say so for every item that ends a hundred."""
    while True:
        if queue.get() == 100:
            done.put(1)


def produce_hundreds(orders: Any, queue: Any) -> None:
    """Put as many hundreds of items as are ordered."""
    while True:
        for _ in range(orders.get()):
            for number in range(1, 101):
                queue.put(number)


@program("queue.consumers_int", "Queue, 10 producers, 10 consumers, 1,000 int at least", ALL)
def consumers(world: World) -> Iterator[Callable[[int], Any]]:
    queue, orders, done = world.Queue(), world.SimpleQueue(), world.SimpleQueue()
    for _ in range(10):
        world.child(produce_hundreds, orders, queue)
        world.child(tally, queue, done)

    def run(number: int) -> None:
        each = number // 1000 + 1
        for _ in range(10):
            orders.put(each)
        for _ in range(each * 10):
            done.get()

    run(1)
    yield run


def _alone(kind: str, what: str) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        queue, item = getattr(world, kind)(), ITEMS[what]

        def run(number: int) -> None:
            put, get = queue.put, queue.get
            for _ in range(number):
                put(item)
                get()

        yield run

    return prepare


for _what in ("int", "str", "1kB", "dict", "1MB", "bytearray"):
    program(f"queue.alone_{_what}", f"Queue put and get in one thread, {_what}", ALONE)(
        _alone("Queue", _what)
    )
for _what in ("int", "1kB"):
    program(f"simplequeue.alone_{_what}", f"SimpleQueue put and get in one thread, {_what}", ALONE)(
        _alone("SimpleQueue", _what)
    )


def echo_queue(there: Any, back: Any) -> None:
    """Send back what comes."""
    while (item := there.get()) is not None:
        back.put(item)


@program("queue.ping_pong", "Queue there and back", ALL, pinned=True)
def queue_ping_pong(world: World) -> Iterator[Callable[[int], Any]]:
    there, back = world.Queue(), world.Queue()
    world.child(echo_queue, there, back)

    def run(number: int) -> None:
        for _ in range(number):
            there.put(1)
            back.get()

    yield run
    there.put(None)


def echo_pipe(connection: Any) -> None:
    """Send back what comes."""
    while (item := connection.recv()) is not None:
        connection.send(item)


def _pipe(what: str) -> Any:
    def prepare(world: World) -> Iterator[Callable[[int], Any]]:
        ours, theirs = world.Pipe()
        item = ITEMS[what]
        world.child(echo_pipe, theirs)

        def run(number: int) -> None:
            for _ in range(number):
                ours.send(item)
                ours.recv()

        yield run
        ours.send(None)

    return prepare


program("pipe.ping_pong", "Pipe there and back, int", ALL, pinned=True)(_pipe("int"))
program("pipe.1MB", "Pipe there and back, 1 MB bytes", ALL, pinned=True)(_pipe("1MB"))
program("pipe.bytearray", "Pipe there and back, 1 MB bytearray", ALL, pinned=True)(_pipe("bytearray"))


@program("connection.wait_100", "connection.wait over 100 pipes, one ready", PROCESSES)
def wait_100(world: World) -> Iterator[Callable[[int], Any]]:
    pipes = [world.Pipe() for _ in range(100)]
    readers = [reader for reader, _ in pipes]
    pipes[50][1].send(1)

    def run(number: int) -> None:
        for _ in range(number):
            if world.wait(readers) != [readers[50]]:
                raise RuntimeError("another one was ready")

    yield run
