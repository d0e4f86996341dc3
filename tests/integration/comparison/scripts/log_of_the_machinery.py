"""multiprocessing logs the life of a child to stderr."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys


def work(code: int) -> None:
    """Log something, end."""
    multiprocessing.get_logger().info("the target logs")
    sys.exit(code)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    multiprocessing.log_to_stderr(logging.INFO)
    for number in range(2):
        process = multiprocessing.Process(target=work, args=(number,), name=f"child {number}")
        process.start()
        process.join()
    print("end")
