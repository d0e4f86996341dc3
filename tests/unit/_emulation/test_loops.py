"""What a process leaves of its event loops."""

from __future__ import annotations

import pytest

from tests.unit._emulation.comparing import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Children are killed at any moment of making tasks, and what they leave is collected in the main program.
_KILLED = """
        import asyncio, gc, random, time
        async def nothing():
            await asyncio.sleep(0)
        async def busy(pipe):
            pipe.send("running")
            while True:
                await asyncio.gather(*(asyncio.create_task(nothing()) for _ in range(20)))
        async def idle(pipe):
            pipe.send("running")
            await asyncio.sleep(60)
        def child(pipe, body):
            asyncio.run(body(pipe))
        def main():
            # A coroutine between the call that makes it and the one that takes it is in nobody's reach; a kill
            # hits that moment once in hundreds.
            warnings.filterwarnings("ignore", "coroutine 'nothing' was never awaited")
            codes = set()
            for number in range(60):
                ours, theirs = mp.Pipe()
                p = mp.Process(target=child, args=(theirs, busy if number % 3 else idle))
                p.start()
                ours.recv()
                time.sleep(random.random() * 0.005)
                p.kill()
                p.join()
                codes.add(p.exitcode)
                gc.collect()
            print(codes)
"""
_LEFT_OPEN = """
        import asyncio, gc
        async def nothing(): pass
        def child():
            global loop, task
            loop = asyncio.new_event_loop()
            task = loop.create_task(nothing())
        def main():
            global loop, task
            print(alone(child))
            del loop, task
            gc.collect()
            loop = asyncio.new_event_loop()
            print(loop.run_until_complete(asyncio.sleep(0, "works")))
            loop.close()
"""


def test_nobody_complains_of_the_loops_of_the_killed(tmp_path: Path) -> None:
    """Pending tasks, and loops that were left open, are no news when their process was killed."""
    assert facts(tmp_path, _KILLED) == ["{-9}"]


def test_nobody_complains_of_a_loop_that_was_left_open(tmp_path: Path) -> None:
    """What a process left open when it ended is silently gone, and other loops work as ever."""
    assert facts(tmp_path, _LEFT_OPEN) == ["0", "works"]
