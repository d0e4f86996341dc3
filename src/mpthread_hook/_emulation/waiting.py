"""`os.waitpid` and its relatives: thread processes are children like others, with statuses like others'.

In the main program -1 means thread processes and real children alike.  A thread process waits for its own
children of both kinds, and a signal interrupts it.
"""

from __future__ import annotations

import errno
import os
from _thread import allocate_lock

from .. import _identity
from .._arguments import as_pid
from .._identity import HERE, MAIN, Mutex, ThreadProcess, checkpoint, park, shield, unlock
from .._identity import real_start_new_thread as _start_new_thread
from .builtin import Functions
from .processes import FIRST, error, programs_of, reaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

functions = Functions(__name__)


def _of(name: str) -> Any:
    return getattr(os, name, None)


_real_waitpid, _real_wait4, _real_waitid = os.waitpid, _of("wait4"), _of("waitid")
_real_wait, _real_wait3 = _of("wait"), _of("wait3")
_pidfd_open = _of("pidfd_open")
_WNOHANG, _WNOWAIT, _WEXITED = _of("WNOHANG") or 1, _of("WNOWAIT") or 0, _of("WEXITED") or 0
_CLD_EXITED, _CLD_KILLED = _of("CLD_EXITED") or 1, _of("CLD_KILLED") or 2


def status_of(process: ThreadProcess) -> int:
    """Return the wait status of an ended process, as the kernel encodes it."""
    code = process.exitcode or 0
    return -code if code < 0 else (code & 0xFF) << 8


# ---------------------------------------------------------------------------------------------------------
# Candidates: children of the caller, of both kinds


def _thread_children(here: ThreadProcess, pid: int) -> list[ThreadProcess]:
    if pid > 0:
        process = _identity.PROCESSES.get(pid)
        return [process] if process is not None and process.parent is here else []
    children = list(here.children)
    if pid == -1:
        return children
    group = here.pgid if pid == 0 else -pid
    return [child for child in children if child.pgid == group]


def _programs(here: ThreadProcess, pid: int) -> list[int]:
    """Return the real children of a thread process that a pid argument means."""
    if 0 < pid < FIRST:
        return [pid]  # the kernel knows whether it is one
    programs = dict(programs_of(here))
    if pid == -1:
        return list(programs)
    group = here.pgid if pid == 0 else -pid
    return [program for program, its_group in programs.items() if its_group == group]


# ---------------------------------------------------------------------------------------------------------
# Waiting


class _Wanted:
    """One wait: what it waits for, and how it asks the kernel."""

    def __init__(
        self, pid: int, options: int, ask: Callable[[int, int], Any], tell: Callable[[int, int], Any]
    ) -> None:
        self.pid = pid
        self.options = options
        #: Asks the kernel; ``ask(pid, options)`` returns a tuple that begins with the pid, 0 for none yet.
        self.ask = ask
        #: Makes the same of the pid and the status of a thread process.
        self.tell = tell
        self.here = HERE.process

    def wait(self) -> Any:
        """Return what was waited for; ``tell(0, 0)`` if nothing has ended and the options say not to wait."""
        while True:
            threads = _thread_children(self.here, self.pid)
            for process in threads:
                if _identity.poll(process) is not None and process.ended:
                    return self._take(process)
            if not threads and self.here is MAIN:
                if not -FIRST < self.pid < FIRST:
                    raise error(errno.ECHILD)
                return self.ask(self.pid, self.options)
            found, programs = self._ask_kernel()
            if found is not None:
                return found
            if not threads and not programs:
                raise error(errno.ECHILD)
            if self.options & _WNOHANG:
                return self.tell(0, 0)
            self._park(threads, programs)
            checkpoint()

    def _take(self, process: ThreadProcess) -> Any:
        if not self.options & _WNOWAIT:
            _identity.reap(process)
        return self.tell(process.pid, status_of(process))

    def _ask_kernel(self) -> tuple[Any, list[int]]:
        """Return what the kernel has, and the pids that it may have something for later."""
        if self.here is not MAIN:
            candidates = _programs(self.here, self.pid)
        else:
            candidates = [self.pid] if -FIRST < self.pid < FIRST else []
        later = []
        for pid in candidates:
            try:
                found = self.ask(pid, self.options | _WNOHANG)
            except ChildProcessError:
                reaped(pid)
                continue
            if found is None or not found[0]:
                later.append(pid)
                continue
            if not self.options & _WNOWAIT:
                reaped(found[0])
            return found, []
        return None, later

    def _park(self, threads: list[ThreadProcess], programs: list[int]) -> None:
        """Wait until one of them may have ended."""
        if not threads and _wait_by_descriptor(programs):
            return
        waiter = allocate_lock()
        waiter.acquire()

        def wake() -> None:
            unlock(waiter)

        watched = [process for process in threads if _identity.watch(process, wake)]
        try:
            if len(watched) == len(threads):
                for pid in programs:
                    _sentry(pid, wake)
                limit = [process.died_at for process in watched if process.status is not None]
                left = min(limit) + _identity.GRACE - _identity.monotonic() if limit else -1.0
                park(waiter, max(0.0, left) if limit else -1.0)
        finally:
            for process in watched:
                _identity.unwatch(process, wake)
            _dismiss(wake)


