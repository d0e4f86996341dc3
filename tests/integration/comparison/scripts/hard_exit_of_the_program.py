"""os._exit() of the program ends it at once with its code; its children live on."""

from __future__ import annotations

import multiprocessing
import os
import sys


def work(connection: object) -> None:
    """Say something after the program has gone."""
    connection.recv()  # type: ignore[attr-defined]
    print("a line of the child", flush=True)
    connection.send("said")  # type: ignore[attr-defined]
    multiprocessing.parent_process().join()  # type: ignore[union-attr]
    os._exit(0)


if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(theirs,)).start()
    ours.send("go")
    ours.recv()
    sys.stdout.write("lost")
    os._exit(5)
