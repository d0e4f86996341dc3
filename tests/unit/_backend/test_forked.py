"""Which pipes get descriptors before a real fork, and that those that do not are as they were."""

from __future__ import annotations

import os

import pytest

from tests.interpreters import answer, environment, this_path

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="a real fork is for POSIX systems"),
]

BEGIN = """
import json, os, threading
import mpthread_hook
mpthread_hook.enable()
import multiprocessing.connection
from mpthread_hook._backend.connection import Connection, _as_bytes
from mpthread_hook._backend.forked import before_real_fork
def real(*connections):
    return [type(connection) is not Connection for connection in connections]
"""


def _answer(code: str) -> object:
    return answer(BEGIN + code, env=environment(this_path()))


def test_a_free_pipe_gets_descriptors_and_keeps_what_is_in_it() -> None:
    """Both ends, whatever was sent, and the direction; an end that was closed is closed."""
    code = """
a, b = multiprocessing.Pipe()
r, w = multiprocessing.Pipe(False)
lonely, closed = multiprocessing.Pipe()
for message in (1, "two", [3]):
    a.send(message)
w.send_bytes(b"bytes")
closed.send(None)
closed.close()
before_real_fork(_as_bytes)
seen = real(a, b, r, w, lonely, closed)
got = [b.recv(), b.recv(), b.recv(), r.recv_bytes().decode(), lonely.recv(), lonely.poll(0)]
b.send("back")
got += [a.recv(), r.writable, w.readable, a.poll(0)]
a.close()
print(json.dumps([seen, got, isinstance(b, multiprocessing.connection.Connection), b.poll(0), closed.closed]))
"""
    got = [1, "two", [3], "bytes", None, True, "back", False, False, False]
    assert _answer(code) == [[True, True, True, True, True, False], got, True, True, True]


def test_what_somebody_else_has_a_part_in_stays_in_memory() -> None:
    """Queues, ends inside a message, ends with a descriptor that was asked for."""
    code = """
queue = multiprocessing.Queue()
queue.put(1)
a, b = multiprocessing.Pipe()
carrier, other = multiprocessing.Pipe()
carrier.send(a)
watched, peer = multiprocessing.Pipe()
watched.fileno()
before_real_fork(_as_bytes)
seen = real(queue._reader, queue._writer, b, watched, peer, carrier)
sent = other.recv()
b.send("still")
peer.send("there")
print(json.dumps([seen, queue.get(), sent.recv(), watched.recv()]))
"""
    assert _answer(code) == [[False, False, False, False, False, True], 1, "still", "there"]


def test_more_than_a_pipe_holds_stays_in_memory() -> None:
    """It cannot be written without a reader; nothing of it is lost."""
    code = """
a, b = multiprocessing.Pipe()
text = "x" * 40000
a.send(text)
a.send(text)
before_real_fork(_as_bytes)
print(json.dumps([real(a, b), b.recv() == text, b.recv() == text, b.poll(0)]))
"""
    assert _answer(code) == [[False, False], True, True, False]


def test_a_program_is_no_child_that_has_connections() -> None:
    """One with a ``preexec_fn`` is forked by the interpreter; the pipe still is each thread process's own."""
    code = """
import subprocess, sys
a, b = multiprocessing.Pipe()
subprocess.run([sys.executable, "-c", ""], preexec_fn=int, check=True)
begin = multiprocessing.Event()
def child(connection):
    begin.wait()
    connection.send("from the child")
process = multiprocessing.get_context("fork").Process(target=child, args=(b,))
process.start()
b.close()
begin.set()
print(json.dumps([real(a, b), a.recv(), process.join(), process.exitcode]))
"""
    assert _answer(code) == [[False, False], "from the child", None, 0]


def test_with_other_threads_everything_stays_as_it_is() -> None:
    """One of them may be in the middle of a message."""
    code = """
a, b = multiprocessing.Pipe()
go = threading.Event()
thread = threading.Thread(target=go.wait)
thread.start()
before_real_fork(_as_bytes)
seen = real(a, b)
go.set()
thread.join()
print(json.dumps(seen))
"""
    assert _answer(code) == [False, False]
