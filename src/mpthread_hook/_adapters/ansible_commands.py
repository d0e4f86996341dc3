"""Stands in for `subprocess` in code of Ansible where no program can be started: for commands that need none.

What `shell` answers, and Python scripts, run in a thread process here, which looks to whoever asks like the
program that was asked for.  For everything else `NoProgram` says what would have to be started.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from importlib.util import module_from_spec
from io import BufferedReader, BufferedWriter, FileIO

from .. import _identity
from .._identity import real_dup
from .ansible_execution import explain, refusal
from .ansible_python import run_python
from .shell.answer import CannotStart
from .shell.running import SHELLS, Shell, refuse
from .shell.syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal
    from .shell.answer import Answer


class NoProgram(OSError):
    """A program would have to be started, and none can be; ``strerror`` is a sentence for the user."""


#: Under this a command's process has the ends of pipes that are its own.
_ENDS = "ends of pipes of a command"


def _close_ends(process: _identity.ThreadProcess) -> None:
    """Close what a command has not come to close itself: whoever reads its output must see the end of it."""
    for file in process.state.pop(_ENDS, ()):
        if file is not None:
            file.close()


_identity.at_end(_close_ends)


class _Commands:
    """What `subprocess.Popen` does by way of the system, done by a thread process; mixed into that class.

    A command reads its input, unless that is a terminal, to the end before it begins, and writes its output when it
    is done; it has no input where it would have inherited one.
    """

    args: Any
    pid: int
    returncode: int | None
    _child_created: bool
    _close_pipe_fds: Callable[..., None]

    def _execute_child(
        self, args: Any, _executable: Any, preexec_fn: Any, _close_fds: Any, _pass_fds: Any, cwd: Any, env: Any,
        _startupinfo: Any, _creationflags: Any, shell: bool, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
        errread: int, errwrite: int, *_rest: Any,
    ) -> None:  # fmt: skip
        self._cwd = os.path.abspath(os.fsdecode(cwd or "."))
        given = os.environ if env is None else {os.fsdecode(key): os.fsdecode(value) for key, value in env.items()}
        self._theirs: list[Any] = []
        self._shell = Shell(partial(_run_python, self._theirs), self._cwd, given)
        self._command = _prepared(self._shell, _words(args, shell=shell))
        self._preexec = preexec_fn
        # Of its own, as a program that is started gets copies.
        self._theirs += [None if fd == -1 else FileIO(real_dup(fd), mode) for fd, mode in
                         ((p2cread, "rb"), (c2pwrite, "wb"), (errwrite, "wb"))]  # fmt: skip
        if p2cread != -1:
            self._theirs[0] = BufferedReader(self._theirs[0])
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()  # or the command's output would come first
        record = _identity.create(f"command {_name(args)}", "fork")
        record.object = _identity.current().object
        record.state[_ENDS] = self._theirs
        self._record = record
        self.pid = record.pid
        self._child_created = True
        _identity.start(record, self._body)
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _body(self) -> int:
        """Run the command, in its own process."""
        status: int
        read, out, err = self._theirs
        if self._preexec is not None:
            self._preexec()
        os.chdir(self._cwd)
        if read is not None and not read.isatty():
            with read:
                self._shell.stdin = read.read()
        try:
            status, stdout, stderr = self._command()
        except (CannotStart, Unsupported) as error:
            status, stdout, stderr = refuse(error.program if isinstance(error, CannotStart) else str(error))
        for number, file, text in ((1, out, stdout), (2, err, stderr)):
            with BufferedWriter(file) if file is not None else open(number, "wb", closefd=False) as stream:
                stream.write(text)
        return status

    def _internal_poll(self, _deadstate: object = None, **_unused: object) -> int | None:
        if self.returncode is None and self._record.ended:
            self.returncode = self._record.exitcode
            _identity.reap(self._record)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        _identity.wait(self._record, timeout)
        status = self._internal_poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status


def _run_python(ends: list[Any], argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes) -> Answer:
    # What is open still is a terminal: it has no end to read to, and a program reads from it itself.
    terminal = ends[0] if ends[0] is not None and not ends[0].closed else b""
    return run_python(argv, environ, cwd, stdin or terminal)


_stand_in: ModuleType | None = None


def stand_in() -> ModuleType:
    """Return what code gets as `subprocess`: the interpreter's own, once more, over thread processes."""
    global _stand_in
    if _stand_in is None:
        spec = subprocess.__spec__
        module: Any = module_from_spec(spec)
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        module._can_fork_exec = True  # a command is no program: no platform refuses it
        for name in ("SubprocessError", "CalledProcessError", "TimeoutExpired"):
            setattr(module, name, getattr(subprocess, name))  # who catches them has the other module
        module.Popen = type("Popen", (_Commands, module.Popen), {"__module__": "subprocess"})
        _stand_in = module
    return _stand_in


def install_in(journal: Journal, module: ModuleType) -> None:
    """Give a module that starts programs what does without, if it must."""
    if vars(module).get("subprocess") is subprocess and refusal() is not None:
        journal.set(module, "subprocess", stand_in())


def install_vault(journal: Journal) -> None:
    """Patch `ansible.parsing.vault`: passwords from scripts, and the editor."""
    install_in(journal, sys.modules["ansible.parsing.vault"])


def _words(args: str | bytes | Sequence[str | bytes], *, shell: bool) -> str | list[str]:
    """Return the text that a shell would read, or the words of a program."""
    if isinstance(args, (str, bytes, os.PathLike)):
        return os.fsdecode(args) if shell else [os.fsdecode(args)]
    words = list(map(os.fsdecode, args))
    if shell:
        return words[0]
    if len(words) == 3 and os.path.basename(words[0]) in SHELLS and words[1] == "-c":
        return words[2]
    return words


def _name(args: str | bytes | Sequence[str | bytes]) -> str:
    words = _words(args, shell=False)
    return os.path.basename((words if isinstance(words, str) else words[0]).split()[0])


def _prepared(shell: Shell, words: str | list[str]) -> Callable[[], Any]:
    try:
        return shell.prepare(words)
    except CannotStart as error:
        wanted = error.program
    except Unsupported:
        wanted = words if isinstance(words, str) else " ".join(words)
    refused = refusal()
    raise NoProgram(refused.errno if refused is not None else None, explain(wanted))
