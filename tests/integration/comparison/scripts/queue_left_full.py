"""A program that ends with unread items in a queue ends."""

from __future__ import annotations

import multiprocessing
import os


def fill(queue: object) -> None:
    """Put a few items."""
    for number in range(5):
        queue.put(number)  # type: ignore[attr-defined]


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    items = multiprocessing.Queue()  # type: ignore[var-annotated]
    process = multiprocessing.Process(target=fill, args=(items,))
    process.start()
    process.join()
    print(items.get(), flush=True)
