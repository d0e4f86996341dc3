"""Who am I: pids, names, threads and records, as a program can ask for them."""

from __future__ import annotations

import _thread
import io
import logging
import multiprocessing
import os
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say


def _pids(connection: Any) -> None:
    connection.send((os.getpid(), os.getppid(), multiprocessing.current_process().pid))


def case_pid_of_a_child() -> None:
    """os.getpid() in a child is Process.pid, os.getppid() the parent's, and neither is the parent's own."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_pids, theirs)
    pid, parent, own = ours.recv()
    finish(process)
    say(pid == process.pid == process.ident == own, parent == os.getpid(), pid != os.getpid())


def case_pids_are_unique() -> None:
    """Children that live at one time have pids of their own, and none is the parent's."""
    pipes = [multiprocessing.Pipe() for _ in range(8)]
    processes = [launch(_pids, theirs, name=f"child {n}") for n, (_, theirs) in enumerate(pipes)]
    told = [ours.recv()[0] for ours, _ in pipes]
    for process in processes:
        process.join()
    say(len(set(told)), told == [process.pid for process in processes], os.getpid() in told)
    say(all(isinstance(pid, int) and pid > 0 for pid in told))


def _threads_pids(connection: Any) -> None:
    told: list[Any] = []

    def tell() -> None:
        told.append((os.getpid(), os.getppid(), multiprocessing.current_process().name))

    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
    done = threading.Event()
    _thread.start_new_thread(lambda: (tell(), done.set()), ())
    done.wait()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(tell).result()
    timer = threading.Timer(0, tell)
    timer.start()
    timer.join()
    tell()
    connection.send(told)


def case_threads_of_a_child() -> None:
    """Every thread that a child starts, by whatever means, answers as that child."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_threads_pids, theirs)
    told = ours.recv()
    finish(process)
    say(len(told), set(told) == {(process.pid, os.getpid(), "child")})


def _itself() -> None:
    process = multiprocessing.current_process()
    say(process.name, process.daemon, process.is_alive(), process.exitcode, process._identity != ())
    say(type(process).__name__, repr(process).partition(" ")[2])
    process.name = "renamed"
    say(multiprocessing.current_process().name, multiprocessing.current_process() is process)
    attempt(process.join)
    attempt(process.start)
    attempt(lambda: process.sentinel)


def case_current_process() -> None:
    """current_process() in a child is a live, started process of its name; the parent keeps its own view."""
    process = launch(_itself)
    finish(process)
    say(process.name, multiprocessing.current_process().name)
    run(_itself, name="daemonic", daemon=True)


def case_main_process() -> None:
    """The program itself is MainProcess, has no parent, and cannot be joined or started."""
    process = multiprocessing.current_process()
    say(process.name, process.daemon, process.is_alive(), process.exitcode, process.pid == os.getpid())
    say(multiprocessing.parent_process(), process._identity)
    attempt(process.join)
    attempt(process.start)


def _tell_parent(depth: int) -> None:
    parent = multiprocessing.parent_process()
    say(parent.name, parent.pid == os.getppid(), parent.is_alive(), parent.ident == parent.pid)
    say(parent.daemon, parent.exitcode)
    parent.join(0)
    say(parent.is_alive())
    if depth:
        run(_tell_parent, depth - 1, name=f"child of depth {depth - 1}")


def case_parent_process() -> None:
    """parent_process() names the one that called start(), at every depth."""
    run(_tell_parent, 2, name="child of depth 2")


def _tell_threads() -> None:
    main, current = threading.main_thread(), threading.current_thread()
    say(main is current, main.name, main.daemon, main.is_alive(), main.ident == threading.get_ident())
    say(threading.active_count(), [thread.name for thread in threading.enumerate()])
    seen: list[Any] = []
    gate = threading.Event()

    def other() -> None:
        seen.append((threading.current_thread().name, threading.main_thread() is main))
        gate.wait()

    thread = threading.Thread(target=other, name="other")
    thread.start()
    say(threading.active_count(), sorted(t.name for t in threading.enumerate()))
    gate.set()
    thread.join()
    say(seen, threading.active_count(), thread.is_alive())


def case_threads_seen_by_a_child() -> None:
    """A child sees its own threads only: one main thread, called MainThread, and what it starts."""
    gate = threading.Event()
    bystander = threading.Thread(target=gate.wait, name="bystander")
    bystander.start()
    before = threading.active_count()
    run(_tell_threads)
    say(threading.active_count() == before, threading.current_thread() is threading.main_thread())
    gate.set()
    bystander.join()


def _wait_for(connection: Any) -> None:
    thread = threading.Thread(target=connection.recv, name="of the child")
    thread.start()
    connection.send("waiting")
    thread.join()


def case_threads_of_children_are_not_the_parents() -> None:
    """threading.enumerate() of the parent does not show what runs in a child."""
    before = threading.enumerate()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait_for, theirs)
    ours.recv()
    say(threading.enumerate() == before, threading.active_count() == len(before))
    ours.send("go")
    finish(process)


def _start_from_thread() -> None:
    def start() -> None:
        say(threading.current_thread().name)
        run(_tell_threads, name="grandchild")

    thread = threading.Thread(target=start, name="starter")
    thread.start()
    thread.join()


def case_child_started_by_another_thread() -> None:
    """The thread that called start() becomes the main thread of a forked child, by its name."""
    _start_from_thread()
    run(_start_from_thread)


def _log(connection: Any) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(processName)s %(threadName)s %(process)d %(message)s"))
    logger = logging.getLogger("compared")
    logger.propagate = False
    logger.handlers[:] = [handler]
    logger.warning("from the main thread")
    thread = threading.Thread(target=logger.warning, args=("from a thread",), name="logging thread")
    thread.start()
    thread.join()
    logger.handlers.clear()
    connection.send(stream.getvalue().replace(str(os.getpid()), "<my pid>"))


def case_logging_record() -> None:
    """A log record bears the name of the process that made it, its pid and its thread's name."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_log, theirs, name="logging child")
    say(ours.recv())
    finish(process)
    _log(theirs)
    say(ours.recv())


