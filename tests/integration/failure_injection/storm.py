"""Runs in the interpreter under test: rounds of children that each end in another way, drawn at random.

``storm.py METHOD ROUNDS CHILDREN SEED`` prints one JSON object.  An ordinary program over `multiprocessing`:
what it checks holds for processes as well as for threads.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import sys
import threading
import time
import warnings
from typing import Any

import endings

#: Seconds after which something that must happen is taken not to happen.
LIMIT = 30.0


def child(ending: str, number: int, arrived: Any, connection: Any, made: tuple[Any, ...]) -> None:
    """Deliver a message that must not be lost, then end."""
    arrived.put(number)
    endings.table()[ending].body(connection, *made)


def bystand(connection: Any, lock: Any, counter: Any) -> None:
    """Answer, and count under a lock that children of every kind use as well, until told to end."""
    while connection.recv():
        with lock:
            counter.value += 1
        connection.send(counter.value)


def occupied() -> tuple[int, int]:
    """Return how many threads and descriptors this process of the system has."""
    gc.collect()
    return len(sys._current_frames()), len(os.listdir("/proc/self/fd"))


class Storm:
    """The rounds, and what went wrong in them."""

    def __init__(self, children: int, seed: int) -> None:
        """Draw from the whole table, every ending at least once before one comes again."""
        self.children, self.random = children, random.Random(seed)
        self.table = endings.table()
        self.left: list[str] = []
        self.wrong: list[str] = []
        self.ended = 0
        self.foreign = 0
        self.arrived: Any = multiprocessing.SimpleQueue()

    def draw(self) -> str:
        """Return the name of an ending."""
        if not self.left:
            self.left = list(self.table)
            self.random.shuffle(self.left)
        return self.left.pop()

    def round(self) -> None:
        """Let children end, and check each of them."""
        running = []
        for number in range(self.children):
            name = self.draw()
            ending = self.table[name]
            made = ending.makes()
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(
                target=child, args=(name, number, self.arrived, theirs, made), name=name
            )
            process.start()
            theirs.close()
            running.append((process, ending, ours, made))
        # The messages first: a full pipe would hold the children up.
        numbers = sorted(self.arrived.get() for _ in running)
        if numbers != list(range(self.children)):
            self.wrong.append(f"messages lost or doubled: {numbers}")
        self.random.shuffle(running)
        for process, ending, ours, _ in running:
            if not ours.poll(LIMIT):
                self.wrong.append(f"{process.name}: is not ready")
            elif ours.recv() != "ready":
                self.wrong.append(f"{process.name}: says something else")
            if ending.stop:
                os.kill(process.pid, ending.stop)
        for process, ending, ours, made in running:
            self.check(process, ending, ours, made)

    def check(self, process: Any, ending: endings.Ending, ours: Any, made: tuple[Any, ...]) -> None:
        """Check how a child ended, and what became of what it held."""
        process.join(LIMIT)
        self.ended += 1
        self.foreign += ending.foreign
        if process.exitcode != ending.code:
            self.wrong.append(f"{process.name}: exit code {process.exitcode}, due was {ending.code}")
        try:
            told = ours.recv() if ours.poll(LIMIT) else "no end"
        except (EOFError, ConnectionResetError):
            told = "end"
        if told != "end":
            self.wrong.append(f"{process.name}: its pipe gives {told!r}, due was its end")
        ours.close()
        if ending.holds and made[0].acquire(False):
            self.wrong.append(f"{process.name}: what it held is free")
        for one in made:
            if hasattr(one, "join_thread"):
                one.close()
                one.cancel_join_thread()
            elif hasattr(one, "poll"):
                one.close()


def let_go(before: tuple[int, int]) -> tuple[int, int]:
    """Let threads that are blocked in C code go, and return what is occupied once nothing more is freed."""
    while endings.PEERS:
        endings.PEERS.pop().close()
    deadline = time.monotonic() + LIMIT
    after = occupied()
    while (after[0] > before[0] or after[1] > before[1]) and time.monotonic() < deadline:
        time.sleep(0.02)
        after = occupied()
    return after


def main(method: str, rounds: str, children: str, seed: str) -> None:
    """Run the rounds between two looks at what is occupied, with a bystander that must not notice."""
    multiprocessing.set_start_method(method)
    # Children that spin are part of the storm. In one interpreter each of them may keep the GIL for this long
    # before this thread, which starts and checks the others, has its turn: 5 ms by default.
    sys.setswitchinterval(0.0005)
    threading.Thread(target=int).start()
    lock, counter = multiprocessing.Lock(), multiprocessing.Value("i", 0)
    ours, theirs = multiprocessing.Pipe()
    bystander = multiprocessing.Process(target=bystand, args=(theirs, lock, counter), name="bystander")
    bystander.start()
    theirs.close()
    storm = Storm(int(children), int(seed))
    began = time.monotonic()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        storm.round()  # what is made once and kept is made here
        before = let_go((2, 1 << 20))
        for number in range(int(rounds)):
            storm.round()
            ours.send(True)
            if not ours.poll(LIMIT) or ours.recv() != number + 1:
                storm.wrong.append("the bystander does not answer")
        after = let_go(before)
    ours.send(False)
    bystander.join(LIMIT)
    result = {
        "wrong": storm.wrong,
        "ended": storm.ended,
        "foreign": storm.foreign,
        "abandoned": sorted(str(w.message) for w in seen if w.category.__name__ == "AbandonedThreadWarning"),
        "before": before,
        "after": after,
        "left": [process.name for process in multiprocessing.active_children()],
        "bystander": bystander.exitcode,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
