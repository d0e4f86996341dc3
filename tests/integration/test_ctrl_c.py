"""Ctrl-C at a terminal ends a program and its children, as on processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

pty = pytest.importorskip("pty", reason="needs a terminal")

PROGRAM = """
import multiprocessing, os, time

def child(ready):
    ready.release()
    time.sleep(600)

if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    ready = multiprocessing.Semaphore(0)
    children = [multiprocessing.Process(target=child, args=(ready,)) for _ in range(3)]
    for process in children:
        process.start()
    for process in children:
        ready.acquire()
    print("ready", flush=True)
    children[0].join()
"""

# A session of its own, whose terminal is the program's standard input.
LEADER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def typed(command: list[str]) -> tuple[int, str]:
    """Run Python in a terminal of its own, type Ctrl-C once it is ready; return its status and its output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LEADER, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output, sent = b"", False
    try:
        while select.select([ours], [], [], 30)[0]:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                return process.wait(30), output.decode()
            output += data
            if not sent and b"ready" in output:
                sent = True
                os.write(ours, b"\x03")
        raise AssertionError(f"the program goes on; it has printed {output.decode()}")
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_the_program_and_its_children_end(tmp_path: Path) -> None:
    """Every process prints its KeyboardInterrupt, and the program ends by SIGINT.

    So it does on processes, but for one run in twenty or so, in which a child loses the signal.
    """
    script = tmp_path / "script.py"
    script.write_text(PROGRAM, encoding="utf-8")
    status, output = typed(["-m", "mpthread_hook", "run", str(script)])
    assert status == -2, output
    assert output.count("KeyboardInterrupt") == 4, output
