"""A program that kills itself ends by the signal."""

from __future__ import annotations

import multiprocessing
import os
import signal


def work() -> None:
    """Do nothing."""


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    process = multiprocessing.Process(target=work)
    process.start()
    process.join()
    print("before", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
