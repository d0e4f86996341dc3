"""Sockets in a thread process; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_PROGRAM = """
        import signal, socket, threading, time
        def tell(function, *args, **kwargs):
            try:
                print(function(*args, **kwargs), flush=True)
            except (OSError, TypeError, ValueError) as error:
                print(type(error).__name__, error, flush=True)
        class Alarm(Exception): pass
        def ring(*_): raise Alarm
        def child(address):
            first, second = socket.socketpair()
            second.sendall(b"abcdefghij")
            buffer = bytearray(3)
            tell(first.recv, 2)
            tell(first.recv, 2, socket.MSG_PEEK)
            tell(first.recv_into, buffer)
            tell(first.recv_into, buffer, nbytes=1, flags=0)
            tell(first.recvmsg, 2)
            tell(first.recvfrom, 10)
            tell(first.recv, 0)
            tell(first.recv, 1, socket.MSG_DONTWAIT)
            tell(first.recv)
            tell(first.recv, -1)
            tell(first.recv, "x")
            tell(first.accept)
            first.settimeout(0.05)
            tell(first.recv, 1)
            tell(first.recv_into, buffer)
            first.setblocking(False)
            tell(first.recv, 1)
            first.setblocking(True)
            t = threading.Timer(0.05, second.sendall, (b"later",))
            t.start()
            tell(first.recv, 10)
            t.join()
            signal.signal(signal.SIGALRM, ring)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                first.recv(1)
            except Alarm:
                print("rang")
            seen = []
            signal.signal(signal.SIGALRM, lambda *_: (seen.append(1), second.sendall(b"handled")))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            tell(first.recv, 10)
            print(seen)
            second.sendall(b"line\\nrest")
            second.close()
            with first.makefile("rb") as file:
                print(file.readline(), file.read())
            tell(first.recv, 1)
            first.close()
            tell(first.recv, 1)
            with socket.create_connection(address) as client:
                client.sendall(b"hello")
                print(client.recv(100), flush=True)
        def main():
            with socket.create_server(("127.0.0.1", 0)) as server:
                p = mp.Process(target=child, args=(server.getsockname(),))
                p.start()
                connection, _ = server.accept()
                with connection:
                    print(connection.recv(100))
                    connection.sendall(b"answer")
                p.join()
                print(p.exitcode)
            print("recv" in vars(socket.socket))
"""
_KILLED = """
        import socket
        def child(pipe, wait):
            pipe.send("ready")
            wait()
        def main():
            first, second = socket.socketpair()
            server = socket.create_server(("127.0.0.1", 0))
            timed, other = socket.socketpair()
            timed.settimeout(60)
            ways = {
                "recv": lambda: first.recv(1),
                "recv with a timeout": lambda: timed.recv(1),
                "recv_into": lambda: first.recv_into(bytearray(1)),
                "recvfrom": lambda: first.recvfrom(1),
                "recvmsg": lambda: first.recvmsg(1),
                "accept": server.accept,
                "a file": lambda: first.makefile("rb").read(),
            }
            for name, wait in ways.items():
                ours, theirs = mp.Pipe()
                p = mp.Process(target=child, args=(theirs, wait))
                p.start()
                ours.recv()
                p.kill()
                p.join()
                if p.exitcode != -9:
                    print(name, p.exitcode)
            print(len(ways))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_as_with_real_processes(method: str, tmp_path: Path) -> None:
    """What a socket gives and raises, at once or later, is the same as on real processes."""
    stock = run(tmp_path, _PROGRAM, hooked=False, method=method)
    hooked = run(tmp_path, _PROGRAM, hooked=True, method=method)
    assert hooked == stock


def test_a_kill_ends_what_waits_for_a_socket(tmp_path: Path) -> None:
    """A child that waits for a socket is gone when it is killed; no thread of it is abandoned."""
    assert facts(tmp_path, _KILLED) == ["7"]
