"""Stands in for `subprocess.Popen` in module code where no program can be started: for commands that need none.

What `shell` answers, and Python scripts, run in a thread process here, which looks to the module like the
program that it asked for.  For everything else `NoProgram` says what would have to be started.
"""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace

from .. import _identity
from .ansible_execution import explain, refusal
from .ansible_python import run_python
from .shell.answer import CannotStart
from .shell.running import SHELLS, Shell, refuse
from .shell.words import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class NoProgram(OSError):
    """A program would have to be started, and none can be; ``strerror`` is a sentence for the user."""


class Popen:
    """A command under way: as much of `subprocess.Popen` as Ansible's `run_command` and its callers use.

    ``stdin`` is `subprocess.PIPE` or nothing at all; ``stdout`` and ``stderr`` are always pipes.
    """

    def __init__(
        self,
        args: str | bytes | Sequence[str | bytes],
        *,
        shell: bool = False,
        stdin: int | None = None,
        preexec_fn: Callable[[], object] | None = None,
        cwd: str | bytes | None = None,
        env: dict[str, str] | None = None,
        **_unused: object,
    ) -> None:
        self.args = args
        self.returncode: int | None = None
        self._preexec = preexec_fn
        self._cwd = os.path.abspath(os.fsdecode(cwd or "."))
        self._shell = Shell(run_python, self._cwd, os.environ if env is None else env)
        self._command = _prepared(self._shell, _words(args, shell=shell))
        self._ends = [os.pipe() for _ in range(3)]
        record = _identity.create(f"command {_name(args)}", "fork")
        record.object = _identity.current().object
        self._record = record
        self.pid = record.pid
        (ours, self.stdin), (self.stdout, out), (self.stderr, err) = (
            (os.fdopen(reader, "rb", 0), os.fdopen(writer, "wb", 0)) for reader, writer in self._ends
        )
        _identity.start(record, self._body)
        for theirs in (ours, out, err):
            theirs.close()
        if stdin != subprocess.PIPE:
            self.stdin.close()

    def _body(self) -> int:
        """Run the command, in its own process."""
        status: int
        (reader, writer), (_, out), (_, err) = self._ends
        os.close(writer)
        if self._preexec is not None:
            self._preexec()
        os.chdir(self._cwd)
        with open(reader, "rb", 0) as file:
            self._shell.stdin = file.read()
        try:
            status, stdout, stderr = self._command()
        except (CannotStart, Unsupported) as error:
            status, stdout, stderr = refuse(error.program if isinstance(error, CannotStart) else str(error))
        for fd, text in ((out, stdout), (err, stderr)):
            with open(fd, "wb") as file:
                file.write(text)
        return status

    def poll(self) -> int | None:
        """Return the exit status, or minus the signal that ended it; None while it runs."""
        if self.returncode is None and self._record.ended:
            self.returncode = self._record.exitcode
            _identity.reap(self._record)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status as soon as there is one; `subprocess.TimeoutExpired` after ``timeout`` seconds."""
        _identity.wait(self._record, timeout)
        status: int | None = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it."""
        self.send_signal(_identity.SIGKILL)


def stand_in() -> Any:
    """Return what module code gets as `subprocess`."""
    return SimpleNamespace(**{**vars(subprocess), "Popen": Popen})


def _words(args: str | bytes | Sequence[str | bytes], *, shell: bool) -> str | list[str]:
    """Return the text that a shell would read, or the words of a program."""
    if isinstance(args, (str, bytes)):
        return os.fsdecode(args) if shell else [os.fsdecode(args)]
    words = list(map(os.fsdecode, args))
    if len(words) == 3 and os.path.basename(words[0]) in SHELLS and words[1] == "-c":
        return words[2]
    return words


def _name(args: str | bytes | Sequence[str | bytes]) -> str:
    words = _words(args, shell=True)
    return os.path.basename((words.split() if isinstance(words, str) else words)[0])


def _prepared(shell: Shell, words: str | list[str]) -> Callable[[], Any]:
    try:
        return shell.prepare(words)
    except CannotStart as error:
        wanted = error.program
    except Unsupported:
        wanted = words if isinstance(words, str) else " ".join(words)
    refused = refusal()
    raise NoProgram(refused.errno if refused is not None else None, explain(wanted))
