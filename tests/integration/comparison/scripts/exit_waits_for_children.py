"""A program that ends waits for its children that are no daemons, and terminates the daemons."""

from __future__ import annotations

import atexit
import multiprocessing
import os


def work(connection: object) -> None:
    """Wait for the word, then say so."""
    connection.recv()  # type: ignore[attr-defined]
    print("the child ends", flush=True)


def wait_for_ever(connection: object) -> None:
    """Be a daemon."""
    connection.recv()  # type: ignore[attr-defined]
    print("never", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    kept, childs = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(theirs,)).start()
    multiprocessing.Process(target=wait_for_ever, args=(childs,), daemon=True).start()
    atexit.register(lambda: (print("exit function", flush=True), ours.send("go")))
    print("end of the program", flush=True)
