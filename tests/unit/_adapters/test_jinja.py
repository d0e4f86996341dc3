"""Templates that workers compile again and again."""

from __future__ import annotations

import json
import sys

import pytest

from tests.interpreters import environment, run, this_path

pytestmark = pytest.mark.unit

pytest.importorskip("jinja2", reason="Jinja comes with ansible-core, which is an extra")

PROGRAM = """
import json
import mpthread_hook
mpthread_hook.enable()
import multiprocessing, jinja2
from jinja2 import environment
from mpthread_hook._adapters import jinja
counted = []
real = compile
environment.compile = lambda *args: counted.append(1) or real(*args)
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
def work(name):
    queue.put(jinja2.Environment().from_string("hello {{ name }}").render(name=name))
def together(names):
    children = [context.Process(target=work, args=(name,)) for name in names]
    for child in children:
        child.start()
        child.join()
    return [queue.get() for _ in children]
said = together("abc")
workers = len(counted)
[jinja2.Environment().from_string("hello {{ name }}") for _ in range(3)]
main = len(counted) - workers
mpthread_hook.disable()
print(json.dumps([said, workers, main, "_compile" in environment.Environment.__dict__, len(jinja._codes)]))
"""


def test_code_is_made_once_for_all_workers() -> None:
    """Workers render the same template from the same code; the main program compiles as it always did."""
    done = run(sys.executable, "-c", PROGRAM, env=environment(this_path()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["hello a", "hello b", "hello c"], 1, 3, True, 0]
