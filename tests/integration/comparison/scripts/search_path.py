"""A new interpreter gets the program's `sys.path` without "", a fork has it as it is, and each changes its own."""

from __future__ import annotations

import multiprocessing
import os
import sys


def look(answers: multiprocessing.SimpleQueue[list[object]], added: str) -> None:
    """Tell what the path looks like, then change it, which is nobody else's business."""
    answers.put(["" in sys.path, os.getcwd() in sys.path, added in sys.path])
    sys.path.insert(0, "/of/the/child")
    answers.put(sys.path[:1])


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    sys.path[:] = ["", "/added", *(entry for entry in sys.path if entry not in ("", os.getcwd()))]
    queue: multiprocessing.SimpleQueue[list[object]] = multiprocessing.SimpleQueue()
    process = multiprocessing.Process(target=look, args=(queue, "/added"))
    process.start()
    print(queue.get(), queue.get())
    process.join()
    print(sys.path[:2], "/of/the/child" in sys.path)
