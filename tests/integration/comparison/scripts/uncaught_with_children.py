"""A program that fails with children alive prints its traceback, waits for them, and ends with 1."""

from __future__ import annotations

import multiprocessing
import os


def work(connection: object) -> None:
    """Wait for the word."""
    print("received", connection.recv(), flush=True)  # type: ignore[attr-defined]


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(theirs,)).start()
    ours.send("go")
    raise ValueError("the program fails")
