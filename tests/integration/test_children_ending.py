"""Children that leave, raise or are killed: the program lives on, and every exit code is right."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration


def printed(code: str) -> tuple[int, list[str], str]:
    """Run a program under the hook; return its status, the lines it printed, sorted, and its stderr."""
    # Unbuffered streams would mix the lines of real processes as well.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-m", "mpthread_hook", "run", "-c", code],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, sorted(done.stdout.splitlines()), done.stderr


def test_two_children_leave_at_once() -> None:
    """os._exit of two children at the same moment ends these two with their codes, and nobody else."""
    status, lines, stderr = printed("""
import multiprocessing, os
def leave(barrier, code):
    barrier.wait()
    os._exit(code)
def stay(barrier, gone, number):
    barrier.wait()
    gone.wait()
    for line in range(200):
        print(f"stay {number} {line}")
barrier, gone = multiprocessing.Barrier(4), multiprocessing.Event()
leaving = [multiprocessing.Process(target=leave, args=(barrier, code)) for code in (3, 4)]
staying = [multiprocessing.Process(target=stay, args=(barrier, gone, number)) for number in (0, 1)]
for process in leaving + staying:
    process.start()
for process in leaving:
    process.join()
gone.set()
for process in staying:
    process.join()
print("codes", [process.exitcode for process in leaving + staying])
""")
    assert (status, stderr) == (0, "")
    assert lines[0] == "codes [3, 4, 0, 0]"
    assert lines[1:] == sorted(f"stay {number} {line}" for number in (0, 1) for line in range(200))


def test_a_child_raises() -> None:
    """An uncaught exception ends the child with 1 and prints its traceback as on processes."""
    status, lines, stderr = printed("""
import multiprocessing
def fail():
    raise ValueError("the child's")
child = multiprocessing.Process(target=fail, name="Failing")
child.start()
child.join()
print(child.exitcode)
""")
    assert (status, lines) == (0, ["1"])
    assert stderr.startswith("Process Failing:\nTraceback (most recent call last):\n")
    assert stderr.endswith("ValueError: the child's\n")


@pytest.mark.parametrize(
    "blocked",
    ["time.sleep(60)", "threading.Event().wait()", "queue.get()", "lock.acquire()", "os.read(pipe, 1)"],
)
def test_a_blocked_child_is_killed(blocked: str) -> None:
    """kill() ends a child that waits, soon and with minus the signal; the program goes on."""
    status, lines, _ = printed(f"""
import multiprocessing, os, threading, time
queue, lock, ready = multiprocessing.Queue(), multiprocessing.Lock(), multiprocessing.Event()
lock.acquire()
pipe, _ = os.pipe()
def wait():
    ready.set()
    {blocked}
child = multiprocessing.Process(target=wait)
child.start()
ready.wait()
child.kill()
child.join(50)
print(child.exitcode)
""")
    assert (status, lines) == (0, ["-9"])
