"""The hidden generator of `random` in each process; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_PROGRAM = """
        import random, threading
        from random import choice, gauss, getstate, randint, seed, setstate
        def draw():
            numbers = [random.random(), random.getrandbits(70), randint(0, 1000), gauss(0, 1), gauss(0, 1)]
            deck = list(range(10))
            random.shuffle(deck)
            return [*numbers, choice("abcdef"), deck, random.sample(range(100), 3), random.randbytes(3)]
        def child(queue, number, barrier):
            unseeded = random.getstate()
            seed(number)
            barrier.wait()
            first = [draw() for _ in range(50)][-1]
            gauss(0, 1)
            state = getstate()
            second = draw()
            setstate(state)
            again = draw() == second
            inner = []
            t = threading.Thread(target=lambda: inner.append(draw()))
            t.start()
            t.join()
            queue.put((number, first, second, again, inner, repr(unseeded)))
        def main():
            seed(42)
            before = draw()
            queue, barrier = mp.Queue(), mp.Barrier(4)
            children = [mp.Process(target=child, args=(queue, number, barrier)) for number in range(4)]
            for p in children: p.start()
            told = sorted(queue.get() for _ in children)
            during = draw()
            for p in children: p.join()
            for number, *rest, _ in told:
                print(number, *rest)
            print(len({unseeded for *_, unseeded in told}), repr(getstate()) in {one[-1] for one in told})
            print(before, during, draw())
"""
_PLAIN = """
        import random
        real = random.random, random.getrandbits
        def child():
            print(type(random._inst) is random.Random, random.random is real[0], flush=True)
        def main():
            print(alone(child))
            print(type(random._inst) is random.Random, (random.random, random.getrandbits) == real)
            print(random.random.__self__ is random._inst)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_as_with_real_processes(method: str, tmp_path: Path) -> None:
    """Processes that seed alike draw alike, whatever the others draw; unseeded ones draw differently."""
    stock = run(tmp_path, _PROGRAM, hooked=False, method=method)
    hooked = run(tmp_path, _PROGRAM, hooked=True, method=method)
    assert hooked == stock
    assert "4 False" in hooked[1].splitlines()


def test_the_module_is_as_ever_without_processes(tmp_path: Path) -> None:
    """When no process is left the functions are the C methods that they were, at their speed."""
    assert facts(tmp_path, _PLAIN) == ["False False", "0", "True True", "True"]
