"""The program's own stdin is its own: a child finds an empty one and takes nothing from it."""

from __future__ import annotations

import multiprocessing
import os
import sys


def read() -> None:
    """Read all there is."""
    print(repr(sys.stdin.read()), flush=True)
    try:
        input()
    except EOFError as error:
        print("EOFError", error, flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    print(input(), flush=True)
    process = multiprocessing.Process(target=read)
    process.start()
    process.join()
    print(sys.stdin.readline(), repr(sys.stdin.read()), flush=True)
