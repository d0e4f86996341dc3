"""Standard streams of a child: sys.stdout and its siblings, descriptors 0 to 2, and who writes to them."""

from __future__ import annotations

import contextlib
import io
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import traceback
import warnings
from typing import Any

from .stage import attempt, finish, flush, launch, only, receive, run, say


def _print() -> None:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    sys.stdout.write("by write\n")
    sys.stdout.buffer.write(b"by the buffer\n")
    sys.stdout.flush()
    os.write(1, b"by the descriptor\n")
    os.write(2, b"by the descriptor of stderr\n")
    sys.__stdout__.write("by __stdout__\n")
    print("several", "words", sep="-", end="!\n", flush=True)
    sys.stdout.writelines(["a\n", "b\n"])


def case_plain_output() -> None:
    """What a child writes by whatever means arrives in the order of its flushes."""
    run(_print)


def _tell_streams() -> None:
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        say(name, stream is getattr(sys, f"__{name}__"), stream.closed, stream.readable(), stream.writable())
        say(stream.encoding, stream.errors, stream.isatty())
    say(sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.name, sys.stderr.name, sys.stdout.mode)
    say(type(sys.stdout).__name__, isinstance(sys.stdout, io.TextIOBase), hasattr(sys.stdout, "nothing"))
    say(sys.stdin.fileno() > 2 or sys.stdin.fileno() == 0)


def case_properties() -> None:
    """The streams of a child are ordinary text streams; stdin is not its __stdin__ any more."""
    run(_tell_streams)


def _assign(connection: Any) -> None:
    sys.stdout = io.StringIO()
    sys.stderr = io.StringIO()
    print("kept")
    print("kept, too", file=sys.stderr)
    warnings.warn("a warning", stacklevel=1)
    try:
        raise ValueError("shown")
    except ValueError:
        traceback.print_exc()
    connection.send("assigned")
    connection.recv()
    connection.send((sys.stdout.getvalue(), "ValueError: shown" in sys.stderr.getvalue()))
    connection.send((sys.stderr.getvalue().count("UserWarning: a warning"), sys.stdout is sys.__stdout__))


def case_assigned_streams() -> None:
    """A child that assigns sys.stdout and sys.stderr changes its own and nobody else's."""
    ours, theirs = multiprocessing.Pipe()
    before = sys.stdout
    process = launch(_assign, theirs)
    say(receive(ours))
    say("the parent's", sys.stdout is before)
    print("and its stderr", file=sys.stderr, flush=True)
    ours.send("go")
    say(receive(ours))
    say(receive(ours))
    finish(process)


def _redirect(connection: Any) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        print("inside")
        print("inside as well", file=sys.stderr)
        connection.send("redirected")
        connection.recv()
        thread = threading.Thread(target=print, args=("by a thread",))
        thread.start()
        thread.join()
    say("restored", out.getvalue().split(), err.getvalue().split())


