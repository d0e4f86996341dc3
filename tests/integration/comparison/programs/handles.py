"""Who holds an end of a pipe: the rule of fork, what spawn hands over, and when the end is seen."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import select
import socket
import tempfile
import threading
from multiprocessing import reduction
from multiprocessing.connection import Client, Listener, wait
from typing import Any

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say


def _send(connection: Any, *values: Any) -> None:
    for value in values:
        connection.send(value)


def _wait(connection: Any) -> None:
    say("received", receive(connection))


def case_parent_closes_the_childs_end() -> None:
    """The parent closes its copy right after start(): the child's stays open, and its end is seen."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_send, theirs, 1, 2)
    theirs.close()
    say(receive(ours), receive(ours), receive(ours))
    finish(process)
    say(theirs.closed, ours.closed)


def _close_and_send(ours: Any, theirs: Any) -> None:
    ours.close()
    say(ours.closed, theirs.closed)
    attempt(ours.recv)
    attempt(ours.fileno)
    theirs.send("sent")
    say(receive(theirs))


def case_child_closes_the_parents_end() -> None:
    """A worker that closes the parent's end, which it got as an argument, closes its own copy."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_close_and_send, ours, theirs)
    theirs.close()
    say(receive(ours), ours.closed, ours.writable)
    ours.close()
    finish(process)


@only("fork")
def case_child_keeps_the_parents_end() -> None:
    """A forked child that does not close its copy of the parent's end never sees the pipe's end."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_poll, theirs)
    theirs.close()
    ours.close()
    finish(process)


def _poll(connection: Any) -> None:
    say("readable", connection.poll(0.1))


@only("spawn")
def case_only_what_travels_is_handed_over() -> None:
    """A spawned child holds what was in its arguments and nothing else, so it sees the pipe's end."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait, theirs)
    theirs.close()
    ours.close()
    finish(process)


def _die(connection: Any, how: str) -> None:
    connection.recv()
    if how == "hard":
        os._exit(1)
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "raise":
        raise SystemExit(4)


def case_worker_death_is_seen() -> None:
    """However a worker ends, its parent sees the end of its pipe."""
    for how in ("return", "raise", "hard", "kill"):
        ours, theirs = multiprocessing.Pipe()
        process = launch(_die, theirs, how, name=how)
        theirs.close()
        ours.send("go")
        say(receive(ours))
        finish(process)


def case_parents_copy_hides_the_end() -> None:
    """While the parent keeps its own copy of the child's end there is no end to see."""
    ours, theirs = multiprocessing.Pipe()
    run(_send, theirs, "sent")
    say(receive(ours), ours.poll(0.1))
    theirs.close()
    say(receive(ours))


def case_later_child_holds_earlier_pipes() -> None:
    """A child that is started later inherits (fork) the ends that the parent still has, or not (spawn)."""
    ours, theirs = multiprocessing.Pipe()
    gate, childs = multiprocessing.Pipe()
    first = launch(_send, theirs, "sent", name="first")
    second = launch(_wait, childs, name="second")
    childs.close()
    theirs.close()
    say(receive(ours))
    finish(first)
    say(ours.poll(0.1))
    gate.send("go")
    finish(second)
    say(receive(ours))


_global_pipe: list[Any] = []


def _use_global() -> None:
    _global_pipe[1].send("through a global")
    _global_pipe[0].close()


@only("fork")
def case_global_ends() -> None:
    """Ends that are reached through a global are inherited as well."""
    _global_pipe[:] = multiprocessing.Pipe()
    process = launch(_use_global)
    _global_pipe[1].close()
    say(receive(_global_pipe[0]), receive(_global_pipe[0]), _global_pipe[0].closed)
    finish(process)


def _tell_handle(connection: Any, other: Any) -> None:
    connection.send((other.closed, other.readable, other.writable, isinstance(other.fileno(), int)))
    connection.send(type(other).__name__)
    other.close()
    connection.send((other.closed, repr(other.closed)))


def case_attributes_are_the_childs() -> None:
    """closed, readable, writable and fileno() answer for the asking process."""
    ours, theirs = multiprocessing.Pipe()
    reader, writer = multiprocessing.Pipe(duplex=False)
    process = launch(_tell_handle, theirs, writer)
    writer.close()
    say(receive(ours), receive(ours), receive(ours), receive(reader), writer.closed)
    finish(process)


def _write_to_nobody(connection: Any, gate: Any) -> None:
    gate.recv()
    try:
        for _ in range(100):
            connection.send_bytes(b"x" * 10000)
    except OSError as error:
        say(type(error).__name__)


