"""The top level of the program runs once more in a spawned child, and not in a forked one."""

from __future__ import annotations

import multiprocessing
import os
import sys

print("top level as", __name__, flush=True)


def tell() -> None:
    """Print where this function is from."""
    print("target from", tell.__module__, sys.modules["__main__"].__name__, flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    process = multiprocessing.Process(target=tell)
    process.start()
    process.join()
    print("end", process.exitcode, flush=True)
