"""A program that leaves a manager open ends, and the manager with it."""

from __future__ import annotations

import multiprocessing
import os


def append(numbers: list[int]) -> None:
    """Append through a proxy."""
    numbers.append(2)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    manager = multiprocessing.Manager()
    shared = manager.list([1])
    process = multiprocessing.Process(target=append, args=(shared,))
    process.start()
    process.join()
    print(list(shared), flush=True)
