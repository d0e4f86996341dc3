"""Output without newlines of the program and its children comes once, in the order of the flushes."""

from __future__ import annotations

import multiprocessing
import os
import sys


def write(text: str) -> None:
    """Write without a newline."""
    sys.stdout.write(text)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    sys.stdout.write("one ")
    for word in ("two ", "three "):
        process = multiprocessing.Process(target=write, args=(word,))
        process.start()
        process.join()
        sys.stdout.write("then ")
    sys.stdout.write("end\n")
