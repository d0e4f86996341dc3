"""Threads of the program that are no daemons are waited for, and may use children meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import threading

METHODS = ("fork",)  # a spawned child would look for the program that has ended already


def work(number: int) -> None:
    """Say which one this is."""
    print("child", number, multiprocessing.parent_process().name, flush=True)  # type: ignore[union-attr]


def start_children(gate: threading.Event) -> None:
    """Start children after the main thread has ended."""
    gate.wait()
    threading.main_thread().join()
    for number in range(2):
        process = multiprocessing.Process(target=work, args=(number,))
        process.start()
        process.join()
        print("exit code", process.exitcode, flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    go = threading.Event()
    threading.Thread(target=start_children, args=(go,)).start()
    go.set()
    print("end of the main thread", flush=True)
