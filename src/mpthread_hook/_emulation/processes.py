"""The functions of `os` that name processes: who am I, end me, signal that one, and real programs.

Pids of thread processes never reach the kernel.  A group or a session that a thread process made is known
here only; the real programs that it starts are put into groups of their own then, so that a signal to its
group reaches them and whatever they started.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed knows `signal` only
import _thread
import errno
import os
import sys

from .._arguments import as_int, as_pid
from .._identity import (
    HERE,
    MAIN,
    PROCESSES,
    ThreadProcess,
    alert_program,
    at_end,
    at_enter,
    at_start,
    checkpoint,
    deliver,
    exit_program,
    park,
    unlock,
)
from .._identity import Thread as _Thread
from .._identity import kill as _fence
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

functions = Functions(__name__)


def _of(name: str) -> Any:
    return getattr(os, name, None)


_real_getppid, _real_getpgid, _real_getpgrp = _of("getppid"), _of("getpgid"), _of("getpgrp")
_real_setpgid, _real_setpgrp = _of("setpgid"), _of("setpgrp")
_real_getsid, _real_setsid = _of("getsid"), _of("setsid")
_get_native_id: Any = getattr(_thread, "get_native_id", None)
_real_abort, _real_kill, _real_killpg = os.abort, os.kill, _of("killpg")
_real_register_at_fork = _of("register_at_fork")
_real_posix_spawn, _real_posix_spawnp = _of("posix_spawn"), _of("posix_spawnp")
_real_execv, _real_execve, real_system = _of("execv"), _of("execve"), _of("system")

#: Where pids of thread processes begin.
FIRST = 1 << 30
_SIGNALS = int(_signal.NSIG)
_SIGABRT = int(_signal.SIGABRT)
_INIT = 1


def error(number: int) -> OSError:
    """Return the error that the kernel's refusal becomes."""
    return OSError(number, os.strerror(number))


# ---------------------------------------------------------------------------------------------------------
# Who am I


@functions
def getpid(_: object) -> int:
    """As `os.getpid`."""
    return HERE.process.pid


@functions
def getppid(_: object) -> int:
    """As `os.getppid`; 1 once the parent has ended."""
    parent = HERE.process.parent
    if parent is None:
        return _real_getppid()  # type: ignore[no-any-return]
    return _INIT if parent.ended else parent.pid


def _lookup(pid: int) -> ThreadProcess | None:
    """Return the thread process that a pid means to the caller; None if it is the kernel's."""
    pid = as_pid(pid)
    if pid == 0:
        return HERE.process if HERE.process is not MAIN else None
    if pid < FIRST:
        return None
    process = PROCESSES.get(pid)
    if process is None:
        raise error(errno.ESRCH)
    return process


@functions
def getpgid(_: object, pid: int) -> int:
    """As `os.getpgid`."""
    process = _lookup(pid)
    return _real_getpgid(pid) if process is None else process.pgid


@functions
def getpgrp(_: object) -> int:
    """As `os.getpgrp`."""
    process = HERE.process
    return _real_getpgrp() if process is MAIN else process.pgid


@functions
def getsid(_: object, pid: int, /) -> int:
    """As `os.getsid`."""
    process = _lookup(pid)
    return _real_getsid(pid) if process is None else process.sid


def _follow_main() -> None:
    """Note the group and session of the main program, which its children inherit."""
    if _real_getpgrp is not None:
        MAIN.pgid = _real_getpgrp()
    if _real_getsid is not None:
        MAIN.sid = _real_getsid(0)


@functions
def setpgid(_: object, pid: int, pgrp: int, /) -> None:
    """As `os.setpgid`."""
    process = _lookup(pid)
    pgrp = as_pid(pgrp)
    if process is None and (pid != 0 or HERE.process is MAIN):
        if pgrp >= FIRST:
            raise error(errno.EPERM)
        _real_setpgid(pid, pgrp)
        _follow_main()
        return
    assert process is not None
    if pgrp < 0:
        raise error(errno.EINVAL)
    if process is not HERE.process and process.parent is not HERE.process:
        raise error(errno.ESRCH)
    group = pgrp or process.pid
    if process.sid == process.pid or not (group == process.pid or _exists(group, process.sid)):
        raise error(errno.EPERM)
    process.pgid = group


def _exists(group: int, session: int) -> bool:
    if group == MAIN.pgid:
        return session == MAIN.sid
    return any(process.pgid == group and process.sid == session for process in list(PROCESSES.values()))


@functions
def setpgrp(_: object) -> None:
    """As `os.setpgrp`."""
    setpgid(0, 0)


