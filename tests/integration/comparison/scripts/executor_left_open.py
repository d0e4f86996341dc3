"""A program that leaves an executor open waits for its work and ends."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def begin(gate: Any) -> None:
    """Wait until the program has come to its end."""
    gate.wait()


def work(number: int) -> int:
    """Say something, return the square."""
    print("work", number, flush=True)
    return number * number


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ended = multiprocessing.Event()
    executor = ProcessPoolExecutor(1, initializer=begin, initargs=(ended,))
    futures = [executor.submit(work, number) for number in range(3)]
    print("end", flush=True)
    ended.set()
