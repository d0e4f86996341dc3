"""sys.exit() of a program gives its exit code, after its children and exit functions."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
from multiprocessing import util


def work() -> None:
    """Fail, which changes nothing for the program."""
    sys.exit(9)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    atexit.register(print, "exit function, registered before the first child")
    process = multiprocessing.Process(target=work)
    process.start()
    util.Finalize(None, print, args=("finalizer 0",), exitpriority=0)
    util.Finalize(None, print, args=("finalizer 10",), exitpriority=10)
    util.Finalize(None, print, args=("finalizer -10",), exitpriority=-10)
    atexit.register(print, "exit function, registered after it")
    process.join()
    print("child", process.exitcode)
    sys.exit(4)