@functions
def setsid(_: object) -> None:
    """As `os.setsid`."""
    process = HERE.process
    if process is MAIN:
        _real_setsid()
        _follow_main()
        return
    if process.pgid == process.pid:
        raise error(errno.EPERM)
    process.pgid = process.sid = process.pid


# ---------------------------------------------------------------------------------------------------------
# On which processors it runs, and how urgently: for the kernel a thread is what a process is

#: Key in the state of a process: what the kernel calls its main thread.
_NATIVE = "native id"
#: Whether the kernel's functions take the number of a thread for that of a process.
_TASKS = _get_native_id is not None and sys.platform in ("linux", "android")
#: The same: who waits for that, because the thread had not begun.
_ASKED = "asked for its native id"


def _task(pid: int) -> int | None:
    """Return the kernel's number for a pid; None for a process that is over."""
    process = _lookup(pid)
    if process is None or pid == 0:
        return pid
    if not _TASKS:
        return 0  # threads have no numbers of that kind, and what is asked for is the program's
    while _NATIVE not in process.state and not process.ended:
        waiter = _thread.allocate_lock()
        waiter.acquire()
        process.state.setdefault(_ASKED, []).append(waiter)
        if _NATIVE not in process.state and not process.ended:
            park(waiter)  # its thread is about to begin, or not to
    return None if process.ended else process.state[_NATIVE]


def _answer(process: ThreadProcess) -> None:
    for waiter in process.state.pop(_ASKED, ()):
        unlock(waiter)


