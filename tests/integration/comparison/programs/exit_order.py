"""What still happens when a child ends, and in which order."""

from __future__ import annotations

import atexit
import gc
import logging
import logging.config
import multiprocessing
import os
import sys
import tempfile
import threading
import weakref
from multiprocessing import util
from typing import Any

from .stage import LIMIT, finish, launch, receive, run, say, settle


def _finalizers() -> None:
    util.Finalize(None, say, args=("priority 0",), exitpriority=0)
    util.Finalize(None, say, args=("priority 10",), exitpriority=10)
    util.Finalize(None, say, args=("priority -5",), exitpriority=-5)
    util.Finalize(None, say, args=("priority 10, later",), exitpriority=10)
    holder = threading.Event()
    util.Finalize(holder, say, args=("without priority",))
    kept.append(holder)
    cancelled = util.Finalize(None, say, args=("cancelled",), exitpriority=3)
    cancelled.cancel()
    called = util.Finalize(None, say, args=("called early",), exitpriority=3)
    called()
    say("end of the target")


kept: list[Any] = []


def case_finalizers() -> None:
    """Finalizers run by descending priority, the later of equals first, those without priority not at all."""
    run(_finalizers)


def _exit_hooks() -> None:
    atexit.register(say, "registered first")
    atexit.register(say, "registered second")
    util.Finalize(None, say, args=("finalizer",), exitpriority=0)
    say("end of the target")


def case_atexit() -> None:
    """Exit functions of a child run as that start method does it; those of the parent do not run in it."""
    atexit.register(say, "of the parent")
    try:
        run(_exit_hooks)
    finally:
        atexit.unregister(say)


def _exit_hook_exits() -> None:
    atexit.register(sys.exit, 7)
    atexit.register(say, "before")


def _exit_hook_raises() -> None:
    atexit.register(int, "not a number")
    util.Finalize(None, int, args=("no number either",), exitpriority=1)


def case_failing_exit_hooks() -> None:
    """An exit function that raises is reported and changes nothing else."""
    run(_exit_hook_exits, name="exits")
    run(_exit_hook_raises, name="raises")


def _unregisters() -> None:
    atexit.unregister(say)
    atexit.register(say, "still there")


def case_unregister_in_a_child() -> None:
    """What a child unregisters stays registered in the parent."""
    atexit.register(say, "of the parent")
    before = atexit._ncallbacks()
    run(_unregisters)
    say(atexit._ncallbacks() == before)
    atexit.unregister(say)


def _threads(how: str) -> None:
    gate = threading.Event()

    def work() -> None:
        gate.wait()
        settle()
        say("the thread ends")

    thread = threading.Thread(target=work)
    thread.start()
    atexit.register(say, "exit function")
    util.Finalize(None, lambda: (say("finalizer"), gate.set()), exitpriority=0)
    say("end of the target")
    if sys.version_info >= (3, 13):
        gate.set()  # threads are waited for before the finalizers run; until then they were after it
    if how == "raise":
        raise ValueError("with a live thread")
    if how == "exit":
        sys.exit(3)


def case_threads_are_joined() -> None:
    """Threads that are no daemons are waited for, in the stdlib's order with finalizers and exit functions."""
    for how in ("return", "exit", "raise"):
        run(_threads, how, name=how)


def _daemon_thread() -> None:
    forever = threading.Event()
    threading.Thread(target=forever.wait, daemon=True).start()
    say("end of the target")


def case_daemon_threads_are_not() -> None:
    """A daemon thread does not keep a child from ending."""
    run(_daemon_thread)


def _wait(connection: Any) -> None:
    try:
        connection.recv()
        say("the daemon was told to end")
    except EOFError:
        say("the daemon saw the end of its pipe")


def _parent_of_daemon(kept_open: Any, connection: Any) -> None:
    launch(_wait, connection, name="daemonic grandchild", daemon=True)
    connection.close()
    say("end of the target")
    del kept_open