def case_broken_pipe() -> None:
    """Writing when the last reader has gone is BrokenPipeError."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    gate, childs = multiprocessing.Pipe()
    process = launch(_close_and_write, reader, writer, childs)
    writer.close()
    reader.close()
    gate.send("go")
    finish(process)


def _close_and_write(reader: Any, writer: Any, gate: Any) -> None:
    reader.close()
    _write_to_nobody(writer, gate)


def _use_received(connection: Any) -> None:
    received = connection.recv()
    received.send("through a pipe that came through a pipe")
    received.close()
    connection.send("done")


def case_ends_travel_through_pipes() -> None:
    """A connection can be sent through a connection; the receiver holds a copy."""
    ours, theirs = multiprocessing.Pipe()
    reader, writer = multiprocessing.Pipe(duplex=False)
    process = launch(_use_received, theirs)
    ours.send(writer)
    say(receive(reader))
    say(receive(ours))
    writer.close()
    finish(process)
    say(receive(reader))


def _use_queue(queue: Any) -> None:
    queue.put("first")
    queue.close()
    attempt(queue.put, "second")
    queue.join_thread()


def case_queue_is_closed_by_the_child() -> None:
    """A queue that a child closes is open in the parent."""
    queue: Any = multiprocessing.Queue()
    run(_use_queue, queue)
    say(queue.get(timeout=LIMIT))
    queue.put("parent")
    say(queue.get(timeout=LIMIT))
    queue.close()
    attempt(queue.put, 1)
    attempt(queue.get)


def _put_later(queue: Any, gate: Any) -> None:
    gate.recv()
    queue.put("after the parent closed it")


def case_queue_is_closed_by_the_parent() -> None:
    """A queue that the parent closes can be used by the child."""
    queue: Any = multiprocessing.Queue()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_put_later, queue, theirs)
    queue.close()
    ours.send("go")
    finish(process)


def _close_simple(queue: Any) -> None:
    queue.put("sent")
    queue.close()
    attempt(queue.put, 1)


def case_simple_queue() -> None:
    """SimpleQueue.close() closes the caller's ends."""
    queue: Any = multiprocessing.SimpleQueue()
    run(_close_simple, queue)
    say(queue.get(), queue.empty())
    queue.close()
    attempt(queue.empty)


def _hold(connection: Any, gate: Any) -> None:
    launch(_hold_on, connection, gate, name="grandchild")
    os._exit(0)


def _hold_on(connection: Any, gate: Any) -> None:
    connection.send("the grandchild holds it")
    gate.recv()


def case_grandchild_holds_on() -> None:
    """An end that a grandchild holds stays open when the child has gone."""
    ours, theirs = multiprocessing.Pipe()
    gate, childs = multiprocessing.Pipe()
    process = launch(_hold, theirs, childs)
    theirs.close()
    say(receive(ours))
    process.join()
    say(process.exitcode, ours.poll(0.1))
    gate.send("go")
    say(receive(ours))


@only("fork")
def case_sentinel_with_a_live_grandchild() -> None:
    """The sentinel of a child that has ended is ready, whoever else is alive."""
    ours, theirs = multiprocessing.Pipe()
    gate, childs = multiprocessing.Pipe()
    process = launch(_hold, theirs, childs)
    say(receive(ours))
    process.join()
    say(process.exitcode, wait([process.sentinel], 0.2) == [process.sentinel])
    gate.send("go")


def _leave_orphan(connection: Any) -> None:
    ours, theirs = multiprocessing.Pipe()
    launch(_watch_parent_of, theirs, connection, name="grandchild")
    say(receive(ours))
    os._exit(0)


def _watch_parent_of(gate: Any, connection: Any) -> None:
    parent = multiprocessing.parent_process()
    say("alive", parent.is_alive(), wait([parent.sentinel], 0) == [])
    gate.send("ready")
    say(wait([parent.sentinel], LIMIT) == [parent.sentinel])
    connection.send((parent.is_alive(), parent.join(1)))


