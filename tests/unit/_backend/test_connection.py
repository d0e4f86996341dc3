"""Pipes, connections, `wait`, listeners and clients."""

from __future__ import annotations

import collections
import importlib
import os
import pickle
import select
import socket
import threading

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def test_values_are_copied_and_atoms_are_not(mp: Any) -> None:
    """What arrives equals what was sent; a list is a new one, an exact str the same."""
    a, b = mp.Pipe()
    items = [1, [2]]
    text = "x" * 1000
    a.send(items)
    a.send(text)
    a.send((1, text))
    received = b.recv()
    assert received == items
    assert received is not items
    assert received[1] is not items[1]
    assert b.recv() is text
    assert b.recv()[1] is text


def test_a_detached_connection_is_closed_and_its_end_stays_open(mp: Any) -> None:
    """`_detach` (3.14) leaves the end to whoever has its descriptor: the other side sees no end of file."""
    a, b = mp.Pipe()
    b.send("before")
    b._detach()
    assert b.closed
    with pytest.raises(OSError, match="handle is closed"):
        b.send("after")
    del b
    assert a.recv() == "before"
    assert not a.poll()


def test_an_inbox_that_changes_while_it_is_read_is_read_again(mp: Any) -> None:
    """Without the GIL readers take messages meanwhile, and iteration over a deque raises RuntimeError then."""
    assert mp.Pipe  # loads what is tested
    pipe = importlib.import_module("mpthread_hook._backend.pipe")

    class Changing(collections.deque[int]):
        changes = 2

        def __iter__(self) -> Any:
            if self.changes:
                self.changes -= 1
                raise RuntimeError("deque mutated during iteration")
            return super().__iter__()

    assert pipe._snapshot(Changing([1, 2])) == [1, 2]


def test_bytes_and_objects_mix(mp: Any) -> None:
    """send_bytes() and recv(), send() and recv_bytes() speak one wire format."""
    a, b = mp.Pipe()
    a.send_bytes(pickle.dumps({"k": 1}))
    assert b.recv() == {"k": 1}
    a.send(7)
    assert pickle.loads(b.recv_bytes()) == 7
    a.send_bytes(b"0123456789", 2, 3)
    assert b.recv_bytes() == b"234"
    buffer = bytearray(4)
    a.send_bytes(b"ab")
    assert b.recv_bytes_into(buffer, 1) == 2
    assert buffer == b"\0ab\0"
    a.send_bytes(b"too long for it")
    with pytest.raises(mp.BufferTooShort) as caught:
        b.recv_bytes_into(buffer)
    assert caught.value.args == (b"too long for it",)


def test_directions_and_closing(mp: Any) -> None:
    """One-way ends refuse the other way; closed ends refuse everything; the peer sees EOF or EPIPE."""
    reader, writer = mp.Pipe(duplex=False)
    with pytest.raises(OSError, match="connection is read-only"):
        reader.send(1)
    with pytest.raises(OSError, match="connection is write-only"):
        writer.recv()
    writer.send(1)
    writer.close()
    assert writer.closed
    with pytest.raises(OSError, match="handle is closed"):
        writer.send(1)
    assert reader.poll()
    assert reader.recv() == 1
    assert reader.poll()
    with pytest.raises(EOFError):
        reader.recv()
    reader, writer = mp.Pipe(duplex=False)
    reader.close()
    with pytest.raises(BrokenPipeError):
        writer.send(1)


def test_unpicklable(mp: Any) -> None:
    """send() raises in the caller what pickle raises, and sends nothing."""
    a, b = mp.Pipe()
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        a.send(lambda: 0)
    assert not b.poll()


def test_a_child_holds_what_it_inherits(mp: Any) -> None:
    """After start() the parent may close its ends; the child's stay open until it ends: then comes EOF."""
    reader, writer = mp.Pipe(duplex=False)
    go = mp.Event()

    def child() -> None:
        go.wait(LONG)
        writer.send("from the child")

    process = mp.Process(target=child)
    process.start()
    writer.close()
    assert writer.closed
    go.set()
    assert reader.recv() == "from the child"
    with pytest.raises(EOFError):
        reader.recv()
    process.join(LONG)
    assert process.exitcode == 0