def _groups(connection: Any) -> None:
    connection.send((os.getpgid(0), os.getpgrp(), os.getsid(0), os.getpgid(os.getppid())))
    os.setpgid(0, 0)
    connection.send((os.getpgrp() == os.getpid(), os.getpgid(os.getpid()) == os.getpid()))
    connection.send((os.getsid(0) == os.getsid(os.getppid()), os.getpgid(os.getppid()) != os.getpid()))


def case_process_groups() -> None:
    """A child is of its parent's group and session until it makes a group of its own, as its parent sees."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_groups, theirs)
    say(ours.recv() == (os.getpgid(0), os.getpgrp(), os.getsid(0), os.getpgid(0)))
    say(*ours.recv())
    say(*ours.recv())
    finish(process)
    say(os.getpgrp() != process.pid)


def _make_session(connection: Any) -> None:
    os.setsid()
    say(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), os.getpgid(0) == os.getpid())
    attempt(os.setsid)
    connection.send("done")
    connection.recv()


def case_session_of_its_own() -> None:
    """os.setsid() makes a session of the caller alone; a leader cannot do it twice."""
    before = os.getsid(0), os.getpgrp()
    ours, theirs = multiprocessing.Pipe()
    process = launch(_make_session, theirs)
    ours.recv()
    say((os.getsid(0), os.getpgrp()) == before)
    say(os.getsid(process.pid) == process.pid, os.getpgid(process.pid) == process.pid)
    ours.send("go")
    finish(process)


def _group_call() -> None:
    os.setpgrp()
    say(os.getpgrp() == os.getpid())


def case_setpgrp() -> None:
    """os.setpgrp() makes the caller the leader of a group."""
    run(_group_call)
    say(os.getpgrp() != os.getpid() or os.getsid(0) == os.getpid())


def _draw(connection: Any) -> None:
    connection.send((random.random(), next(tempfile._get_candidate_names())))  # type: ignore[attr-defined]


def case_children_draw_differently() -> None:
    """Two children do not draw the same random numbers and names of temporary files."""
    random.seed(1)
    next(tempfile._get_candidate_names())  # type: ignore[attr-defined]
    ours, theirs = multiprocessing.Pipe()
    told = []
    for number in range(3):
        process = launch(_draw, theirs, name=f"child {number}")
        told.append(ours.recv())
        finish(process)
    say(len({number for number, _ in told}), len({name for _, name in told}))


def _seed(connection: Any) -> None:
    random.seed(5)
    connection.send([random.randrange(1000) for _ in range(3)])


def case_random_state_is_its_own() -> None:
    """What a child draws and seeds does not change what the parent draws next."""
    ours, theirs = multiprocessing.Pipe()
    random.seed(3)
    process = launch(_seed, theirs)
    say(ours.recv())
    finish(process)
    say([random.randrange(1000) for _ in range(3)])


def _nothing() -> None:
    say([process.name for process in multiprocessing.active_children()])


def case_active_children() -> None:
    """active_children() are the caller's own live children."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait_for, theirs)
    ours.recv()
    say([process.name for process in multiprocessing.active_children()])
    run(_nothing, name="another")
    ours.send("go")
    finish(process)
    say(multiprocessing.active_children())