def case_sentinel_of_the_parent() -> None:
    """A child can wait for the end of its parent."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_leave_orphan, theirs)
    say(receive(ours))
    process.join()
    say(process.exitcode)


def case_wait_for_ends() -> None:
    """connection.wait() reports an ended pipe as readable, and a silent one not."""
    ours, theirs = multiprocessing.Pipe()
    silent, _other = multiprocessing.Pipe()
    process = launch(_send, theirs, "sent")
    theirs.close()
    say(wait([ours, silent], LIMIT) == [ours], receive(ours))
    say(wait([ours, silent], LIMIT) == [ours], receive(ours))
    say(wait([silent], 0.05))
    finish(process)
    say(set(wait([ours, process.sentinel], LIMIT)) == {ours, process.sentinel})


def _select(connection: Any, other: Any) -> None:
    readable, writable, _ = select.select([connection, other], [connection], [], LIMIT)
    say(readable == [connection], writable == [connection], connection.recv())


def case_select_on_connections() -> None:
    """select() takes connections in a child."""
    ours, theirs = multiprocessing.Pipe()
    silent, _other = multiprocessing.Pipe()
    ours.send("something")
    run(_select, theirs, silent)


def _serve(gate: Any) -> None:
    with Listener(None, authkey=b"key") as listener:
        gate.send(listener.address)
        with listener.accept() as connection:
            connection.send(connection.recv() * 2)
            say(receive(connection))


def case_listener_in_a_child() -> None:
    """A listener in a child serves a client in the parent, who is seen to leave."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_serve, theirs)
    client = Client(receive(ours), authkey=b"key")
    client.send(21)
    say(receive(client))
    client.close()
    finish(process)
    attempt(Client, ("127.0.0.1", 1), authkey=b"key")


def _wrong_key(address: Any, connection: Any) -> None:
    try:
        Client(address, authkey=b"wrong")
    except multiprocessing.AuthenticationError as error:
        connection.send(str(error))


def case_wrong_key() -> None:
    """A client with the wrong key is refused on both sides."""
    with Listener(None, authkey=b"key") as listener:
        ours, theirs = multiprocessing.Pipe()
        process = launch(_wrong_key, listener.address, theirs)
        try:
            listener.accept()
        except multiprocessing.AuthenticationError as error:
            say(error)
        say(receive(ours))
        finish(process)


def _echo(connection: socket.socket) -> None:
    with connection:
        connection.sendall(connection.recv(10) * 2)


def case_socket_as_argument() -> None:
    """A socket in the arguments is the child's own: the parent closes its copy and goes on."""
    ours, theirs = socket.socketpair()
    process = launch(_echo, theirs)
    theirs.close()
    ours.sendall(b"ab")
    say(ours.recv(10), ours.recv(10))
    ours.close()
    finish(process)


@only("fork")
def case_plain_pipe() -> None:
    """A pipe of the system is inherited by fork: each side closes its own copies."""
    reader, writer = os.pipe()
    process = launch(_write_plain, reader, writer)
    os.close(writer)
    say(os.read(reader, 100))
    say(os.read(reader, 100))
    os.close(reader)
    finish(process)


def _write_plain(reader: int, writer: int) -> None:
    os.close(reader)
    os.write(writer, b"through a pipe of the system")
    os.close(writer)


@only("fork")
def case_open_file() -> None:
    """A file object that the parent opened is inherited: closing it in the child leaves the parent's open."""
    with open("inherited-file", "w+", encoding="utf-8") as file:
        file.write("parent, ")
        file.flush()
        run(_write_file, file)
        say(file.closed)
        file.write("parent again")
    with open("inherited-file", encoding="utf-8") as file:
        say(file.read())


def _write_file(file: Any) -> None:
    file.write("child, ")
    file.close()


def _send_handle(connection: Any) -> None:
    fd = reduction.recv_handle(connection)
    os.write(fd, b"by a handle that was sent")
    os.close(fd)


def case_sent_handles() -> None:
    """reduction.send_handle() hands a descriptor to a child."""
    ours, theirs = multiprocessing.Pipe()
    reader, writer = os.pipe()
    process = launch(_send_handle, theirs)
    reduction.send_handle(ours, writer, process.pid)
    os.close(writer)
    say(os.read(reader, 100))
    finish(process)
    say(os.read(reader, 100))
    os.close(reader)


def _dup(connection: Any) -> None:
    thread = threading.Thread(target=_send, args=(connection, "from a thread"))
    thread.start()
    thread.join()
    connection.close()
    attempt(connection.send, 1)


def case_threads_share_the_ends() -> None:
    """All threads of a child use the child's ends."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_dup, theirs)
    theirs.close()
    finish(process)
    say(receive(ours), receive(ours))


def case_forgotten_ends() -> None:
    """An end that is forgotten is closed."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_send, theirs, "sent")
    del theirs
    say(receive(ours), receive(ours))
    finish(process)


def case_messages_outlive_their_sender() -> None:
    """What was sent before a child ended can be read after it."""
    ours, theirs = multiprocessing.Pipe()
    run(_send, theirs, *range(50))
    theirs.close()
    say([receive(ours) for _ in range(50)] == list(range(50)), receive(ours))


_kept: list[Any] = []


def _serve_sockets(pipe: Any, kind: int) -> None:
    server = socket.socket(socket.AF_INET, kind)
    server.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        server.listen()
    _kept.append(server)
    pipe.send(server.getsockname())