def case_daemonic_children_are_terminated() -> None:
    """Daemonic children of a child that ends are terminated."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_parent_of_daemon, ours, theirs)
    theirs.close()
    finish(process)
    say(receive(ours))


def _late(connection: Any) -> None:
    connection.recv()
    say("the grandchild ends")


def _parent_of_child(connection: Any, gate: Any) -> None:
    launch(_late, connection, name="grandchild")
    util.Finalize(None, gate.send, args=("the child is ending",), exitpriority=0)
    say("end of the target")


def case_other_children_are_joined() -> None:
    """Children of a child that are no daemons are waited for, after the finalizers of priority 0 and above."""
    ours, theirs = multiprocessing.Pipe()
    gate, theirs_of_gate = multiprocessing.Pipe()
    process = launch(_parent_of_child, theirs, theirs_of_gate)
    say(receive(gate))
    process.join(0.05)
    say(process.is_alive())
    ours.send("go")
    finish(process)


def _fill(queue: Any, count: int) -> None:
    for number in range(count):
        queue.put(str(number) * 1000)


def case_queue_is_flushed() -> None:
    """What a child put into a queue before it ended arrives."""
    queue: Any = multiprocessing.Queue()
    process = launch(_fill, queue, 200)
    got = [queue.get(timeout=LIMIT)[:3] for _ in range(200)]
    finish(process)
    say(got == [(str(number) * 1000)[:3] for number in range(200)], queue.empty())


def _fill_and_leave(queue: Any) -> None:
    queue.put("kept")
    queue.close()
    queue.join_thread()
    os._exit(4)


def case_joined_queue_survives_a_hard_exit() -> None:
    """What was put, and whose thread was joined, arrives though the child ends by os._exit()."""
    queue: Any = multiprocessing.Queue()
    process = launch(_fill_and_leave, queue)
    say(queue.get(timeout=LIMIT))
    finish(process)


def _buffered() -> None:
    sys.stdout.write("written, ")
    sys.stdout.write("not flushed")


def _buffered_then_hard() -> None:
    sys.stdout.write("written and lost")
    os._exit(0)


def _buffered_then_killed() -> None:
    sys.stdout.write("written and lost as well")
    os.kill(os.getpid(), 9)


def case_flush() -> None:
    """What a child wrote is flushed at its end, unless it ended by os._exit() or a signal."""
    run(_buffered, name="return")
    run(_buffered_then_hard, name="hard")
    run(_buffered_then_killed, name="killed")


def case_parents_buffer_is_written_once() -> None:
    """What the parent had not flushed when it started a child is written once, and before the child's."""
    sys.stdout.write("parent, ")
    run(_buffered)


class _Noisy:
    def __enter__(self) -> None:
        say("enter")

    def __exit__(self, *exc: object) -> None:
        say("exit", exc[0].__name__ if isinstance(exc[0], type) else exc[0])


def _blocks(how: str) -> None:
    with _Noisy():
        try:
            if how == "exit":
                sys.exit(2)
            if how == "hard":
                os._exit(3)
            if how == "kill":
                os.kill(os.getpid(), 9)
            if how == "raise":
                raise ValueError("inside")
        finally:
            say("finally")


def case_blocks_are_left() -> None:
    """Finally and with are left on every end but os._exit() and a deadly signal."""
    for how in ("return", "exit", "raise", "hard", "kill"):
        run(_blocks, how, name=how)


def _all_at_once() -> None:
    gate = threading.Event()
    thread = threading.Thread(target=lambda: (gate.wait(), say("thread")))
    thread.start()
    util.Finalize(None, say, args=("finalizer of priority 1",), exitpriority=1)
    util.Finalize(None, say, args=("finalizer of priority -1",), exitpriority=-1)
    atexit.register(say, "exit function")
    try:
        say("target")
    finally:
        say("finally")
        gate.set()
        thread.join()
        sys.stdout.write("buffered\n")


def case_everything_at_once() -> None:
    """Target, finally, threads, finalizers, exit functions and the last flush come in the stdlib's order."""
    run(_all_at_once)


def _collect() -> None:
    threading.Thread(target=lambda: None).start()
    util.Finalize(None, say, args=("one",), exitpriority=1)
    atexit.register(lambda: util.Finalize(None, say, args=("made by an exit function",), exitpriority=1))
    util.Finalize(None, lambda: atexit.register(say, "registered by a finalizer"), exitpriority=1)


def case_late_registrations() -> None:
    """What finalizers and exit functions register themselves runs or not as in the stdlib."""
    run(_collect)


def _exit_in_finalizer() -> None:
    util.Finalize(None, sys.exit, args=(5,), exitpriority=1)
    util.Finalize(None, say, args=("after it",), exitpriority=0)


