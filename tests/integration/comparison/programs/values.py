"""What travels by copy: queues, pipes, arguments, results and attributes."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from multiprocessing import shared_memory
from typing import Any, ClassVar

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say


class Thing:
    """An object with a list in it, and a class attribute."""

    shared: ClassVar[list[int]] = []

    def __init__(self, items: list[int]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.items == other.items

    def __hash__(self) -> int:
        return hash(tuple(self.items))


def case_put_is_by_value() -> None:
    """What was put into a queue does not change any more once it was taken out, and is another object."""
    for make in (multiprocessing.Queue, multiprocessing.SimpleQueue):
        queue: Any = make()
        items = [1, 2]
        thing = Thing(items)
        queue.put((items, thing))
        got, other = queue.get()
        items.append(3)
        say(got, other.items, got is items, other is thing, other.items is got)


def case_send_is_by_value() -> None:
    """What was sent through a pipe is a copy as of the sending."""
    ours, theirs = multiprocessing.Pipe()
    items = {"a": [1]}
    ours.send(items)
    items["a"].append(2)
    got = theirs.recv()
    say(got, got is items)
    data = bytearray(b"abc")
    ours.send_bytes(data, 1, 1)
    data[1] = 0
    say(theirs.recv_bytes())
    target = bytearray(5)
    ours.send_bytes(b"xyz")
    say(theirs.recv_bytes_into(target, 1), bytes(target))
    ours.send_bytes(b"too long")
    try:
        theirs.recv_bytes_into(bytearray(3))
    except multiprocessing.BufferTooShort as error:
        say(error.args)
    attempt(ours.send_bytes, b"x", -1)
    attempt(theirs.recv_bytes, -1)


def _change(items: list[int], thing: Thing, connection: Any) -> None:
    items.append(2)
    thing.items.append(5)
    thing.new = True  # type: ignore[attr-defined]
    Thing.shared.append(1)
    connection.send((items, thing.items))


@only("spawn")
def case_arguments_are_copies_for_spawn() -> None:
    """A spawned child's arguments are copies: what it does to them stays with it."""
    items, thing = [1], Thing([4])
    ours, theirs = multiprocessing.Pipe()
    process = launch(_change, items, thing, theirs)
    say(receive(ours))
    finish(process)
    say(items, thing.items, hasattr(thing, "new"))


@only("fork")
def case_arguments_are_copies_for_fork() -> None:
    """A forked child has a copy of the memory: what it does to its arguments stays with it."""
    items, thing = [1], Thing([4])
    ours, theirs = multiprocessing.Pipe()
    process = launch(_change, items, thing, theirs)
    say(receive(ours))
    finish(process)
    say(items, thing.items, hasattr(thing, "new"))


def _count(connection: Any) -> None:
    global counter
    counter += 1
    Thing.shared = [7]
    connection.send((counter, Thing.shared))


counter = 0


def case_globals_are_copies() -> None:
    """A child's globals and class attributes are its own."""
    ours, theirs = multiprocessing.Pipe()
    before = counter, list(Thing.shared)
    process = launch(_count, theirs)
    say(receive(ours)[0] - before[0])
    finish(process)
    say((counter, Thing.shared) == before)


class _Worker(multiprocessing.Process):
    def __init__(self, connection: Any) -> None:
        super().__init__(name="worker")
        self.connection = connection
        self.items = [1]
        self.text = "as made"

    def run(self) -> None:
        self.text = "as run"
        self.extra = "new"
        self.items = [*self.items, 2]
        self.connection.send((self.text, self.items, self.name))


def case_attributes_of_a_process() -> None:
    """What run() assigns to its process object does not reach the parent's."""
    ours, theirs = multiprocessing.Pipe()
    process = _Worker(theirs)
    process.text = "as started"
    process.start()
    say(receive(ours))
    process.join()
    say(process.text, process.items, hasattr(process, "extra"), process.exitcode)


class _Mutating(multiprocessing.Process):
    def __init__(self) -> None:
        super().__init__(name="mutating")
        self.items = [1]

    def run(self) -> None:
        self.items.append(2)


def case_objects_in_attributes() -> None:
    """What run() does to objects in attributes does not reach the parent's."""
    process = _Mutating()
    process.start()
    process.join()
    say(process.items, process.exitcode)


def case_arguments_are_not_kept() -> None:
    """start() forgets target and arguments in the parent."""
    process = multiprocessing.Process(target=int, args=("5",), name="child")
    say(hasattr(process, "_args"))
    process.start()
    say(hasattr(process, "_args"), hasattr(process, "_target"))
    finish(process)


class Unpicklable:
    """An object that cannot travel."""

    def __reduce__(self) -> Any:
        raise TypeError("this one stays here")


@only("spawn")
def case_unpicklable_arguments() -> None:
    """What cannot be pickled cannot be an argument of a spawned child; nothing was started."""
    for target, args in ((int, (Unpicklable(),)), (lambda: None, ()), (int, (threading.Lock(),))):
        process = multiprocessing.Process(target=target, args=args, name="child")
        try:
            process.start()
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            say(type(error).__name__, str(error).partition(" 0x")[0])
        say(multiprocessing.active_children())


