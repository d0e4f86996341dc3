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


def test_a_worker_may_be_waited_for_by_its_start() -> None:
    """A context whose `start()` waits until the child runs does not stand in its way."""
    code = """
import json
import mpthread_hook; mpthread_hook.enable()
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
spawn = multiprocessing.get_context("spawn")

class Ready(spawn.Process):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ready = spawn.Event()

    def start(self):
        super().start()
        if not self.ready.wait(20): raise TimeoutError

    def run(self):
        self.ready.set()
        super().run()

class ReadyContext(type(spawn)):
    Process = Ready

with ProcessPoolExecutor(2, mp_context=ReadyContext(), max_tasks_per_child=1) as executor:
    print(json.dumps(list(executor.map(abs, [-1, -2, -3], timeout=30))))
"""
    assert answer(code, env=environment(this_path())) == [1, 2, 3]
