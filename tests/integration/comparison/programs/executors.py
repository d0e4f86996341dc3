"""ProcessPoolExecutor: its futures, and what the death of a worker does to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .stage import LIMIT, attempt, say


def _square(number: int) -> int:
    return number * number


def _fail(number: int) -> int:
    if number == 2:
        raise ValueError(f"number {number}")
    return number


def _exit(code: int) -> None:
    sys.exit(code)


def _die(how: str) -> None:
    if how == "hard":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def _pid(_: int) -> int:
    return os.getpid()


_initial: list[Any] = []


def _initialize(value: str) -> None:
    _initial[:] = [value]


def _tell_initial(_: int) -> str:
    return str(_initial[0])


def case_executor_results() -> None:
    """An executor's futures give results and errors."""
    with ProcessPoolExecutor(2) as executor:
        say(list(executor.map(_square, range(8), chunksize=3)))
        futures = [executor.submit(_fail, number) for number in range(4)]
        say([type(future.exception(LIMIT)).__name__ for future in futures])
        say(sorted(f.result() for f in as_completed(futures[:2])), len(wait(futures).done))
        attempt(futures[2].result)
        say("_fail" in str(futures[2].exception().__cause__))
        say({executor.submit(_pid, 1).result() == os.getpid() for _ in range(3)})
    attempt(executor.submit, _square, 1)


def case_executor_breaks() -> None:
    """A worker that dies breaks the executor, for the futures under way and later ones."""
    for how in ("hard", "kill"):
        with ProcessPoolExecutor(2) as executor:
            future = executor.submit(_die, how)
            say(type(future.exception(LIMIT)).__name__, future.exception())
            try:
                executor.submit(_square, 1).result(LIMIT)
            except BrokenProcessPool as error:
                say(error)


def _bad_initializer() -> None:
    raise ValueError("not initialized")


def case_executor_initializer() -> None:
    """A failing initializer breaks the executor."""
    with ProcessPoolExecutor(1, initializer=_initialize, initargs=("x",)) as executor:
        say(executor.submit(_tell_initial, 1).result(LIMIT))
    with ProcessPoolExecutor(1, initializer=_bad_initializer) as executor:
        try:
            executor.submit(_square, 1).result(LIMIT)
        except BrokenProcessPool as error:
            say(error)


def _begin(gate: Any) -> None:
    gate.wait()


def case_executor_shutdown() -> None:
    """shutdown() may cancel what has not begun."""
    # The worker begins when the last one has been cancelled: so it cannot have done them all by then.
    gate = multiprocessing.Event()
    executor = ProcessPoolExecutor(1, initializer=_begin, initargs=(gate,))
    futures = [executor.submit(_square, number) for number in range(8)]
    futures[-1].add_done_callback(lambda _: gate.set())
    executor.shutdown(wait=True, cancel_futures=True)
    say(all(future.done() for future in futures), any(future.cancelled() for future in futures))


def case_executor_exit_in_a_task() -> None:
    """sys.exit() in a task is its future's exception."""
    with ProcessPoolExecutor(1) as executor:
        say(repr(executor.submit(_exit, 3).exception(LIMIT)))
