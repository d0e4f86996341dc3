"""Waiting for pids: what the os functions say about children."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from multiprocessing.connection import wait
from typing import Any

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say, settle


def _decode(status: int) -> tuple[Any, ...]:
    exited, signaled = os.WIFEXITED(status), os.WIFSIGNALED(status)
    return (
        exited,
        os.WEXITSTATUS(status) if exited else None,
        signaled,
        os.WTERMSIG(status) if signaled else None,
        os.waitstatus_to_exitcode(status),
    )


def _leave(code: int) -> None:
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _leave_later(gate: Any, code: int) -> None:
    gate.wait()
    sys.exit(code)


def _wait(connection: Any) -> None:
    connection.recv()


def _forget(process: Any) -> None:
    """Make multiprocessing forget a child that was waited for behind its back."""
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]


def case_waitpid() -> None:
    """os.waitpid() of a child gives its pid and a status that decodes to its exit code."""
    for code in (0, 3, 255, -15, -9):
        process = launch(_leave, code)
        pid, status = os.waitpid(process.pid, 0)
        say(code, pid == process.pid, _decode(status))
        attempt(os.waitpid, process.pid, 0)
        _forget(process)


def case_waitpid_without_waiting() -> None:
    """WNOHANG answers (0, 0) while the child lives."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_wait, theirs)
    say(os.waitpid(process.pid, os.WNOHANG))
    ours.send("go")
    wait([process.sentinel], LIMIT)
    pid, status = os.waitpid(process.pid, 0)
    say(pid == process.pid, _decode(status))
    _forget(process)


@only("fork")
def case_waitpid_of_any() -> None:
    """Children are found by waitpid(-1), waitpid(0) and os.wait() until there is none."""
    gate = multiprocessing.Event()
    children = [launch(_leave_later, gate, code) for code in (1, 2, 3)]
    gate.set()
    codes = {process.pid: code for code, process in enumerate(children, 1)}
    for function in (lambda: os.waitpid(-1, 0), lambda: os.waitpid(0, 0), os.wait):
        pid, status = function()
        say(codes.pop(pid) == os.waitstatus_to_exitcode(status))
    attempt(os.waitpid, -1, os.WNOHANG)
    for process in children:
        _forget(process)


def case_waitid() -> None:
    """os.waitid() tells of a child without or with forgetting it."""
    process = launch(_leave, 4)
    info = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert info is not None
    say(info.si_pid == process.pid, info.si_status, info.si_code == os.CLD_EXITED)
    say(info.si_signo == signal.SIGCHLD)
    again = os.waitid(os.P_PID, process.pid, os.WEXITED)
    assert again is not None
    say(again.si_status)
    attempt(os.waitid, os.P_PID, process.pid, os.WEXITED)
    killed = launch(time.sleep, 60)
    say(os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOHANG))
    killed.kill()
    info = os.waitid(os.P_PID, killed.pid, os.WEXITED)
    assert info is not None
    say(info.si_status, info.si_code == os.CLD_KILLED)
    _forget(process)
    _forget(killed)


@only("fork")
def case_wait4() -> None:
    """os.wait4() and os.wait3() give a usage, too."""
    process = launch(_leave, 5)
    pid, status, usage = os.wait4(process.pid, 0)
    say(pid == process.pid, _decode(status), type(usage).__name__)
    _forget(process)
    process = launch(_leave, 6)
    pid, status, usage = os.wait3(0)
    say(pid == process.pid, _decode(status), usage.ru_utime >= 0)
    _forget(process)


def case_process_object_after_waitpid() -> None:
    """A child that somebody else waited for has no exit code any more."""
    process = launch(_leave, 3)
    os.waitpid(process.pid, 0)
    say(
        process.exitcode, process.is_alive(), process.join(0.05), process in multiprocessing.active_children()
    )
    _forget(process)


@only("fork")
def case_no_children() -> None:
    """Without children there is nothing to wait for."""
    attempt(os.waitpid, -1, 0)
    process = launch(int)
    finish(process)
    attempt(os.waitpid, process.pid, 0)
    run(_no_children)


def _no_children() -> None:
    attempt(os.waitpid, -1, 0)
    attempt(os.waitpid, os.getppid(), 0)
    attempt(os.wait)


def _parent_of(code: int) -> None:
    process = launch(_leave, code, name="grandchild")
    pid, status = os.waitpid(process.pid, 0)
    say(pid == process.pid, _decode(status))
    _forget(process)


def case_waitpid_in_a_child() -> None:
    """A child waits for its own children by pid."""
    run(_parent_of, 9)
    run(_parent_of, -10)


def _lead(connection: Any, number: int) -> None:
    os.setpgrp()
    for name in ("first", "second"):
        launch(_wait_in_group, connection, name=name)
    connection.send("ready")
    connection.recv()
    say("not reached", number)


def _wait_in_group(connection: Any) -> None:
    connection.recv()


def case_killpg() -> None:
    """os.killpg() reaches a group that a child made, its children included, and nobody else."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_lead, theirs, 1)
    say(receive(ours), os.getpgid(process.pid) == process.pid)
    theirs.close()
    settle()
    os.killpg(process.pid, signal.SIGTERM)
    process.join()
    say(process.exitcode, receive(ours))


def _kill_group() -> None:
    os.setsid()
    os.kill(0, signal.SIGTERM)


def case_kill_of_the_own_group() -> None:
    """os.kill(0, sig) is for the caller's group."""
    run(_kill_group)


def case_unknown_pids() -> None:
    """Pids that nobody has are unknown to kill, waitpid, getpgid and getsid."""
    process = launch(int)
    finish(process)
    for function in (os.getpgid, os.getsid):
        attempt(function, process.pid)
    attempt(os.kill, process.pid, 15)
    attempt(os.killpg, process.pid, 15)
    attempt(os.waitpid, process.pid, 0)


def case_zombie() -> None:
    """A child that ended and was not waited for yet still has its pid."""
    process = launch(_leave, 2)
    wait([process.sentinel], LIMIT)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    attempt(os.kill, process.pid, 0)
    attempt(os.kill, process.pid, 9)
    say(os.getpgid(process.pid) == os.getpgid(0))
    finish(process)
    attempt(os.kill, process.pid, 0)


def case_pidfd() -> None:
    """A child can be waited for by a descriptor of its pid, where the system has them."""
    if not hasattr(os, "pidfd_open"):
        say("no pidfd")
        return
    process = launch(_leave, 2)
    try:
        fd = os.pidfd_open(process.pid)
    except OSError as error:
        say(error)
    else:
        info = os.waitid(os.P_PIDFD, fd, os.WEXITED)
        assert info is not None
        say(info.si_status)
        os.close(fd)
        _forget(process)
        return
    finish(process)


def _wait_for_files(path: str) -> None:
    with open(path, "rb") as file, open(os.devnull, "rb") as null:
        say([one.name == path for one in wait([file], LIMIT)])
        say(len(wait([file, null], 0)))


def case_wait_for_files() -> None:
    """wait() takes regular files, which are always ready, in the program and in a child."""
    with tempfile.NamedTemporaryFile() as file:
        _wait_for_files(file.name)
        run(_wait_for_files, file.name)
