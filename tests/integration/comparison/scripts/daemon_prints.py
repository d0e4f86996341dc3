"""A daemon that is at work when the program ends is terminated: no exit function, no finally."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import time
from typing import Any


def work(connection: Any) -> None:
    """Work until the end."""
    atexit.register(print, "never")
    try:
        connection.send("ready")
        while True:
            time.sleep(0.01)
    finally:
        print("never, either", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(theirs,), daemon=True).start()
    print(ours.recv(), flush=True)
