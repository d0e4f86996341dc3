"""psutil asked for thread processes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

pytest.importorskip("psutil", reason="psutil is no dependency")

_PROGRAM = """
import os
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
import psutil

def ask(queue):
    own = psutil.Process()
    with own.oneshot():
        parent = own.ppid()
    queue.put([own.pid == os.getpid(), parent == os.getppid(), own.memory_info().rss > 0, own.is_running()])

if __name__ == "__main__":
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=ask, args=(queue,))
    process.start()
    print(*queue.get())
    process.join()
    print(psutil.pid_exists(process.pid), psutil.Process().as_dict(["pid", "ppid"])["ppid"] == os.getppid())
    never = multiprocessing.Event()
    process = multiprocessing.Process(target=never.wait)
    process.start()
    [known] = [child for child in psutil.Process().children() if child.pid == process.pid]
    try:
        known.wait(0.01)
    except psutil.TimeoutExpired:
        known.kill()
    print(known.wait(30), known.is_running())
    process.join()
    print(process.exitcode)
    mpthread_hook.disable()
    print(psutil.Process().pid == os.getpid())
"""


def test_thread_processes_are_known(tmp_path: Path) -> None:
    """A child finds itself and its parent; its parent finds it among its children, waits for it and kills it."""
    script = tmp_path / "script.py"
    script.write_text(_PROGRAM, encoding="utf-8")
    done = run(sys.executable, str(script), env=environment(this_path()))
    assert done.stdout.splitlines() == ["True True True True", "False True", "-9 False", "-9", "True"], done.stderr
