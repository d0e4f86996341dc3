"""Executors of `concurrent.futures` whose workers are there, and over, sooner than a new interpreter would be."""

from __future__ import annotations

import pytest

from tests.interpreters import answer, environment, this_path

pytestmark = pytest.mark.unit


def test_a_worker_is_known_before_it_is_over() -> None:
    """The executor takes a worker out of its list when that has done its only task: so it has to be in it."""
    code = """
import json, time
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
spawn = multiprocessing.get_context("spawn")

class Late(spawn.Process):
    def start(self):
        super().start()
        self.join(0.5)

class LateContext(type(spawn)):
    Process = Late

with ProcessPoolExecutor(2, mp_context=LateContext(), max_tasks_per_child=1) as executor:
    first = executor.submit(time.sleep, 2)
    others = [executor.submit(abs, -number) for number in range(5)]
    print(json.dumps([future.result(30) for future in [first, *others]]))
"""
    assert answer(code, env=environment(this_path())) == [None, 0, 1, 2, 3, 4]


def test_a_gate_holds_back_what_is_started_in_it() -> None:
    """Children begin at the end of the outermost block, those of other threads at once."""
    code = """
import json, threading, time
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from mpthread_hook._identity import Gate

done = []
def start(name):
    process = multiprocessing.Process(target=done.append, args=(name,))
    process.start()
    return process

with Gate():
    held = start("held")
    other = threading.Thread(target=lambda: start("free").join())
    other.start()
    other.join()
    held.join(0.1)
    before = list(done)
held.join()
free = start("after")
free.join()
print(json.dumps([before, done]))
"""
    assert answer(code, env=environment(this_path())) == [["free"], ["free", "held", "after"]]
