"""Reading descriptors in a thread process; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(not hasattr(os, "readv"), reason="the system reads a pipe in no way that is tested"),
]

_PROGRAM = """
        import signal, threading
        def tell(function, *args):
            try:
                print(function(*args), flush=True)
            except (OSError, TypeError, ValueError, OverflowError) as error:
                print(type(error).__name__, error, flush=True)
        class Alarm(Exception): pass
        def ring(*_): raise Alarm
        def child():
            first, second = os.pipe()
            os.write(second, b"abcdefghij")
            tell(os.read, first, 3)
            buffer = bytearray(2)
            tell(os.readv, first, [buffer])
            tell(os.readv, first, [])
            tell(os.read, first, 0)
            tell(os.read, first, -1)
            tell(os.read, first, 10)
            tell(os.read, first, "x")
            tell(os.read, "x", 1)
            tell(os.read, -1, 1)
            tell(os.read, 54321, 1)
            os.set_blocking(first, False)
            tell(os.read, first, 1)
            os.set_blocking(first, True)
            t = threading.Timer(0.05, os.write, (second, b"later"))
            t.start()
            tell(os.read, first, 10)
            t.join()
            signal.signal(signal.SIGALRM, ring)
            waits = [lambda: os.read(first, 1), lambda: os.readv(first, [buffer])]
            if hasattr(os, "readinto"):
                os.write(second, b"ab")
                tell(os.readinto, first, buffer)
                tell(os.readinto, first, bytearray())
                waits.append(lambda: os.readinto(first, buffer))
            for wait in waits:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.05)
                    wait()
                except Alarm:
                    print("rang")
            signal.signal(signal.SIGALRM, lambda *_: os.write(second, b"handled"))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            tell(os.read, first, 10)
            os.close(second)
            tell(os.read, first, 10)
            os.close(first)
            tell(os.read, first, 10)
            with open(os.__file__, "rb") as file:
                tell(os.read, file.fileno(), 6)
            tell(os.read, 0, 5)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            tell(os.read, 0, 5)
        def main():
            p = mp.Process(target=child)
            p.start()
            p.join()
            print(p.exitcode)
"""
_KILLED = """
        def child(pipe, wait):
            pipe.send("ready")
            wait()
        def main():
            first, second = os.pipe()
            ways = {"read": lambda: os.read(first, 1), "readv": lambda: os.readv(first, [bytearray(1)])}
            for name, wait in ways.items():
                ours, theirs = mp.Pipe()
                p = mp.Process(target=child, args=(theirs, wait))
                p.start()
                ours.recv()
                p.kill()
                p.join()
                print(name, p.exitcode)
            os.write(second, b"x")
            print(os.read(first, 2))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
def test_as_with_real_processes(tmp_path: Path) -> None:
    """What a descriptor gives and raises, at once or later, is the same as on real processes."""
    stock = run(tmp_path, _PROGRAM, hooked=False, text="a line")
    hooked = run(tmp_path, _PROGRAM, hooked=True, text="a line")
    assert hooked == stock


def test_a_kill_ends_what_waits_for_a_descriptor(tmp_path: Path) -> None:
    """A child that waits for a descriptor is gone when it is killed; no thread of it is left that reads."""
    assert facts(tmp_path, _KILLED) == ["read -9", "readv -9", "b'x'"]