def case_existence_of_a_pid() -> None:
    """os.kill(pid, 0) answers for a live child, and not any more once it was waited for."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait_for, theirs)
    ours.recv()
    attempt(os.kill, process.pid, 0)
    ours.send("go")
    finish(process)
    attempt(os.kill, process.pid, 0)
    attempt(os.getpgid, process.pid)


def _ask(sibling: Any) -> None:
    say(repr(sibling).replace(str(os.getppid()), "…"))
    for name in ("is_alive", "join", "start", "terminate"):
        if name != "terminate":
            attempt(getattr(sibling, name))
    say(sibling.name, sibling.daemon)


@only("fork")
def case_process_object_of_another_process() -> None:
    """A process object can be asked and joined by the process that made it, and by nobody else."""
    ours, theirs = multiprocessing.Pipe()
    sibling = launch(_wait_for, theirs, name="sibling")
    ours.recv()
    run(_ask, sibling)
    ours.send("go")
    finish(sibling)


def case_repr() -> None:
    """The repr of a process tells its life."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_wait_for, args=(theirs,), name="child")
    say(repr(process))
    process.start()
    ours.recv()
    say(repr(process))
    ours.send("go")
    process.join()
    say(repr(process))
    process.close()
    say(repr(process))


def _tell_thread_names(connection: Any) -> None:
    threading.current_thread().name = "renamed by the child"
    thread = threading.Thread(target=lambda: None)
    connection.send((threading.current_thread().name, thread.name))


@only("spawn")
def case_thread_names_are_counted_anew() -> None:
    """A spawned child counts its threads from one."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_tell_thread_names, theirs)
    say(ours.recv())
    finish(process)


def case_main_thread_is_renamed_in_a_child() -> None:
    """A child that renames its main thread renames nobody else's."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_tell_thread_names, theirs)
    say(ours.recv()[0])
    finish(process)
    say(threading.main_thread().name)


def _native(connection: Any) -> None:
    connection.send(threading.get_native_id() == os.getpid())


def case_native_id() -> None:
    """The kernel's number of a child's main thread is the child's pid (on Linux)."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_native, theirs)
    say(receive(ours))
    finish(process)


def _authkey(connection: Any) -> None:
    connection.send(bytes(multiprocessing.current_process().authkey))
    multiprocessing.current_process().authkey = b"the child's own"
    connection.send(bytes(multiprocessing.current_process().authkey))


def case_authkey() -> None:
    """A child inherits the authentication key, and changes its own only."""
    ours, theirs = multiprocessing.Pipe()
    key = bytes(multiprocessing.current_process().authkey)
    process = launch(_authkey, theirs)
    say(receive(ours) == key, receive(ours))
    finish(process)
    say(bytes(multiprocessing.current_process().authkey) == key)


def _settings(connection: Any) -> None:
    connection.send((multiprocessing.get_start_method(), multiprocessing.current_process()._start_method))


def case_start_method_in_a_child() -> None:
    """A child has its parent's start method."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_settings, theirs)
    say(*(value == multiprocessing.get_start_method() for value in receive(ours)))
    finish(process)


def _on_one_processor(first: int) -> None:
    os.sched_setaffinity(os.getpid(), {first})
    say(len(os.sched_getaffinity(0)), os.sched_getaffinity(os.getpid()) == {first})
    os.setpriority(os.PRIO_PROCESS, os.getpid(), 5)
    say(os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(os.getpid()))


def case_scheduling() -> None:
    """On which processors a process runs, and how urgently, is its own; its parent can set it."""
    before = os.sched_getaffinity(0)
    first = min(before)
    run(_on_one_processor, first)
    child = launch(time.sleep, LIMIT)
    os.sched_setaffinity(child.pid, {first})
    say(os.sched_getaffinity(child.pid) == {first}, os.sched_getaffinity(0) == before)
    os.setpriority(os.PRIO_PROCESS, child.pid, 3)
    say(os.getpriority(os.PRIO_PROCESS, child.pid), os.getpriority(os.PRIO_PROCESS, 0))
    child.kill()
    finish(child)
    attempt(os.sched_getaffinity, child.pid)
