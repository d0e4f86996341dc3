"""What a child that was stopped leaves behind."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import queue
import signal
import threading
import time
from multiprocessing import util
from typing import Any

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say, settle


def _wait(connection: Any) -> None:
    connection.send("ready")
    connection.recv()


def _stop(target: Any, *args: Any, how: str = "kill") -> None:
    """Start a child that says when it is ready, stop it."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(target, *args, theirs)
    say(receive(ours))
    settle()
    getattr(process, how)()
    finish(process)


def _hold(lock: Any, connection: Any) -> None:
    lock.acquire()
    connection.send("holds")
    connection.recv()


def _hold_with(lock: Any, connection: Any) -> None:
    with lock:
        connection.send("holds")
        connection.recv()


def case_held_lock_stays_held() -> None:
    """A lock that a stopped child held is not free again: nobody released it."""
    for how in ("kill", "terminate"):
        for make in (multiprocessing.Lock, multiprocessing.RLock, multiprocessing.Semaphore):
            for target in (_hold, _hold_with):
                lock = make()
                _stop(target, lock, how=how)
                say(make.__name__, target.__name__, lock.acquire(timeout=0.05))


def case_condition_of_a_stopped_holder() -> None:
    """A condition whose holder was stopped cannot be entered."""
    condition = multiprocessing.Condition()
    _stop(_hold_with, condition)
    say(condition.acquire(timeout=0.05))


def _wait_condition(condition: Any, connection: Any) -> None:
    with condition:
        connection.send("waits")
        condition.wait()


def case_condition_of_a_stopped_waiter() -> None:
    """A waiter of a condition that was stopped while it waits does not hold it."""
    condition = multiprocessing.Condition()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait_condition, condition, theirs)
    say(receive(ours))
    with condition:
        pass  # the child has let go of it: it waits
    settle()
    process.kill()
    finish(process)
    say(condition.acquire(timeout=LIMIT))


def _wait_lock(lock: Any, connection: Any) -> None:
    connection.send("waits")
    lock.acquire()


def case_lock_of_a_stopped_waiter() -> None:
    """A waiter that was stopped does not get the lock."""
    lock = multiprocessing.Lock()
    lock.acquire()
    _stop(_wait_lock, lock)
    lock.release()
    say(lock.acquire(timeout=LIMIT))


def _put(queue_: Any, connection: Any) -> None:
    for number in range(10):
        queue_.put(number)
    queue_.close()
    queue_.join_thread()
    connection.send("put")
    connection.recv()


def case_what_was_put_is_there() -> None:
    """What a child had written into a queue before it was stopped can be read."""
    numbers: Any = multiprocessing.Queue()
    _stop(_put, numbers)
    say([numbers.get(timeout=LIMIT) for _ in range(10)])
    attempt(numbers.get, timeout=0.05)


def _work(numbers: Any, results: Any) -> None:
    for number in iter(numbers.get, None):
        results.put(number * 2)


def case_other_workers_go_on() -> None:
    """A worker that was stopped while it worked does not keep another from working."""
    numbers: Any = multiprocessing.Queue()
    results: Any = multiprocessing.Queue()
    victim_queue: Any = multiprocessing.Queue()
    worker = launch(_work, numbers, results, name="worker")
    victim = launch(_work, victim_queue, results, name="victim")
    victim_queue.put(100)
    say(results.get(timeout=LIMIT))
    # The victim may hold the lock of the results for a moment longer; what the worker puts shows that it is free.
    numbers.put(50)
    say(results.get(timeout=LIMIT))
    settle()
    victim.kill()
    finish(victim)
    for number in range(5):
        numbers.put(number)
    say([results.get(timeout=LIMIT) for _ in range(5)])
    numbers.put(None)
    finish(worker)


def _clean(connection: Any) -> None:
    atexit.register(say, "exit function")
    util.Finalize(None, say, args=("finalizer",), exitpriority=0)
    print("buffered", end="")
    try:
        connection.send("ready")
        connection.recv()
    except BaseException as error:
        say("caught", type(error).__name__)
        raise
    finally:
        say("finally")


