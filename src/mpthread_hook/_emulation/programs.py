"""Real programs that a thread process starts: they get its descriptors 0 to 2 and its environment.

The working directory needs nothing: where it is per process, the program is started by a thread that has it.
"""

from __future__ import annotations

import os
import sys

from .._identity import HERE
from .descriptors import resolve, standing_in
from .environment import for_programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal

_real_system: Any = getattr(os, "system", None)


def _needs_help() -> bool:
    process = HERE.process
    return bool(process.fds) or for_programs(process) is not None


@standing_in(_real_system)
def system(_os: Any, command: Any) -> int:
    if HERE.thread is None or not _needs_help():
        return _real_system(command)  # type: ignore[no-any-return]
    import subprocess  # noqa: PLC0415 - rare, and heavy

    code = subprocess.call(command, shell=True)
    if os.name == "nt":
        return code
    return -code if code < 0 else code << 8




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