def _wait_by_descriptor(programs: list[int]) -> bool:
    """Wait for real children with descriptors that the kernel makes for them; False where it does not."""
    if _pidfd_open is None:
        return False
    from .select import wait_readable  # noqa: PLC0415 - `select` is loaded only where somebody waits so

    fds: list[int] = []
    try:
        for pid in programs:
            with shield:
                fds.append(_pidfd_open(pid))
        wait_readable(fds)
    except OSError as problem:
        # ESRCH: gone already, look again.  Anything else: an old kernel or a sandbox.
        return problem.errno == errno.ESRCH
    finally:
        for fd in fds:
            _identity.real_close(fd)
    return True


#: Who waits for each real pid (-1 and groups as in `waitpid`); a thread that blocks in the kernel tells.
_sentries: dict[int, list[Callable[[], None]]] = {}
_sentries_lock = Mutex()


def _sentry(pid: int, wake: Callable[[], None]) -> None:
    with _sentries_lock:
        listeners = _sentries.get(pid)
        if listeners is not None:
            listeners.append(wake)
            return
        _sentries[pid] = [wake]
    _start_new_thread(_watch_kernel, (pid,))


def _watch_kernel(pid: int) -> None:
    """Block until a real child may be waited for, without taking it, and tell who waits."""
    kind, number = os.P_PID, pid
    if pid == -1:
        kind, number = os.P_ALL, 0
    elif pid <= 0:
        kind, number = os.P_PGID, -pid or os.getpgrp()
    try:
        _real_waitid(kind, number, _WEXITED | _WNOWAIT)
    except OSError:
        pass
    with _sentries_lock:
        listeners = _sentries.pop(pid, [])
    for wake in listeners:
        wake()


def _dismiss(wake: Callable[[], None]) -> None:
    with _sentries_lock:
        for listeners in _sentries.values():
            if wake in listeners:
                listeners.remove(wake)


# ---------------------------------------------------------------------------------------------------------
# The functions


def _only_real(pid: int) -> bool:
    """Return whether nothing of ours can be meant, so that the kernel's answer is the whole one."""
    return HERE.process is MAIN and (0 < pid < FIRST or (not MAIN.children and -FIRST < pid < FIRST))


def _tell_status(pid: int, status: int) -> tuple[int, int]:
    return pid, status


@functions
def waitpid(_: object, pid: int, options: int, /) -> tuple[int, int]:
    """As `os.waitpid`."""
    pid, options = as_pid(pid), as_pid(options)
    if _only_real(pid):
        return _real_waitpid(pid, options)
    return _Wanted(pid, options, _real_waitpid, _tell_status).wait()  # type: ignore[no-any-return]


@functions
def wait(_: object) -> tuple[int, int]:
    """As `os.wait`."""
    return waitpid(-1, 0)


def _tell_usage(pid: int, status: int) -> tuple[int, int, Any]:
    from resource import struct_rusage  # noqa: PLC0415 - only here

    return pid, status, struct_rusage((0,) * 16)


@functions
def wait4(_: object, pid: int, options: int) -> tuple[int, int, Any]:
    """As `os.wait4`; a thread process has used nothing, since the program's account is one."""
    pid, options = as_pid(pid), as_pid(options)
    if _only_real(pid):
        return _real_wait4(pid, options)  # type: ignore[no-any-return]
    return _Wanted(pid, options, _real_wait4, _tell_usage).wait()  # type: ignore[no-any-return]


@functions
def wait3(_: object, options: int) -> tuple[int, int, Any]:
    """As `os.wait3`; see `wait4`."""
    return wait4(-1, options)


def _tell_info(pid: int, status: int) -> Any:
    if pid == 0:
        return None
    killed = status & 0x7F
    code, value = (_CLD_KILLED, killed) if killed else (_CLD_EXITED, status >> 8)
    return _of("waitid_result")((pid, os.getuid(), _of("SIGCHLD") or 17, value, code))


@functions
def waitid(_: object, idtype: int, ident: int, options: int, /) -> Any:
    """As `os.waitid`."""
    idtype, ident, options = as_pid(idtype), as_pid(ident), as_pid(options)
    wanted = {_of("P_PID"): ident, _of("P_ALL"): -1, _of("P_PGID"): -ident}.get(idtype)
    if wanted is None or _only_real(wanted) or not options & _WEXITED:
        return _real_waitid(idtype, ident, options)

    def ask(pid: int, flags: int) -> Any:
        if pid > 0:
            return _real_waitid(os.P_PID, pid, flags)
        if pid == -1:
            return _real_waitid(os.P_ALL, 0, flags)
        return _real_waitid(os.P_PGID, -pid, flags)

    return _Wanted(wanted, options, ask, _tell_info).wait()
