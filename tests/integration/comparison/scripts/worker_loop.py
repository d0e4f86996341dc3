"""The classic program: workers that take from one queue and put into another until they are told to end."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any


def worker(tasks: Any, results: Any) -> None:
    """Square what comes until the sentinel does."""
    for number in iter(tasks.get, None):
        results.put((number, number * number))
    results.put(multiprocessing.current_process().name)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    todo: Any = multiprocessing.Queue()
    done: Any = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=worker, args=(todo, done)) for _ in range(3)]
    for process in workers:
        process.start()
    for n in range(30):
        todo.put(n)
    for _ in workers:
        todo.put(None)
    got = [done.get() for _ in range(33)]
    for process in workers:
        process.join()
    print(sorted(item for item in got if isinstance(item, tuple)) == [(n, n * n) for n in range(30)])
    print(sorted(item for item in got if isinstance(item, str)), [process.exitcode for process in workers])
