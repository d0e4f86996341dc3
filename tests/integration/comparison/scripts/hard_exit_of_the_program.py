"""A child of a program that ended by os._exit() lives on."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import Any


def work(connection: Any) -> None:
    """Outlive the program."""
    connection.send("alive")
    try:
        connection.recv()
    except EOFError:
        print("a line of the child, after the program", flush=True)


def program() -> None:
    """Start a child and leave."""
    multiprocessing.set_start_method(os.environ["COMPARE_METHOD"])
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=keep, args=(ours, theirs)).start()
    theirs.close()
    ours.recv()
    sys.stdout.write("lost")
    os._exit(5)


def keep(ours: Any, theirs: Any) -> None:
    """Close the program's end, so that its death is seen."""
    ours.close()
    work(theirs)


if __name__ == "__main__":
    if sys.argv[1:]:
        program()
    else:
        told = subprocess.run(
            [sys.executable, __file__, "program"], capture_output=True, text=True, check=False
        )
        print(told.stdout, told.stderr, told.returncode)
