"""Start methods and contexts are chosen, and refused, in the stdlib's words."""

from __future__ import annotations

import multiprocessing
import os


def tell() -> None:
    """Print the start method of the child."""
    print("in the child", multiprocessing.get_start_method(), flush=True)


if __name__ == "__main__":
    method = os.environ["COMPARE_METHOD"]
    print(multiprocessing.get_start_method(allow_none=True), multiprocessing.get_all_start_methods())
    try:
        multiprocessing.set_start_method("thread")
    except ValueError as error:
        print(error)
    multiprocessing.set_start_method(method)
    try:
        multiprocessing.set_start_method(method)
    except RuntimeError as error:
        print(error)
    print(
        multiprocessing.get_start_method() == method,
        multiprocessing.get_context() is multiprocessing.get_context(),
    )
    for name in ("fork", "spawn"):
        process = multiprocessing.get_context(name).Process(target=tell)
        print(type(process).__name__, flush=True)
        process.start()
        process.join()
    multiprocessing.set_start_method("spawn", force=True)
    print(multiprocessing.get_start_method())
    try:
        multiprocessing.get_context("unknown")
    except ValueError as error:
        print(error)
