"""One world of one program in an interpreter of its own: answers a round at a time, so that worlds take turns.

``python -m tests.benchmarks.inside WORLD PROGRAM``: each line that is read asks for one round, each line that
is written is the seconds of one repetition (or what else the program measures), as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.benchmarks.programs import load
from tests.benchmarks.worlds import make

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long one round takes about, in seconds.  A program with one thread is timed by the processor time of that
#: thread, which nobody else on the machine can add to; one with several by the clock on the wall.
ALONE, TOGETHER = 0.002, 0.03
_MOST = 200_000


def _once(run: Callable[[int], Any], number: int, clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    own = run(number)
    spent = clock() - start
    return float(own) if own is not None else spent / number


def _calibrate(run: Callable[[int], Any], length: float) -> int:
    """Return how many repetitions make a round."""
    number = 1
    while number < _MOST:
        # The best of three: one that was held up would make all rounds too short to mean anything.
        spent = min(_once(run, number) * number for _ in range(3))
        if spent >= length / 2:
            return max(1, min(_MOST, int(number * length / spent)))
        number = min(number * (10 if spent < length / 20 else 2), _MOST)
    return number


def main(world_name: str, name: str, length: float) -> None:
    """Answer until there are no more questions."""
    # The program's own input and output lead nowhere; questions and answers have descriptors of their own.
    questions, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)

    def answer(what: object) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    program = load()[name]
    if program.pinned and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    world = make(world_name)
    prepared = program.make(world)
    run = next(prepared)
    number = _calibrate(run, length or (ALONE if program.alone else TOGETHER)) if program.unit == "s" else 1
    answer({"number": number})
    while questions.readline():
        gc.collect()
        answer(_once(run, number, time.thread_time if program.alone else time.perf_counter))
    for _ in prepared:
        pass
    processes: Any = sys.modules.get("multiprocessing.process")
    for child in processes.active_children() if processes is not None else ():
        if hasattr(child, "kill"):
            child.kill()
            child.join()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
