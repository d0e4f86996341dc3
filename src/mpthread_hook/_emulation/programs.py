"""Real programs that a thread process starts: they get its descriptors 0 to 2 and its environment.

The working directory needs nothing: where it is per process, the program is started by a thread that has it.
"""

from __future__ import annotations

import os
import sys

from .._identity import HERE, SIG_DFL, checkpoint
from .._identity import kill as _fence
from .descriptors import resolve
from .environment import for_programs
from .processes import real_system, tell_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def _needs_help() -> bool:
    process = HERE.process
    return bool(process.fds) or for_programs(process) is not None


def system(command: Any) -> int:
    """Do for a thread process what `os.system` does."""
    if not _needs_help():
        return real_system(command)  # type: ignore[no-any-return]
    import subprocess  # noqa: PLC0415 - rare, and heavy

    code = subprocess.call(command, shell=True)
    if os.name == "nt":
        return code
    return -code if code < 0 else code << 8


def become(name: str, path: Any, argv: Any, env: Any) -> None:
    """Run a program in place of the calling thread process, which ends as it does; so do the signals to it.

    Returns never; raises `OSError` if there is no such program.
    """
    what = f"{name}() arg 2" if name == "execv" else f"{name}: argv"
    if not isinstance(argv, (tuple, list)):
        raise TypeError(f"{what} must be a tuple or list")
    if not argv or not argv[0]:
        raise ValueError(f"{what} first element cannot be empty" if argv else f"{what} must not be empty")
    import subprocess  # noqa: PLC0415 - rare, and heavy

    file = f"/dev/fd/{path}" if isinstance(path, int) else os.fsdecode(path)
    if not os.path.dirname(file):
        file = os.path.join(os.curdir, file)  # not to be looked for in PATH
    try:
        program = subprocess.Popen(
            list(argv), executable=file, env=env, close_fds=False, restore_signals=False
        )
    except OSError as failed:
        about = () if name == "execv" else (path,)
        raise OSError(failed.errno, failed.strerror, *about) from None
    process = HERE.process
    for signum, handler in list(process.handlers.items()):
        if callable(handler):
            process.handlers[signum] = SIG_DFL
    try:
        code = program.wait()
    except BaseException:
        tell_program(program.pid, -(process.status or 0))
        raise
    _fence(process, code if code < 0 else code & 0xFF)
    checkpoint()


def _stream(value: Any, fd: int, special: tuple[int, ...]) -> Any:
    """Return what `Popen` must be given for a standard stream, for it to be the calling process's own."""
    if value is None:
        wanted: Any = fd
        if fd not in HERE.process.fds:
            return None
    elif isinstance(value, int):
        if value in special:
            return value
        wanted = value
    else:
        wanted = value.fileno()
    try:
        return resolve(wanted)
    except OSError:
        if value is None:
            return special[-1]  # closed here: a program without it would take the next file for it
        raise


def install(journal: Journal) -> None:
    """Lay it over `subprocess.Popen`."""
    import subprocess  # noqa: PLC0415 - called once it has been imported

    popen: Any = subprocess.Popen
    real_handles, real_execute = popen._get_handles, popen._execute_child
    special = (subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL)

    def _get_handles(self: Any, stdin: Any, stdout: Any, stderr: Any) -> Any:
        if HERE.thread is not None and HERE.process.fds:
            stdin, stdout = _stream(stdin, 0, special), _stream(stdout, 1, special)
            stderr = _stream(stderr, 2, special)
        return real_handles(self, stdin, stdout, stderr)

    def _execute_child(
        self: Any, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any,
        env: Any, *rest: Any,
    ) -> Any:  # fmt: skip
        if env is None and HERE.thread is not None:
            env = for_programs(HERE.process)
        return real_execute(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest)

    if sys.platform != "emscripten":
        journal.set(popen, "_get_handles", _get_handles)
        journal.set(popen, "_execute_child", _execute_child)
