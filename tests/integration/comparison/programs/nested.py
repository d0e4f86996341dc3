"""Children of children, daemons, orphans."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from typing import Any

from .stage import LIMIT, attempt, finish, launch, receive, run, say


def _descend(depth: int, connection: Any) -> None:
    parent = multiprocessing.parent_process()
    connection.send(
        (depth, parent.name, parent.pid == os.getppid(), len(multiprocessing.current_process()._identity))
    )
    if depth:
        run(_descend, depth - 1, connection, name=f"depth {depth - 1}")


def case_generations() -> None:
    """Children start children of their own, at any depth."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_descend, 3, theirs, name="depth 3")
    finish(process)
    for _ in range(4):
        say(receive(ours))


def _start_child() -> None:
    process = multiprocessing.Process(target=int, name="grandchild")
    attempt(process.start)
    say(multiprocessing.active_children())


def case_daemons_have_no_children() -> None:
    """A daemonic process may not start processes, but may start threads."""
    run(_start_child, daemon=True)
    run(_thread_only, daemon=True, name="with a thread")


def _thread_only() -> None:
    thread = threading.Thread(target=say, args=("a thread of a daemon",))
    thread.start()
    thread.join()


def _tell_daemon() -> None:
    process = multiprocessing.Process(target=int)
    say(multiprocessing.current_process().daemon, process.daemon)
    process.daemon = True
    say(process.daemon)


def case_daemon_flag() -> None:
    """The daemon flag is inherited from the creating process and can be set before the start only."""
    process = multiprocessing.Process(target=_tell_daemon, name="child", daemon=True)
    say(process.daemon)
    process.daemon = False
    process.start()
    try:
        process.daemon = True
    except AssertionError as error:
        refused = str(error)
    finish(process)
    say(refused)


def _wait_then_send(gate: Any, connection: Any) -> None:
    connection.send("started")
    gate.recv()
    connection.send("still there")
    connection.send(multiprocessing.parent_process().is_alive())


def _leave_behind(gate: Any, connection: Any) -> None:
    launch(_wait_then_send, gate, connection, name="orphan")
    receive_nothing(connection)


def receive_nothing(connection: Any) -> None:
    """End at once, as a crashed process does."""
    del connection
    os._exit(3)


def case_orphans_live_on() -> None:
    """A child of a child that ended by os._exit() lives on, and knows that its parent is gone."""
    gate, childs = multiprocessing.Pipe()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_leave_behind, childs, theirs)
    process.join()
    theirs.close()
    say(process.exitcode, receive(ours))
    gate.send("go")
    say(receive(ours), receive(ours), receive(ours))


def _tell_ppid(gate: Any, connection: Any, parent: int) -> None:
    connection.send(os.getppid() == parent or "the parent had ended already")
    gate.recv()
    connection.send(os.getppid() == parent)


def _leave_orphan(gate: Any, orphans_gate: Any, connection: Any) -> None:
    launch(_tell_ppid, orphans_gate, connection, os.getpid(), name="orphan")
    gate.recv()
    os._exit(0)


def case_parent_of_an_orphan() -> None:
    """os.getppid() of an orphan is not the pid of its parent any more."""
    gate, childs = multiprocessing.Pipe()
    orphans_gate, orphans = multiprocessing.Pipe()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_leave_orphan, childs, orphans, theirs)
    say(receive(ours))
    gate.send("go")
    process.join()
    orphans_gate.send("go")
    say(receive(ours))


def _crowd(connection: Any) -> None:
    children = [launch(int, name=f"grandchild {n}") for n in range(5)]
    for process in children:
        process.join()
    connection.send([process.exitcode for process in children])


def case_many_generations_at_once() -> None:
    """Several children that start several children each all end."""
    pipes = [multiprocessing.Pipe() for _ in range(4)]
    children = [launch(_crowd, theirs, name=f"child {n}") for n, (_, theirs) in enumerate(pipes)]
    say([receive(ours) for ours, _ in pipes])
    for process in children:
        finish(process)


def _exit_with_child(gate: Any) -> None:
    launch(_wait_and_say, gate, name="grandchild")
    sys.exit(5)


def _wait_and_say(gate: Any) -> None:
    gate.recv()
    say("the grandchild ends")


def case_exit_waits_for_children() -> None:
    """sys.exit() of a child waits for its children."""
    gate, childs = multiprocessing.Pipe()
    process = launch(_exit_with_child, childs)
    process.join(0.2)
    say(process.is_alive())
    gate.send("go")
    finish(process)


def _share(queue: Any) -> None:
    run(_put, queue, name="grandchild")


def _put(queue: Any) -> None:
    queue.put(multiprocessing.current_process().name)


def case_queue_over_generations() -> None:
    """A queue reaches from the program to its grandchildren."""
    queue: Any = multiprocessing.Queue()
    run(_share, queue)
    say(queue.get(timeout=LIMIT))


def _lock_in_threads(lock: Any, value: Any) -> None:
    def work() -> None:
        for _ in range(50):
            with lock:
                value.value += 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def case_lock_over_generations() -> None:
    """A lock keeps threads of several processes apart."""
    lock, value = multiprocessing.RLock(), multiprocessing.Value("i", 0, lock=False)
    children = [launch(_lock_in_threads, lock, value, name=f"child {n}") for n in range(3)]
    _lock_in_threads(lock, value)
    for process in children:
        process.join()
    say(value.value)
