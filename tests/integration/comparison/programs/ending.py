"""How a child ends: every way to leave, its exit code, and what it still writes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from typing import Any

from .stage import LIMIT, finish, flush, launch, only, run, say, settle


class _Quit(SystemExit):
    """A SystemExit of the program's own."""


class _Odd(BaseException):
    """An exception that is no Exception."""


def _leave(code: Any) -> None:
    sys.exit(code)


def case_exit_with_numbers() -> None:
    """sys.exit(n) ends a child with n, as far as the system can hold it."""
    for code in (None, 0, 1, 3, 255, 256, 300, -1, -5, True, False):
        run(_leave, code, name=f"sys.exit({code!r})")


@only("fork")
def case_exit_with_objects() -> None:
    """sys.exit(anything else) prints it on stderr and ends a child with 1."""
    for code in ("a text", 1.5, (1, 2), [], {}, b"bytes", "text of\ntwo lines", ""):
        run(_leave, code, name=f"sys.exit({code!r})")


def _quit() -> None:
    raise _Quit(5)


def _exit_in_finally() -> None:
    try:
        raise ValueError("replaced")
    finally:
        sys.exit(9)


def _exit_deep() -> None:
    def inner(depth: int) -> None:
        if depth == 0:
            raise SystemExit(4)
        inner(depth - 1)

    try:
        inner(20)
    finally:
        say("finally")


def case_other_exits() -> None:
    """A subclass of SystemExit, one out of a finally and one from deep down give their exit codes."""
    run(_quit, name="subclass")
    run(_exit_in_finally, name="in finally")
    run(_exit_deep, name="deep")


def _return() -> str:
    print("no newline at the end", end="")
    return "ignored"


def case_return() -> None:
    """A function that returns ends a child with 0, whatever it returns, and what it printed is flushed."""
    run(_return)


def _raise(error: BaseException) -> None:
    raise error


def _raise_chain() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        raise RuntimeError("the second") from error


def _raise_group() -> None:
    error = ValueError("with a note")
    error.add_note("a note")
    raise ExceptionGroup("group", [error, TypeError("another")])


def _raise_unprintable() -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    raise Bad


def case_uncaught_exceptions() -> None:
    """An uncaught exception ends a child with 1 and its traceback on stderr."""
    for error in (ValueError("a value"), _Odd("odd"), KeyboardInterrupt(), GeneratorExit(), MemoryError()):
        run(_raise, error, name=f"{type(error).__name__}")
    run(_raise_chain, name="chain")
    run(_raise_group, name="group")
    run(_raise_unprintable, name="unprintable")
    run(eval, "1 +", name="syntax")


def _leave_hard(code: int) -> None:
    print("lost", end="")
    try:
        os._exit(code)
    finally:
        say("never")


def case_hard_exit() -> None:
    """os._exit(n) ends a child with n at once: nothing is flushed, no finally runs."""
    for code in (0, 1, 7, 255, 256, 300, -1):
        run(_leave_hard, code, name=f"os._exit({code})")


def _leave_hard_from_thread() -> None:
    threading.Thread(target=os._exit, args=(6,)).start()
    threading.Event().wait()


def _leave_hard_from_daemon_thread() -> None:
    threading.Thread(target=os._exit, args=(8,), daemon=True).start()
    multiprocessing.Event().wait()


def case_hard_exit_from_threads() -> None:
    """os._exit(n) from any thread of a child ends that child, and nobody else."""
    run(_leave_hard_from_thread, name="thread")
    run(_leave_hard_from_daemon_thread, name="daemon thread")
    say("the parent goes on")


def _abort() -> None:
    os.abort()


def case_abort() -> None:
    """os.abort() ends a child with SIGABRT."""
    run(_abort)


def _kill_itself(number: int) -> None:
    try:
        os.kill(os.getpid(), number)
        say("lives")
    finally:
        flush()


def _raise_signal(number: int) -> None:
    signal.raise_signal(number)
    say("lives")


_NUMBERS = ("SIGTERM", "SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGQUIT", "SIGSEGV")
_HARMLESS = ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGPIPE")


@only("fork")
def case_signals_to_itself() -> None:
    """A signal without handler that a child sends itself ends it with minus the signal's number."""
    for name in _NUMBERS:
        run(_kill_itself, int(getattr(signal, name)), name=f"kill {name}")


@only("fork")
def case_raised_signals() -> None:
    """signal.raise_signal() does what os.kill() of oneself does."""
    for name in (*_NUMBERS[:4], "SIGABRT"):
        run(_raise_signal, int(getattr(signal, name)), name=f"raise {name}")


@only("fork")
def case_harmless_signals() -> None:
    """A signal that is ignored by default, or by Python, leaves a child alone."""
    for name in _HARMLESS:
        run(_kill_itself, int(getattr(signal, name)), name=f"kill {name}")


