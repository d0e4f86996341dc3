"""Each process opens and closes a connection over a socket for itself, and its end closes it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Client, Listener
from typing import Any

#: What a child keeps, so that nothing but its end closes it.
kept: list[Any] = []


def answer_once(connection: Any) -> None:
    """Answer one message."""
    connection.send(("child", connection.recv()))


def close(connection: Any, closed: Any) -> None:
    """Close what came as an argument."""
    connection.close()
    closed.put(connection.closed)


def close_all(*connections: Any) -> None:
    """Close what was inherited."""
    for connection in connections:
        connection.close()


def connect_and_end(address: Any, how: str, ready: Any) -> None:
    """Be a client, and end."""
    client = Client(address)
    client.send("hello")
    kept.append(client)
    ready.put(None)
    end(how)


def listen_and_end(family: str, how: str, addresses: Any) -> None:
    """Be a server, and end."""
    listener = Listener(("127.0.0.1", 0) if family == "AF_INET" else None, family)
    addresses.put(listener.address)
    connection = listener.accept()
    connection.send("hello")
    kept.extend((listener, connection))
    end(how)


def end(how: str) -> None:
    """End in one of several ways."""
    if how == "exit":
        os._exit(4)
    if how == "raise":
        raise SystemExit(5)
    if how == "killed":
        signal.pause()


def connect_and_pass_on(address: Any, pipe: Any) -> None:
    """Make a connection and send it to the parent."""
    client = Client(address)
    kept.append(client)
    pipe.send(client)
    pipe.recv()


def pair(listener: Any) -> tuple[Any, Any]:
    """Return both ends of a new connection."""
    clients: list[Any] = []
    thread = threading.Thread(target=lambda: clients.append(Client(listener.address)))
    thread.start()
    server = listener.accept()
    thread.join()
    return server, clients[0]


def outcome(connection: Any) -> str:
    """Return what arrives, or the error, within a minute."""
    if not connection.poll(60):
        return "nothing"
    try:
        return str(connection.recv())
    except EOFError:
        return "EOFError"


def main() -> None:
    """Play all of it."""
    method = os.environ["COMPARE_METHOD"]
    context: Any = multiprocessing.get_context(method)
    with Listener(("127.0.0.1", 0)) as listener:
        server, client = pair(listener)
        child = context.Process(target=answer_once, args=(server,))
        child.start()
        server.close()
        client.send(1)
        print("as an argument", client.recv())
        child.join()
        print(child.exitcode, outcome(client))

        server, client = pair(listener)
        closed = context.SimpleQueue()
        child = context.Process(target=close, args=(server, closed))
        child.start()
        child.join()
        client.send(2)
        print("closed in the child", closed.get(), server.closed, server.recv())

        if method == "fork":
            child = context.Process(target=close_all, args=(server, client))
            child.start()
            child.join()
            client.send(3)
            print("inherited", server.recv())
        close_all(server, client)

        here, there = context.Pipe()
        child = context.Process(target=connect_and_pass_on, args=(listener.address, there))
        child.start()
        server = listener.accept()
        passed = here.recv()
        here.send(None)
        child.join()
        passed.send("passed on")
        print(server.recv())
        passed.close()
        print(outcome(server))

    for family in ("AF_INET", "AF_UNIX"):
        for how in ("return", "exit", "raise", "killed"):
            queue = context.SimpleQueue()
            child = context.Process(target=listen_and_end, args=(family, how, queue))
            child.start()
            client = Client(queue.get())
            print("server", family, how, client.recv())
            if how == "killed":
                child.kill()
            print(outcome(client))
            child.join()
            print(child.exitcode)
            client.close()
            with Listener(("127.0.0.1", 0) if family == "AF_INET" else None, family) as listener:
                child = context.Process(target=connect_and_end, args=(listener.address, how, queue))
                child.start()
                server = listener.accept()
                print("client", family, how, server.recv(), queue.get())
                if how == "killed":
                    child.kill()
                print(outcome(server))
                child.join()
                print(child.exitcode)
                server.close()


if __name__ == "__main__":
    main()
