"""Processes, children of children and pool workers are numbered from one, by their parent."""

from __future__ import annotations

import multiprocessing
import os


def tell(depth: int) -> None:
    """Print the own default name, then start children."""
    process = multiprocessing.current_process()
    print(process.name, process._identity, type(process).__name__, flush=True)
    for _ in range(2 if depth else 0):
        child = multiprocessing.Process(target=tell, args=(depth - 1,))
        child.start()
        child.join()


def name(_: int) -> str:
    """Return the name of the worker."""
    return multiprocessing.current_process().name


class Mine(multiprocessing.Process):
    """A subclass gives its own name."""

    def run(self) -> None:
        print(self.name, flush=True)


if __name__ == "__main__":
    method = os.environ["COMPARE_METHOD"]
    multiprocessing.set_start_method(method)
    tell(2)
    other = multiprocessing.get_context(method).Process(target=tell, args=(0,))
    print(other.name, type(other).__name__, flush=True)
    other.start()
    other.join()
    mine = Mine()
    mine.start()
    mine.join()
    with multiprocessing.Pool(1) as pool:
        print(pool.map(name, [1]))
