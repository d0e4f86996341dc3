"""SIGINT of a program that waits for its child is a KeyboardInterrupt in the program."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any


def interrupt(parent: int, connection: Any) -> None:
    """Send SIGINT to the program, then wait to be told to end."""
    connection.recv()
    os.kill(parent, signal.SIGINT)
    connection.recv()
    print("the child ends", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=interrupt, args=(os.getpid(), theirs))
    process.start()
    try:
        ours.send("go")
        process.join()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    ours.send("go")
    process.join()
    print("exit code", process.exitcode)
