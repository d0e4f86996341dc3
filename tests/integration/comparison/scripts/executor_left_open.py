"""A program that leaves an executor open waits for its work and ends."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor


def work(number: int) -> int:
    """Say something, return the square."""
    print("work", number, flush=True)
    return number * number


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    executor = ProcessPoolExecutor(1)
    futures = [executor.submit(work, number) for number in range(3)]
    print("end", flush=True)