def case_interrupt_of_itself() -> None:
    """SIGINT is a KeyboardInterrupt: traceback and exit code 1."""
    run(_raise_signal, int(signal.SIGINT), name="raise SIGINT")


def _thread_exits() -> None:
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
    say("after the thread's sys.exit")


def _thread_raises() -> None:
    thread = threading.Thread(target=_raise, args=(ValueError("in a thread"),), name="raising")
    thread.start()
    thread.join()
    say("after the thread's exception")


def _thread_hook() -> None:
    threading.excepthook = lambda args: say(f"hook: {args.exc_type.__name__} {args.thread.name}")
    _thread_raises()


def case_ends_of_threads() -> None:
    """sys.exit() or an exception in a thread of a child ends the thread only."""
    run(_thread_exits, name="exits")
    run(_thread_raises, name="raises")
    run(_thread_hook, name="hook")
    say(threading.excepthook is threading.__excepthook__)


def _hooked() -> None:
    sys.excepthook = lambda *_: say("never called")
    raise ValueError("past the hook")


def case_excepthook() -> None:
    """Multiprocessing prints the traceback itself: sys.excepthook of a child is not asked."""
    run(_hooked)
    say(sys.excepthook is sys.__excepthook__)


class _Process(multiprocessing.Process):
    def run(self) -> None:
        say(f"run() of {self.name}")
        self.attribute = "the child's"
        sys.exit(11)


def case_subclass() -> None:
    """run() of a subclass is the child's work; what it assigns is the child's."""
    process = _Process(name="subclass")
    process.attribute = "the parent's"
    process.start()
    finish(process)
    say(process.attribute)


def _wait(connection: Any) -> None:
    connection.recv()


def case_life_of_a_process_object() -> None:
    """exitcode, is_alive, join and close answer by the state of the child."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_wait, args=(theirs,), name="child")
    say(process.exitcode, process.is_alive(), process.pid)
    for call in ("join", "terminate", "kill"):
        try:
            getattr(process, call)()
        except (AssertionError, AttributeError) as error:
            say(call, type(error).__name__, error)
    process.start()
    say(process.exitcode, process.is_alive(), process.join(0), process.join(0.01))
    for call in ("start", "close"):
        try:
            getattr(process, call)()
        except (AssertionError, ValueError) as error:
            say(call, type(error).__name__, error)
    ours.send("go")
    process.join()
    say(process.exitcode, process.is_alive(), process.join(), process.exitcode)
    process.terminate()
    process.kill()
    process.close()
    for call in ("join", "terminate", "is_alive", "start"):
        try:
            getattr(process, call)()
        except ValueError as error:
            say(call, error)
    process.close()


def case_sentinel_after_every_end() -> None:
    """The sentinel is ready once the child has ended, in whatever way."""
    from multiprocessing.connection import wait

    for target, argument in ((_leave, 2), (_raise, OSError("no")), (_leave_hard, 3), (_kill_itself, 9)):
        process = launch(target, argument, name=f"{target.__name__} {argument!r}")
        say(wait([process.sentinel], LIMIT) == [process.sentinel])
        finish(process)


def _close_stdout() -> None:
    sys.stdout.close()


def _no_stdout() -> None:
    sys.stdout = None
    print("nowhere")


def _no_stderr() -> None:
    sys.stderr = None
    raise ValueError("unseen")


def case_ends_without_streams() -> None:
    """A child that closed its stdout or has none ends as it would; the parent's stays open."""
    run(_close_stdout, name="closed stdout")
    run(_no_stdout, name="no stdout")
    say("the parent prints")
    run(_no_stderr, name="no stderr")
    print("the parent complains", file=sys.stderr, flush=True)


def _become(program: str, *arguments: str) -> None:
    print("lost, as are all buffers", end="")
    os.environ["OWN"] = "the child's"
    signal.signal(signal.SIGTERM, lambda *_: say("a handler of what is no more"))
    try:
        os.execlp(program, program, *arguments)
    except OSError as error:
        say(type(error).__name__, error.filename)
        os._exit(5)
    finally:
        say("not reached")


def case_exec() -> None:
    """A child that becomes another program by exec ends as that does, and nothing else ends."""
    for code in ("echo $OWN >&2; exit 7", "exit 300", "kill -TERM $$", "kill -KILL $$"):
        run(_become, "sh", "-c", code)
    run(_become, "no such program")


def case_signal_after_exec() -> None:
    """A signal to a child that is another program by now ends that program."""
    for function in ("terminate", "kill"):
        process = launch(_sleep_by_exec)
        settle(0.3)
        getattr(process, function)()
        finish(process)


def _sleep_by_exec() -> None:
    os.execlp("sleep", "sleep", "60")