def case_nothing_is_cleaned_up() -> None:
    """A deadly signal runs no finally, no exit function, no finalizer, and flushes nothing."""
    _stop(_clean, how="kill")
    _stop(_clean, how="terminate")


def _catch_all(connection: Any) -> None:
    connection.send("ready")
    while True:
        try:
            connection.recv()
        except BaseException:
            say("caught and went on")


def case_except_all_does_not_help() -> None:
    """A child cannot catch its end."""
    _stop(_catch_all, how="terminate")
    _stop(_catch_all, how="kill")


def _spin_and_catch(connection: Any) -> None:
    connection.send("ready")
    while True:
        try:
            while True:
                pass
        except BaseException:
            say("caught and went on")


def case_except_all_in_a_loop_does_not_help() -> None:
    """A loop that catches everything ends all the same."""
    _stop(_spin_and_catch, how="kill")


def _writes(path: str, connection: Any) -> None:
    def write(begun: threading.Event) -> None:
        while True:
            with open(path, "a", encoding="utf-8") as file:
                file.write("x")
            begun.set()
            time.sleep(0.001)

    for daemon in (True, False):
        begun = threading.Event()
        threading.Thread(target=write, args=(begun,), daemon=daemon).start()
        begun.wait()
    connection.send("writing")
    connection.recv()


def case_all_its_threads_stop() -> None:
    """With a child all of its threads end, daemons or not: they do nothing any more."""
    path = "written-by-threads"
    _stop(_writes, path, how="terminate")
    deadline, size = time.monotonic() + LIMIT, 0
    while size != os.path.getsize(path) and time.monotonic() < deadline:
        size = os.path.getsize(path)
        settle(0.2)
    say(size > 0, os.path.getsize(path) == size)


def _parent_of_sleeper(connection: Any, mine: Any) -> None:
    launch(_wait, connection, name="grandchild")
    mine.send("ready")
    mine.recv()


def case_grandchildren_live_on() -> None:
    """A child that is killed does not take its children along."""
    ours, theirs = multiprocessing.Pipe()
    mine, childs = multiprocessing.Pipe()
    process = launch(_parent_of_sleeper, theirs, childs)
    theirs.close()
    say(receive(mine), receive(ours))
    process.kill()
    process.join()
    say(process.exitcode, ours.poll(0.1))
    ours.send("go")
    say(receive(ours))


def case_stop_twice_and_too_late() -> None:
    """Stopping again, or a child that has ended, does nothing."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait, theirs)
    say(receive(ours))
    process.terminate()
    process.terminate()
    process.kill()
    process.join()
    say(process.exitcode in (-15, -9))
    process.terminate()
    process.kill()
    say(process.is_alive())
    ended = launch(int, name="ended")
    finish(ended)
    ended.terminate()
    say(ended.exitcode)


def case_stop_at_once() -> None:
    """A child that is stopped right after its start ends by the signal."""
    for how, code in (("terminate", -15), ("kill", -9)):
        process = launch(time.sleep, 60)
        getattr(process, how)()
        process.join(LIMIT)
        say(process.exitcode == code)


def case_pipe_of_a_stopped_child() -> None:
    """The other end of a stopped child's pipe sees its end."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait, theirs)
    theirs.close()
    say(receive(ours))
    process.kill()
    say(receive(ours))
    attempt(ours.send, "nobody")
    finish(process)


@only("fork")
def case_lock_of_threads_is_not_shared() -> None:
    """A threading.Lock that a child inherited is the child's own copy."""
    lock = threading.Lock()
    items: Any = queue.Queue()
    process = launch(lock.acquire)
    finish(process)
    say(lock.acquire(timeout=0.1))
    run(items.put, 1)
    say(items.empty())


def _say_and_wait(connection: Any) -> None:
    # In one line, which the traceback shows wherever in it the child is.
    return connection.send("ready") or connection.recv()


def case_interrupt() -> None:
    """SIGINT ends a waiting child by KeyboardInterrupt."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_say_and_wait, theirs)
    say(receive(ours))
    settle()
    os.kill(process.pid, signal.SIGINT)
    finish(process)
