"""A program without ``if __name__ == "__main__"`` that spawns is told so."""

from __future__ import annotations

import multiprocessing
import os

METHODS = ("spawn",)

process = multiprocessing.get_context(os.environ["COMPARE_METHOD"]).Process(target=print, args=("child",))
process.start()
process.join()
print("exit code", process.exitcode, flush=True)