def _scheduling(name: str) -> Any:
    real = _of(name)

    changes = name.startswith("sched_set")

    def function(_: object, pid: int, /, *args: Any) -> Any:
        task = _task(pid)
        if task is None and changes:
            return None  # a process that is over, and not yet waited for, takes it and makes nothing of it
        return real(task or 0, *args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"As `os.{name}`, of the main thread of a thread process."
    return functions(function)


sched_getaffinity, sched_setaffinity = _scheduling("sched_getaffinity"), _scheduling("sched_setaffinity")
sched_getscheduler, sched_setscheduler = _scheduling("sched_getscheduler"), _scheduling("sched_setscheduler")
sched_getparam, sched_setparam = _scheduling("sched_getparam"), _scheduling("sched_setparam")
sched_rr_get_interval = _scheduling("sched_rr_get_interval")
_real_getpriority, _real_setpriority = _of("getpriority"), _of("setpriority")
_PRIO_PROCESS = _of("PRIO_PROCESS")


@functions
def getpriority(_: object, which: int, who: int) -> int:
    """As `os.getpriority`, of the main thread of a thread process."""
    return _real_getpriority(which, _task(who) or 0 if which == _PRIO_PROCESS else who)  # type: ignore[no-any-return]


@functions
def setpriority(_: object, which: int, who: int, priority: int) -> None:
    """As `os.setpriority`, of the main thread of a thread process."""
    task = _task(who) if which == _PRIO_PROCESS else who
    if task is not None:
        _real_setpriority(which, task, priority)


# ---------------------------------------------------------------------------------------------------------
# Ending and signalling


@functions
def _exit(_: object, status: int) -> None:
    """As `os._exit`: ends the calling process at once, and nothing else.

    The thread unwinds, so ``finally`` blocks run; nothing that they do has an effect outside any more.
    """
    process = HERE.process
    status = as_int(status)
    if process is MAIN:
        exit_program(status)
    _fence(process, status & 0xFF)
    checkpoint()


@functions
def abort(_: object) -> None:
    """As `os.abort`."""
    process = HERE.process
    if process is MAIN:
        _real_abort()
    _fence(process, -_SIGABRT)
    checkpoint()


def _check_signal(signum: int) -> int:
    number = as_pid(signum)
    if not 0 <= number < _SIGNALS:
        raise error(errno.EINVAL)
    return number


@functions
def kill(_: object, pid: int, signal: int, /) -> None:
    """As `os.kill`."""
    pid = as_pid(pid)
    if not PROCESSES and pid < FIRST:
        return _real_kill(pid, signal)
    if pid == 0:
        return _signal_group(HERE.process.pgid, signal)
    if pid < -1:
        return _signal_group(-pid, signal)
    process = _lookup(pid)
    if process is None:
        _real_kill(pid, signal)
        return alert_program() if pid == MAIN.pid else None
    deliver(process, _check_signal(signal))
    return checkpoint()


@functions
def killpg(_: object, pgid: int, signal: int, /) -> None:
    """As `os.killpg`."""
    pgid = as_pid(pgid)
    if not PROCESSES and pgid < FIRST:
        return _real_killpg(pgid, signal)  # type: ignore[no-any-return]
    return _signal_group(pgid or HERE.process.pgid, signal)


def _signal_group(group: int, signal: int) -> None:
    """Signal every process of a group: thread processes, and real ones."""
    number = _check_signal(signal)
    members = [process for process in list(PROCESSES.values()) if process.pgid == group]
    if group < FIRST:
        # The kernel's, in which the main program may be: thread processes first, for it may not come back.
        for process in members:
            if process is not HERE.process:
                deliver(process, number)
        _real_killpg(group, number)
        alert_program()
    else:
        programs = _programs_of(group)
        if not members and not programs:
            raise error(errno.ESRCH)
        for pid in programs:
            try:
                _real_killpg(pid, number)
            except OSError:  # ended, or not yet the leader of its group
                tell_program(pid, number)
        for process in members:
            if process is not HERE.process:
                deliver(process, number)
    if HERE.process in members:
        deliver(HERE.process, number)
    checkpoint()


def tell_program(pid: int, number: int) -> None:
    """Send a signal to a real program, which may have ended meanwhile."""
    try:
        _real_kill(pid, number)
    except OSError:
        pass


# ---------------------------------------------------------------------------------------------------------
# Real programs that a thread process started

#: Of each thread process: the pids of its real children that nobody has waited for, and their groups.
PROGRAMS = "programs"


def has_own_session() -> bool:
    """Return whether a program that the calling process starts must be in another session than the main program.

    It leads one of its own then, and a group as well: the terminal of the main program is not its terminal.
    """
    return HERE.process.sid >= FIRST


def has_own_group() -> bool:
    """Return whether a program that the calling process starts must lead a group of its own."""
    return HERE.process.pgid >= FIRST


def started(pid: int) -> int:
    """Note a real program that the calling thread process started; return its pid."""
    process = HERE.process
    process.state.setdefault(PROGRAMS, {})[pid] = process.pgid
    if process.pgid >= FIRST:
        _groups.setdefault(process.pgid, set()).add(pid)
    return pid


def reaped(pid: int) -> None:
    """Forget a real program that was waited for; its pid may be another's now."""
    programs = HERE.process.state.get(PROGRAMS)
    group = programs.pop(pid, None) if programs else None
    if group is None:
        group = next((key for key, pids in list(_groups.items()) if pid in pids), None)
    pids = _groups.get(group) if group is not None else None
    if pids is not None:
        pids.discard(pid)
        if not pids:
            _groups.pop(group, None)  # type: ignore[arg-type]


def programs_of(process: ThreadProcess) -> dict[int, int]:
    """Return the real children of a thread process that nobody has waited for, and their groups."""
    return process.state.get(PROGRAMS) or {}


#: Real programs by the group that they would be in; they may outlive the process that started them.
_groups: dict[int, set[int]] = {}


def _programs_of(group: int) -> list[int]:
    return list(_groups.get(group, ()))


def _spawn(real: Callable[..., int], path: Any, argv: Any, env: Any, options: dict[str, Any]) -> int:
    if HERE.process is MAIN:
        return real(path, argv, env, **options)
    if not options.get("setsid") and options.get("setpgroup") is None:
        if has_own_session():
            try:
                return started(real(path, argv, env, **{**options, "setsid": True}))
            except NotImplementedError:  # an older C library
                pass
        if has_own_group():
            options["setpgroup"] = 0
    return started(real(path, argv, env, **options))


@functions
def posix_spawn(_: object, path: Any, argv: Any, env: Any, /, **options: Any) -> int:
    """As `os.posix_spawn`."""
    return _spawn(_real_posix_spawn, path, argv, env, options)


@functions
def posix_spawnp(_: object, path: Any, argv: Any, env: Any, /, **options: Any) -> int:
    """As `os.posix_spawnp`."""
    return _spawn(_real_posix_spawnp, path, argv, env, options)


def _programs() -> Any:
    from . import programs  # noqa: PLC0415 - only for a thread process, and it imports this module

    return programs


@functions
def execv(_: object, path: Any, argv: Any, /) -> Any:
    """As `os.execv`: the program runs in place of the calling process."""
    if HERE.thread is None:
        return _real_execv(path, argv)
    return _programs().become("execv", path, argv, None)


@functions
def execve(_: object, path: Any, argv: Any, env: Any) -> Any:
    """As `os.execve`: the program runs in place of the calling process."""
    if HERE.thread is None:
        return _real_execve(path, argv, env)
    return _programs().become("execve", path, argv, env)


@functions
def system(_: object, command: Any) -> int:
    """As `os.system`: the program gets what the calling process has."""
    return real_system(command) if HERE.thread is None else _programs().system(command)  # type: ignore[no-any-return]


def install_subprocess(journal: Any) -> None:
    """Lay it over the function with which `subprocess` starts programs."""
    import subprocess  # noqa: PLC0415 - called once it has been imported

    real: Any = getattr(subprocess, "_fork_exec", None)
    if real is None:
        return

    def _fork_exec(*args: Any) -> int:
        if HERE.process is MAIN:
            return real(*args)  # type: ignore[no-any-return]
        if args[_PROCESS_GROUP] == -1 and not args[_NEW_SESSION]:
            if has_own_session():
                args = (*args[:_NEW_SESSION], True, *args[_NEW_SESSION + 1 :])
            elif has_own_group():
                args = (*args[:_PROCESS_GROUP], 0, *args[_PROCESS_GROUP + 1 :])
        return started(real(*args))

    journal.set(subprocess, "_fork_exec", _fork_exec)


# Of the arguments of `_posixsubprocess.fork_exec`.
_NEW_SESSION, _PROCESS_GROUP = 15, 16


# ---------------------------------------------------------------------------------------------------------
# Fork hooks, and the parent's SIGCHLD

_hooks: list[tuple[Any, Any, Any]] = []


@functions
def register_at_fork(_: object, *args: Any, **hooks: Any) -> None:
    """As `os.register_at_fork`: also run around the start of thread processes of start method ``fork``.

    A function that both sides call, to undo what ``before`` did, is called by the parent alone.
    Not those of the standard library, and no methods of locks: they repair copies of objects, and here the
    objects are shared with the parent, which still uses them.
    """
    _real_register_at_fork(*args, **hooks)  # which says what is wrong with them
    caller = sys._getframe(1).f_globals.get("__name__", "")
    if _is_standard(caller):
        return
    chosen = [hooks.get(name) for name in ("before", "after_in_parent", "after_in_child")]
    before, after_in_parent, after_in_child = (None if _repairs(hook) else hook for hook in chosen)
    if before and after_in_child == after_in_parent:
        after_in_child = None  # what was taken before is given back once, for there is no copy of it
    if before or after_in_parent or after_in_child:
        _hooks.append((before, after_in_parent, after_in_child))


#: Packages whose hooks do what those of the standard library do.
_REPAIRERS = frozenset(("mpthread_hook", "filelock"))


def _is_standard(module: Any) -> bool:
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return root in sys.stdlib_module_names or root in _REPAIRERS


def _repairs(hook: Any) -> bool:
    owner = getattr(hook, "__self__", None)
    return _is_standard(getattr(hook, "__module__", None)) or type(owner).__name__ in ("lock", "RLock")


def _call(hook: Callable[[], object] | None) -> None:
    if hook is None:
        return
    try:
        hook()
    except Exception:
        import traceback  # noqa: PLC0415 - only when one fails

        if sys.stderr is not None:
            new = sys.version_info >= (3, 14)
            what = f"in atfork callback {hook!r}:" if new else f"in: {hook!r}"
            print(f"Exception ignored {what}", file=sys.stderr)
            traceback.print_exc(file=sys.stderr)


def _around_fork(_parent: ThreadProcess, child: ThreadProcess) -> None:
    if not _hooks or child.method != "fork":
        return
    hooks = list(_hooks)
    child.state["fork hooks"] = hooks
    for before, _, _ in reversed(hooks):
        _call(before)
    for _, after_in_parent, _ in hooks:
        _call(after_in_parent)


def _in_child(thread: _Thread) -> None:
    if thread is thread.process.main:
        if _TASKS:
            thread.process.state[_NATIVE] = _get_native_id()
        _answer(thread.process)
        for _, _, after_in_child in thread.process.state.pop("fork hooks", ()):
            _call(after_in_child)


_SIGCHLD = int(getattr(_signal, "SIGCHLD", 0))
_CLD_EXITED, _CLD_KILLED = getattr(os, "CLD_EXITED", 1), getattr(os, "CLD_KILLED", 2)


def _ended(process: ThreadProcess) -> None:
    _answer(process)
    parent = process.parent
    if parent is None or not _SIGCHLD:
        return
    if not callable(parent.handlers.get(_SIGCHLD)) and _SIGCHLD not in parent.blocked:
        return
    if parent is MAIN:
        _real_kill(MAIN.pid, _SIGCHLD)
        alert_program()
    else:
        code = process.exitcode or 0
        deliver(parent, _SIGCHLD, (_CLD_EXITED if code >= 0 else _CLD_KILLED, process.pid, abs(code)))


def install(_journal: Any) -> None:
    """Begin: register what happens at the start and the end of thread processes."""
    _follow_main()
    at_start(_around_fork)
    at_enter(_in_child)
    at_end(_ended)