def case_addresses_are_free_after_the_end() -> None:
    """What a child listened on is closed with it, even if it is in a global: the address can be had again."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        ours, theirs = multiprocessing.Pipe()
        process = launch(_serve_sockets, theirs, kind)
        address = receive(ours)
        finish(process)
        with socket.socket(socket.AF_INET, kind) as client:
            attempt(client.bind, address)


def _keep(server: Any, pipe: Any) -> None:
    _kept.append(server)
    server.settimeout(LIMIT)
    connection, _ = server.accept()
    _kept.append(connection)
    pipe.send("accepted")


def case_listening_socket_as_an_argument() -> None:
    """A child that got a listening socket ends without harm to the one of its parent, until that closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        ours, theirs = multiprocessing.Pipe()
        process = launch(_keep, server, theirs)
        with socket.create_connection(address) as client:
            say(receive(ours))
            finish(process)
            say(client.recv(1))
        with socket.create_connection(address), server.accept()[0]:
            say("the parent's accepts")
    attempt(lambda: socket.create_connection(address).close())


def _serve_longer(pipe: Any) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    pipe.send(server.getsockname())
    _kept.append(server)
    child = multiprocessing.Process(target=_accept_inherited, args=(pipe,))
    child.start()
    os._exit(0)


def _accept_inherited(pipe: Any) -> None:
    multiprocessing.parent_process().join(LIMIT)  # type: ignore[union-attr]
    server = _kept[-1]
    pipe.send("the parent is gone")
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"served")


@only("fork")
def case_inherited_server_outlives_its_maker() -> None:
    """A forked child goes on serving on the socket of its parent, which has ended."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_serve_longer, theirs)
    address = receive(ours)
    say(receive(ours))
    process.join()  # with a timeout it would wait for the sentinel, which the grandchild has inherited
    with socket.create_connection(address, LIMIT) as client:
        say(client.recv(100), client.recv(100))
    theirs.close()
    say(receive(ours))


def _try_to_lock(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        attempt(fcntl.lockf, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    number = os.open(path, os.O_RDWR)
    attempt(fcntl.lockf, number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(number)


def case_record_lock_of_the_program() -> None:
    """What the program locked while it had no children is locked for these, until it closes the file."""
    with tempfile.NamedTemporaryFile("w") as file:
        fcntl.lockf(file.file, fcntl.LOCK_EX)
        run(_try_to_lock, file.name)
        fcntl.lockf(file.file, fcntl.LOCK_UN)
        run(_try_to_lock, file.name)
        number = os.open(file.name, os.O_RDWR)
        fcntl.lockf(number, fcntl.LOCK_EX)
        os.close(number)
        run(_try_to_lock, file.name)


def _lock_and_close(path: str, pipe: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
    pipe.send("closed")
    receive(pipe)
    number = os.open(path, os.O_RDWR)
    fcntl.lockf(number, fcntl.LOCK_EX)
    os.close(number)
    pipe.send("closed")
    receive(pipe)
    say(file.closed)


def case_record_lock_of_a_closed_file() -> None:
    """A child that has closed the file holds no lock of it, though the file object is there still."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lock")
        ours, theirs = multiprocessing.Pipe()
        process = launch(_lock_and_close, path, theirs)
        for _ in range(2):
            say(receive(ours))
            run(_try_to_lock, path)
            ours.send("go on")
        finish(process)


def _answer_after_the_end(pipe: Any) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    pipe.send(server.getsockname())
    connection, _ = server.accept()
    connection.sendall(b"before")
    try:
        os._exit(5)
    except BaseException:
        connection.sendall(b"sorry")
        raise
    finally:
        connection.sendall(b"and goodbye")


def case_nothing_is_sent_after_the_end() -> None:
    """Who is connected gets what was sent before os._exit(), and nothing of what cleans up after it."""
    ours, theirs = multiprocessing.Pipe()
    child = launch(_answer_after_the_end, theirs)
    with socket.create_connection(ours.recv(), timeout=LIMIT) as connection:
        data = b"".join(iter(lambda: connection.recv(99), b""))
    say(data)
    finish(child)


def _accept_and_pass_on(pipe: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe.send(server.getsockname())
        connection, _ = server.accept()
    pipe.send(connection)
    pipe.recv()
    os._exit(0)


def case_accepted_for_another() -> None:
    """A connection that was passed on outlives the process that accepted it."""
    ours, theirs = multiprocessing.Pipe()
    child = launch(_accept_and_pass_on, theirs)
    with socket.create_connection(ours.recv(), timeout=LIMIT) as client:
        with ours.recv() as accepted:
            ours.send("go")
            finish(child)
            accepted.sendall(b"still there")
        say(b"".join(iter(lambda: client.recv(99), b"")))
