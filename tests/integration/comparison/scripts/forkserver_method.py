"""The third start method works as the other two do."""

from __future__ import annotations

import multiprocessing
import os
import sys


def work(connection: object) -> None:
    """Tell what this process is."""
    process = multiprocessing.current_process()
    connection.send((process.name, os.getpid() == process.pid, multiprocessing.get_start_method()))  # type: ignore[attr-defined]
    sys.exit(6)


if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=work, args=(theirs,))
    process.start()
    theirs.close()
    print(*ours.recv())
    process.join()
    print(process.exitcode)
    try:
        ours.recv()
    except EOFError:
        print("EOF")