def test_eof_tells_that_a_worker_was_killed(mp: Any) -> None:
    """The death of the last holder is seen by a reader that waits."""
    reader, writer = mp.Pipe(duplex=False)
    never = mp.Event()
    process = mp.Process(target=never.wait)
    process.start()
    writer.close()
    threading.Timer(0.05, process.kill).start()
    with pytest.raises(EOFError):
        reader.recv()
    process.join(LONG)
    assert process.exitcode == -9


def test_connections_travel(ctx: Any) -> None:
    """A connection sent over a connection, or given as an argument, works at the other side."""
    a, b = ctx.Pipe()
    c, d = ctx.Pipe()
    a.send(d)
    d.close()
    received = b.recv()
    c.send("hello")
    assert received.recv() == "hello"
    received.close()
    with pytest.raises(EOFError):
        c.recv()


def echo(connection: Any) -> None:
    connection.send(connection.recv() * 2)


def test_connections_as_arguments(ctx: Any) -> None:
    """A child of each start method talks over the connection it was given."""
    a, b = ctx.Pipe()
    process = ctx.Process(target=echo, args=(b,))
    process.start()
    b.close()
    a.send(21)
    assert a.recv() == 42
    process.join(LONG)
    assert process.exitcode == 0
    with pytest.raises(EOFError):
        a.recv()


def test_a_descriptor_on_demand(mp: Any) -> None:
    """fileno() is a real descriptor that select() finds readable exactly while something can be read."""
    a, b = mp.Pipe()
    fd = b.fileno()
    assert select.select([fd], [fd], [], 0) == ([], [fd], [])
    a.send(1)
    a.send(2)
    assert select.select([fd], [], [], 0)[0] == [fd]
    b.recv()
    assert select.select([fd], [], [], 0)[0] == [fd]
    b.recv()
    assert select.select([fd], [], [], 0)[0] == []
    a.close()
    assert select.select([fd], [], [], LONG)[0] == [fd]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["real_write", "real_read"])