def case_exit_in_a_finalizer() -> None:
    """sys.exit() in a finalizer is reported, or is the exit code, as in the stdlib."""
    run(_exit_in_finalizer)


def _hard_in_exit_hook() -> None:
    atexit.register(os._exit, 12)
    util.Finalize(None, os._exit, args=(13,), exitpriority=1)


def case_hard_exit_while_ending() -> None:
    """os._exit() in a finalizer or exit function gives the exit code."""
    run(_hard_in_exit_hook)


def case_exit_code_known_to_another_thread() -> None:
    """A thread of the parent can wait for a child that another thread started."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait, theirs)
    thread = threading.Thread(target=process.join)
    thread.start()
    ours.send("go")
    thread.join()
    say(process.exitcode)
    finish(process)


class _Kept:
    """Something that a finalizer can be about."""


_kept: list[Any] = []


def _finalize(pipe: Any, ending: str) -> None:
    folder = tempfile.TemporaryDirectory()
    own, silent, gone = _Kept(), _Kept(), _Kept()
    _kept.extend((folder, own, silent))
    atexit.register(say, "before the finalizers were made")
    for number in range(3):
        weakref.finalize(own, say, "finalizer", number)
    weakref.finalize(silent, say, "not at the end").atexit = False
    weakref.finalize(gone, say, "collected")
    del gone
    gc.collect()
    pipe.send(folder.name)
    if ending == "exit":
        os._exit(3)
    if ending == "fail":
        raise ValueError(ending)


def case_weakref_finalizers() -> None:
    """What weakref.finalize has to do for a child is done at its end, if at all, and nothing of the parent's."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("return", "exit", "fail"):
            ours, theirs = multiprocessing.Pipe()
            process = launch(_finalize, theirs, ending)
            path = receive(ours)
            finish(process)
            say(os.path.isdir(path), os.path.isdir(folder))


class _Telling(logging.Handler):
    """Says when it is flushed and closed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record."""
        say("record", record.getMessage())

    def flush(self) -> None:
        """Say so."""
        say("flush")

    def close(self) -> None:
        """Say so."""
        say("close")
        super().close()


def _log() -> None:
    atexit.register(say, "exit function")
    logger = logging.getLogger("telling")
    logger.addHandler(_Telling())
    logger.warning("from the child")


def case_handlers_of_logging() -> None:
    """A new program closes its handlers at its end, a forked one does not, and the parent none of both."""
    run(_log)
    logging.getLogger("telling").warning("nobody is told on standard output")
    logging.shutdown()


class _Job:
    """Logs when it is unpickled."""

    def __getstate__(self) -> dict[str, int]:
        return {"number": 1}

    def __setstate__(self, state: dict[str, int]) -> None:
        logging.getLogger("telling").addHandler(_Telling())
        atexit.register(say, "registered by its arguments")

    def __call__(self) -> None:
        say("runs")
        atexit.register(say, "registered by its target")


def case_exit_functions_of_arguments() -> None:
    """What is registered while a new program takes its arguments runs at its end, too."""
    run(_Job())


def _shut_down() -> None:
    logging.getLogger("telling").addHandler(_Telling())
    logging.shutdown()
    os._exit(0)


def _configure() -> None:
    logging.getLogger("telling").addHandler(_Telling())
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    say("configured")
    os._exit(0)


class _Quiet(_Telling):
    """Tells only when it gets a record."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Note it, as a file would be closed."""
        self.emit = lambda record: say("a closed handler gets", record.getMessage())  # type: ignore[method-assign]
        logging.Handler.close(self)


def case_logging_ends_for_one_process() -> None:
    """What a child ends, by `shutdown` or a new configuration, are its own handlers."""
    logging.getLogger("quiet").addHandler(_Quiet())
    if multiprocessing.get_start_method() == "spawn":  # a forked one has copies of the parent's, and ends those too
        run(_shut_down)
        run(_configure)
    else:
        run(_shut_down)
    logging.getLogger("quiet").warning("from the program")


def _configure_and_log() -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    logging.getLogger("telling").addHandler(_Telling())
    say("configured")


def case_handlers_after_a_configuration() -> None:
    """What a new program makes after it has configured logging is closed at its end."""
    run(_configure_and_log)
