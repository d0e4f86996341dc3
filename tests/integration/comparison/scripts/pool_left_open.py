"""A program that leaves a pool open ends all the same."""

from __future__ import annotations

import multiprocessing
import os


def square(number: int) -> int:
    """Return the square."""
    return number * number


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    pool = multiprocessing.Pool(2)
    print(pool.map(square, range(5)), flush=True)
    print("end", flush=True)
    pool.terminate()