def case_redirected_streams() -> None:
    """contextlib.redirect_stdout() of a child is for that child alone, its threads included."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_redirect, theirs)
    say(receive(ours))
    say("the parent prints")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print("the parent redirects")
        ours.send("go")
        process.join()
    finish(process)
    say(out.getvalue().strip())


def _say_each(connection: Any) -> None:
    say("from the child")
    connection.send(type(sys.stdout).__name__)


@only("spawn")
def case_parents_redirection_is_not_inherited() -> None:
    """A spawned child has plain streams, whatever its parent assigned."""
    ours, theirs = multiprocessing.Pipe()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        process = launch(_say_each, theirs)
        process.join()
    say(receive(ours), repr(out.getvalue()))
    finish(process)


@only("fork")
def case_parents_redirection_is_inherited() -> None:
    """A forked child has a copy of the stream that its parent assigned, and fills that."""
    ours, theirs = multiprocessing.Pipe()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        process = launch(_say_each, theirs)
        process.join()
    say(receive(ours), repr(out.getvalue()))
    finish(process)


def _to_file(path: str) -> None:
    flush()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(fd, 1)
    os.close(fd)
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written\n")
    print("to the old stderr", file=sys.stderr, flush=True)
    os.dup2(1, 2)
    print("errors", file=sys.stderr, flush=True)


def case_dup2() -> None:
    """os.dup2() onto 1 and 2 sends a child's output elsewhere, and nobody else's."""
    run(_to_file, "dup2-target")
    say("the parent prints")
    with open("dup2-target", encoding="utf-8") as file:
        say(file.read().split())
    os.unlink("dup2-target")


def _save_and_restore() -> None:
    flush()
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    print("into nothing", flush=True)
    os.dup2(saved, 1)
    os.close(saved)
    os.close(null)
    print("restored", flush=True)


def case_dup2_and_back() -> None:
    """A child that saves its stdout by dup and puts it back prints again."""
    run(_save_and_restore)
    say("the parent prints")


def _close(fd: int) -> None:
    flush()
    os.close(fd)
    attempt(os.write, fd, b"lost")
    try:
        print("lost", flush=True)
    except OSError as error:
        print(type(error).__name__, error.errno, file=sys.stderr)


def _close_error() -> None:
    os.close(2)
    say("stderr is closed")
    attempt(os.fstat, 2)
    sys.exit(3)


def case_closed_descriptors() -> None:
    """os.close() of 1 or 2 closes the child's, not the parent's."""
    run(_close, 1, name="closes 1")
    run(_close_error, name="closes 2")
    say("the parent prints")
    print("the parent complains", file=sys.stderr, flush=True)


def _close_stdin() -> None:
    os.close(0)
    attempt(os.read, 0, 1)
    fd = os.open(os.devnull, os.O_RDONLY)
    say(fd, os.read(fd, 1))
    os.close(fd)


def case_closed_stdin() -> None:
    """os.close(0) in a child closes its own."""
    run(_close_stdin)
    os.fstat(0)
    say("the parent's is open")


def _read() -> None:
    attempt(input)
    say(repr(sys.stdin.read()), repr(sys.stdin.readline()), list(sys.stdin))
    attempt(os.read, sys.stdin.fileno(), 10)


def case_stdin_is_empty() -> None:
    """A child's stdin is at its end: input() raises EOFError."""
    run(_read)


def _own_stdin() -> None:
    sys.stdin = io.StringIO("one\ntwo\n")
    say(input(), input("prompt: "))
    attempt(input)


def case_assigned_stdin() -> None:
    """input() reads what a child assigns to sys.stdin."""
    run(_own_stdin)


def _warn() -> None:
    warnings.warn("from the child", stacklevel=1)
    warnings.simplefilter("ignore")
    warnings.warn("ignored", stacklevel=1)
    warnings.simplefilter("error")
    attempt(warnings.warn, "raised")


def case_warnings() -> None:
    """Warnings go to the child's stderr."""
    run(_warn)


def _log(connection: Any) -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("streams")
    logger.propagate = False
    logger.handlers[:] = [handler]
    logger.error("to stderr as it was")
    sys.stderr = io.StringIO()
    logger.error("to stderr as it was, still")
    logger.handlers[:] = [logging.StreamHandler()]
    logger.error("to the new one")
    logging.lastResort.handle(logging.makeLogRecord({"msg": "last resort", "levelno": 40}))  # type: ignore[union-attr]
    connection.send(sys.stderr.getvalue())