def test_an_update_of_the_descriptor_may_be_interrupted_by_another(
    when: str, call: str, mp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector closes the other end while the descriptor is told something: it says what is true at the end."""
    pipe = importlib.import_module("mpthread_hook._backend.pipe")
    a, b = mp.Pipe()
    fd, end, other = a.fileno(), a._end, b._end
    real = getattr(pipe, call)
    if call == "real_read":
        b.send(1)
    interruptions = [1]

    def interrupted(*args: Any) -> Any:
        if when == "after":
            result = real(*args)
        if interruptions:
            interruptions.clear()
            other.open = 0  # as when the last connection to it is collected
            end.tell()
        return result if when == "after" else real(*args)

    monkeypatch.setattr(pipe, call, interrupted)
    if call == "real_read":
        end.inbox.clear()
        end.tell()  # takes the sign back, and is interrupted
    else:
        b.send(2)
        end.inbox.clear()
    assert interruptions == []
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(0) == [(fd, select.POLLIN | select.POLLHUP)]


@pytest.mark.skipif(not hasattr(select, "poll"), reason="compares with what poll() says of a pipe")
def test_poll_tells_the_end_from_a_message(mp: Any) -> None:
    """A descriptor is in each state as that of a real pipe, or of a socket where one reads and writes."""

    def states(reader: Any, writer: Any, *, close: Any) -> list[int]:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.register(writer, select.POLLOUT)
        found = [sum(event for _, event in poll.poll(0))]
        writer.send(b"x") if hasattr(writer, "send") else os.write(writer, b"x")
        found.append(sum(event for _, event in poll.poll(0)))
        poll.unregister(writer)
        close(writer)
        found.append(sum(event for _, event in poll.poll(0)))
        reader.recv() if hasattr(reader, "recv") else os.read(reader, 1)
        found.append(sum(event for _, event in poll.poll(0)))
        return found

    def close(end: Any) -> None:
        end.close()

    assert states(*mp.Pipe(False), close=close) == states(*os.pipe(), close=os.close)
    assert states(*mp.Pipe(), close=close)[1:] == [
        select.POLLIN | select.POLLOUT, select.POLLIN | select.POLLHUP, select.POLLIN | select.POLLHUP
    ]  # fmt: skip
    reader, writer = mp.Pipe(False)
    poll = select.poll()
    poll.register(writer, select.POLLOUT)
    reader.close()
    assert poll.poll(0) == [(writer.fileno(), select.POLLOUT | select.POLLERR)]


def test_wait_for_a_mixture(mp: Any) -> None:
    """wait() takes connections, sentinels, sockets and plain descriptors at once."""
    wait = importlib.import_module("multiprocessing.connection").wait
    a, b = mp.Pipe()
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    go = mp.Event()
    process = mp.Process(target=go.wait)
    process.start()
    everything = [b, theirs, reader, process.sentinel]
    try:
        assert wait(everything, 0) == []
        a.send(1)
        assert wait(everything) == [b]
        b.recv()
        ours.send(b"x")
        assert wait(everything) == [theirs]
        theirs.recv(1)
        os.write(writer, b"x")
        assert wait(everything) == [reader]
        os.read(reader, 1)
        go.set()
        assert wait(everything, LONG) == [process.sentinel]
    finally:
        process.join(LONG)
        ours.close()
        theirs.close()
        os.close(reader)
        os.close(writer)


def test_wait_without_descriptors(mp: Any) -> None:
    """wait() on a hundred pipes returns the ready ones, in the order asked for, and makes no descriptor."""
    wait = importlib.import_module("multiprocessing.connection").wait
    pipes = [mp.Pipe(duplex=False) for _ in range(100)]
    readers = [reader for reader, _ in pipes]
    assert wait(readers, 0.01) == []
    for number in (70, 3):
        pipes[number][1].send(number)
    assert wait(readers) == [readers[3], readers[70]]
    threading.Timer(0.02, lambda: pipes[50][1].send(50)).start()
    readers[3].recv()
    readers[70].recv()
    assert wait(readers, LONG) == [readers[50]]
    assert all(reader._end.readiness is None for reader in readers)


@pytest.mark.parametrize("family", ["AF_INPROC", "AF_INET", "AF_UNIX"])
def test_listener_and_client(mp: Any, family: str) -> None:
    """A child connects with the right key; a wrong one is refused on both sides."""
    connection = importlib.import_module("multiprocessing.connection")
    address = ("127.0.0.1", 0) if family == "AF_INET" else None
    with connection.Listener(address, family, authkey=b"secret") as listener:
        where = listener.address

        def client(key: bytes) -> None:
            with connection.Client(where, authkey=key) as end:
                end.send(end.recv()[::-1])

        process = mp.Process(target=client, args=(b"secret",))
        process.start()
        with listener.accept() as end:
            end.send("abc")
            assert end.recv() == "cba"
        process.join(LONG)
        assert process.exitcode == 0
        process = mp.Process(target=client, args=(b"wrong",))
        process.start()
        with pytest.raises(mp.AuthenticationError):
            listener.accept()
        process.join(LONG)
        assert process.exitcode == 1


def test_nobody_listens(mp: Any) -> None:
    """A client of an in-process address that is gone gets ConnectionRefusedError."""
    connection = importlib.import_module("multiprocessing.connection")
    listener = connection.Listener()
    address = listener.address
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        connection.Client(address)


def test_a_socket_as_argument_is_the_childs_own(mp: Any) -> None:
    """The parent may close its socket right after start(); the child's stays open until the child ends."""
    ours, theirs = socket.socketpair()
    go = mp.Event()

    def serve(connection: socket.socket) -> None:
        go.wait(LONG)
        connection.sendall(b"served")

    process = mp.Process(target=serve, args=(theirs,))
    process.start()
    theirs.close()
    go.set()
    assert ours.recv(100) == b"served"
    process.join(LONG)
    assert process.exitcode == 0
    assert ours.recv(100) == b""
    ours.close()


def _send_all(connection: Any, items: list[Any], bytewise: bool) -> None:
    for item in items:
        connection.send_bytes(item) if bytewise else connection.send(item)
    connection.close()


@pytest.mark.parametrize("bytewise", [False, True], ids=["objects", "bytes"])
@pytest.mark.parametrize("size", [100, 40_000, 1_000_000])
def test_who_sends_more_than_a_pipe_holds_waits(mp: Any, size: int, bytewise: bool) -> None:
    """Three children send 2 MB or more each: a part of it is on its way at a time, and all arrives."""
    reader, writer = mp.Pipe(duplex=False)
    count = max(4, 2_000_000 // size)
    context = mp.get_context("fork")
    children = [
        context.Process(target=_send_all, args=(writer, [bytes(size)] * count, bytewise)) for _ in range(3)
    ]
    for child in children:
        child.start()
    writer.close()
    most, number = 0, 0
    while number < 3 * count:
        most = max(most, len(reader._end.inbox))
        received = reader.recv_bytes() if bytewise else reader.recv()
        assert len(received) == size
        number += 1
    with pytest.raises(EOFError):
        reader.recv()
    for child in children:
        child.join(LONG)
        assert child.exitcode == 0
    # Small messages are weighed when their number has doubled, and one more may be under way for each sender.
    assert most * size <= 8 * (1 << 18) + 3 * size
    assert most < 3 * count


def test_who_waits_for_room_can_be_stopped_and_sees_the_reader_leave(mp: Any) -> None:
    """terminate() unwinds a blocked sender, and BrokenPipeError ends its waiting when the last reader closes."""
    reader, writer = mp.Pipe(duplex=False)
    child = mp.get_context("fork").Process(target=_send_all, args=(writer, [bytes(1 << 20)], False))
    child.start()
    assert reader.poll(LONG)
    child.terminate()
    child.join(LONG)
    assert child.exitcode == -15
    assert len(reader.recv()) == 1 << 20
    raised: list[BaseException] = []

    def send() -> None:
        try:
            writer.send(bytes(1 << 20))
        except BrokenPipeError as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    assert reader.poll(LONG)
    reader.close()
    thread.join(LONG)
    assert len(raised) == 1


def test_what_a_pipe_holds_is_sent_without_a_reader(mp: Any) -> None:
    """Nobody who would not wait on a real pipe waits here: 200 kB in one message or in many."""
    reader, writer = mp.Pipe()
    for size, count in ((200_000, 1), (1000, 200), (1, 8000)):
        for _ in range(count):
            writer.send(bytes(size))
        for _ in range(count):
            assert len(reader.recv()) == size


def test_what_a_process_made_for_itself_is_not_for_others(mp: Any) -> None:
    """A child must not talk over what another keeps in a global: as a process it would not find it there."""
    kept: dict[str, Any] = {}
    gate, queue = mp.Event(), mp.SimpleQueue()

    def use() -> None:
        if not kept:
            kept["one"], kept["two"] = mp.Pipe()
        try:
            queue.put(kept["one"].send(1) or "sent")
        except OSError as error:
            queue.put(str(error))
        gate.wait(LONG)

    children = [mp.Process(target=use) for _ in range(2)]
    seen = []
    for child in children:
        child.start()
        seen.append(queue.get())
    gate.set()
    for child in children:
        child.join(LONG)
    assert seen == ["sent", "handle is closed"]


def test_what_was_sent_before_an_end_is_seen_with_it(mp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that sends something and ends, while others are looked at, is not one that has said nothing."""
    one, two = mp.Pipe()
    ours = importlib.import_module("mpthread_hook._backend.connection")
    go = mp.Event()

    def child() -> None:
        go.wait()
        two.send("result")

    process = mp.Process(target=child)
    process.start()
    real = ours._sentinels

    def sentinels() -> Any:
        go.set()
        process.join()
        return real()

    sentinel = process.sentinel
    monkeypatch.setattr(ours, "_sentinels", sentinels)
    assert mp.connection.wait([one, sentinel], 0) == [one, sentinel]
    assert one.recv() == "result"
