"""SIGINT of the whole group, as from a terminal, interrupts the program and its children."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time


def sleep(connection: object) -> None:
    """Sleep until interrupted."""
    try:
        connection.send("ready")  # type: ignore[attr-defined]
        time.sleep(30)
    except KeyboardInterrupt:
        print("the child is interrupted", flush=True)
        sys.exit(3)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=sleep, args=(theirs,))
    process.start()
    ours.recv()
    try:
        os.killpg(os.getpgrp(), signal.SIGINT)
        time.sleep(30)
    except KeyboardInterrupt:
        process.join()
        print("interrupted, too; exit code", process.exitcode)