def case_logging_handlers() -> None:
    """A logging handler writes to the stderr that it was made with."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_log, theirs)
    say(receive(ours).split("\n"))
    finish(process)


def _handled_by_parents(name: str) -> None:
    logging.getLogger(name).error("by the parent's handler, from %s", multiprocessing.current_process().name)


@only("fork")
def case_inherited_handler() -> None:
    """A handler that the parent made writes a forked child's records to the child's stderr."""
    logger = logging.getLogger("inherited")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler())
    run(_handled_by_parents, "inherited")
    logger.handlers.clear()


def _info() -> None:
    multiprocessing.get_logger().info("from the child")


def case_log_to_stderr() -> None:
    """The logger of multiprocessing writes levels and process names to stderr."""
    multiprocessing.log_to_stderr(logging.WARNING)
    multiprocessing.get_logger().warning("from the parent")
    run(_info)
    multiprocessing.get_logger().handlers.clear()


def _hooks() -> None:
    sys.displayhook = lambda value: say("displayed", value)
    sys.displayhook(3)
    sys.unraisablehook = lambda args: say("unraisable", type(args.exc_value).__name__)

    class Bad:
        def __del__(self) -> None:
            raise ValueError

    Bad()
    threading.excepthook = lambda args: say("thread", args.exc_type.__name__)
    thread = threading.Thread(target=int, args=("x",))
    thread.start()
    thread.join()


def case_hooks_of_sys() -> None:
    """Hooks of sys and threading that a child sets are its own."""
    before = sys.displayhook, sys.unraisablehook, threading.excepthook
    run(_hooks)
    after = sys.displayhook, sys.unraisablehook, threading.excepthook
    say(*(one is other for one, other in zip(before, after, strict=True)))


def _subprocess(path: str) -> None:
    flush()
    subprocess.run(["echo", "of a program"], check=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(fd, 1)
    subprocess.run(["echo", "of a redirected program"], check=True)


def case_programs_inherit_streams() -> None:
    """A program that a child runs writes to the child's stdout."""
    run(_subprocess, "program-target")
    with open("program-target", encoding="utf-8") as file:
        say(file.read())


def _close_object() -> None:
    sys.stdout.close()
    attempt_stderr(print, "closed")


def attempt_stderr(function: Any, *args: Any) -> None:
    """Print what a call raised where stdout is no more."""
    try:
        function(*args)
    except ValueError as error:
        print(error, file=sys.stderr, flush=True)


def case_closed_stream() -> None:
    """A child that closes the object sys.stdout closes its own."""
    run(_close_object)
    say("the parent prints", sys.stdout.closed)


def _reconfigure() -> None:
    sys.stdout.reconfigure(line_buffering=True, errors="replace", newline="\r\n")
    print("reconfigured")


def case_reconfigured_stream() -> None:
    """reconfigure() is for the child's own stream."""
    before = sys.stdout.line_buffering, sys.stdout.errors
    run(_reconfigure)
    say((sys.stdout.line_buffering, sys.stdout.errors) == before)


def _write_lines(name: str, count: int) -> None:
    for number in range(count):
        print(f"{name} {number}", flush=True)


def case_whole_lines() -> None:
    """Lines that several children print at one time arrive whole."""
    children = [launch(_write_lines, name, 1, name=name) for name in "aaa"]
    for process in children:
        process.join()
    say([process.exitcode for process in children])


def _no_streams() -> None:
    warnings.simplefilter("always")  # whatever the children of other cases have set
    sys.stdout = sys.stderr = None
    print("nowhere")
    warnings.warn("nowhere", stacklevel=1)
    logging.getLogger("nowhere").warning("nowhere")


def case_no_streams() -> None:
    """A child without streams prints nowhere, and the parent goes on."""
    run(_no_streams)
    print("the parent prints", file=sys.stdout, flush=True)


def _delete() -> None:
    del sys.stdout
    try:
        print("lost")
    except RuntimeError as error:
        print(error, file=sys.stderr)


def case_deleted_stream() -> None:
    """print() without sys.stdout says that it is lost."""
    run(_delete)
    say("the parent prints")


def _open_descriptor() -> None:
    with open(1, "w", closefd=False, encoding="utf-8") as file:
        file.write("through open(1)\n")
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as file:
        file.write("through a copy of 2\n")


def case_opened_descriptors() -> None:
    """Objects made over the descriptors 1 and 2 write where the child writes."""
    run(_open_descriptor)