@only("fork")
def case_unpicklable_arguments_of_fork() -> None:
    """A forked child takes any argument."""
    run(lambda thing, lock: say(type(thing).__name__, lock.locked()), Unpicklable(), threading.Lock())


def case_unpicklable_messages() -> None:
    """What cannot be pickled is refused by send() and SimpleQueue.put(); later messages pass."""
    ours, theirs = multiprocessing.Pipe()
    attempt(ours.send, Unpicklable())
    ours.send("fine")
    say(receive(theirs))
    queue: Any = multiprocessing.SimpleQueue()
    attempt(queue.put, Unpicklable())
    queue.put("fine")
    say(queue.get())


def case_unpicklable_item_of_a_queue() -> None:
    """Queue.put() of what cannot be pickled: later items pass."""
    queue: Any = multiprocessing.Queue()
    attempt(queue.put, Unpicklable())
    queue.put("fine")
    say(queue.get(timeout=LIMIT))


class Unloadable:
    """An object that cannot be made again."""

    def __reduce__(self) -> Any:
        return (int, ("not a number",))


def case_unloadable_messages() -> None:
    """What fails to be made again raises in the receiver, and later messages pass."""
    ours, theirs = multiprocessing.Pipe()
    ours.send(Unloadable())
    ours.send("fine")
    attempt(theirs.recv)
    say(receive(theirs))
    queue: Any = multiprocessing.Queue()
    queue.put(Unloadable())
    queue.put("fine")
    attempt(queue.get, timeout=LIMIT)
    say(queue.get(timeout=LIMIT))


def _identity(connection: Any) -> None:
    first, second = connection.recv(), connection.recv()
    say(first is second, first == second, first[0] is first[1])


def case_identity_inside_a_message() -> None:
    """Inside one message identity is kept, between messages it is not."""
    ours, theirs = multiprocessing.Pipe()
    part = [1]
    ours.send((part, part))
    ours.send((part, part))
    run(_identity, theirs)


def _add(value: Any, array: Any, count: int) -> None:
    for _ in range(count):
        with value.get_lock():
            value.value += 1
    with array:
        array[1] = 7


def case_shared_ctypes() -> None:
    """Values and arrays are shared with children of either start method."""
    value = multiprocessing.Value("i", 0)
    array = multiprocessing.Array("i", [1, 2, 3])
    children = [launch(_add, value, array, 100, name=f"child {n}") for n in range(3)]
    for process in children:
        process.join()
    say(value.value, array[:], [process.exitcode for process in children])


def _write_memory(name: str) -> None:
    memory = shared_memory.SharedMemory(name)
    memory.buf[0] = 5
    memory.close()
    attempt(shared_memory.SharedMemory, "missing-memory")


def case_shared_memory() -> None:
    """A child attaches to shared memory by its name."""
    memory = shared_memory.SharedMemory(create=True, size=10)
    run(_write_memory, memory.name)
    say(memory.buf[0], memory.size >= 10)
    memory.close()
    memory.unlink()
    attempt(shared_memory.SharedMemory, memory.name.replace(memory.name, "missing-memory"))


def _fill(queue: Any, items: list[Any]) -> None:
    for item in items:
        queue.put(item)


def case_order_of_a_queue() -> None:
    """Items of one producer come out in their order."""
    queue: Any = multiprocessing.Queue()
    process = launch(_fill, queue, list(range(100)))
    say([queue.get(timeout=LIMIT) for _ in range(100)] == list(range(100)))
    finish(process)
    say(queue.empty(), queue.qsize(), queue.full())
    attempt(queue.get_nowait)
    attempt(queue.get, True, 0.01)


def case_bounded_queue() -> None:
    """A full queue refuses, and takes again once something was taken out."""
    queue: Any = multiprocessing.Queue(2)
    queue.put(1)
    queue.put(2)
    say(queue.full(), queue.qsize())
    attempt(queue.put, 3, False)
    attempt(queue.put, 3, True, 0.01)
    say(queue.get(timeout=LIMIT))
    queue.put(3)
    say(queue.get(timeout=LIMIT), queue.get(timeout=LIMIT))


def _consume(queue: Any) -> None:
    for _ in range(3):
        queue.get()
        queue.task_done()


def case_joinable_queue() -> None:
    """join() returns when every item was reported done."""
    queue: Any = multiprocessing.JoinableQueue()
    for number in range(3):
        queue.put(number)
    process = launch(_consume, queue)
    queue.join()
    finish(process)
    attempt(queue.task_done)


@only("fork")
def case_local_functions() -> None:
    """A forked child can run a local function over local variables, whose changes stay with it."""
    seen = []

    def target() -> None:
        seen.append("the child's")
        say(seen)

    run(target)
    say(seen)
