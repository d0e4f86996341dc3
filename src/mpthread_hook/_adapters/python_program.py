"""Runs a Python script in a thread process of its own, as a new interpreter would: `python script args`."""

from __future__ import annotations

import atexit
import contextvars
import io
import os
import sys
import threading
import traceback
from types import ModuleType
from typing import NamedTuple

from .. import _identity
from .._identity import HERE, MAIN, ProcessExit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, BinaryIO

    from .._identity import ThreadProcess
    from .private_modules import Namespace


class Result(NamedTuple):
    """How a program ended: exit status, or minus the signal, and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


class _Output(io.BytesIO):
    """What a program writes; stays readable when the stream above it is closed or collected.

    What is written to the descriptor itself (by `os.write`, or by a real program) goes to a file in memory
    where there is such a thing (Linux), and comes last; elsewhere it goes where the parent's goes.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._file = _memory_file()

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        pass

    def attach(self) -> None:
        """Put the file behind the descriptor of the calling process."""
        if self._file is not None:
            os.dup2(self._file.fileno(), self._fd)

    def take(self) -> bytes:
        """Return all that was written, once."""
        if self._file is None:
            return self.getvalue()
        with self._file as file:
            file.seek(0)
            return self.getvalue() + file.read()  # type: ignore[no-any-return]


def _memory_file() -> Any:
    try:
        return open(os.memfd_create("output"), "r+b", buffering=0)
    except (AttributeError, OSError):
        return None


class Program:
    """One run of a script; ``start()`` it, then ``wait()`` for what it wrote and its exit status.

    ``execute(namespace, main)`` runs the script's code in ``vars(main)``.  ``acquire()`` is called in the new
    process for the namespace, ``release(namespace, reusable)`` when it is done with it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        execute: Callable[[Namespace, ModuleType], object],
        *,
        acquire: Callable[[], Namespace],
        release: Callable[[Namespace, bool], object],
        environ: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: bytes | BinaryIO = b"",
        detached: bool = False,
    ) -> None:
        self._argv = list(argv)
        self._execute = execute
        self._acquire = acquire
        self._release = release
        self._environ = environ or {}
        self._cwd = cwd
        self._stdin = stdin
        self._detached = detached
        self._stdout = _Output(1)
        self._stderr = _Output(2)
        self.record: ThreadProcess | None = None

    def start(self) -> ThreadProcess:
        """Start the program and return its process."""
        name = f"python {os.path.basename(self._argv[0]) or '-'}"
        if self._detached:
            # It outlives whoever starts it, so it is the program's own child and nobody's to wait for.
            with _identity.acting_as(MAIN):
                record = _identity.create(name, "spawn")
        else:
            record = _identity.create(name, "spawn")
        self.record = record
        record.object = MAIN.object
        record.argv = self._argv
        record.handlers = {number: kept for number, kept in record.handlers.items() if kept == _identity.SIG_IGN}
        stdin = io.BytesIO(self._stdin) if isinstance(self._stdin, bytes) else self._stdin
        record.streams["stdin"] = record.streams["__stdin__"] = io.TextIOWrapper(stdin, "utf-8")
        for stream, buffer in (("stdout", self._stdout), ("stderr", self._stderr)):
            text = io.TextIOWrapper(buffer, "utf-8", "surrogateescape" if stream == "stdout" else "backslashreplace")
            record.streams[stream] = record.streams[f"__{stream}__"] = text
        _identity.start(record, self._body)
        return record

    def wait(self) -> Result:
        """Return how the program ended; ends it when the waiting is broken off."""
        record = self.record
        assert record is not None
        try:
            _identity.wait(record)
        except BaseException:
            _identity.kill(record, -_identity.SIGKILL)
            raise
        finally:
            if record.ended:
                _identity.reap(record)
        return self.result()

    def result(self) -> Result:
        """Return what it has written and its exit status; may be asked for once."""
        record = self.record
        assert record is not None
        status = record.exitcode if record.exitcode is not None else 1
        return Result(status, self._stdout.take(), self._stderr.take())

    # -- in the new process --------------------------------------------------------------------------------

    def _body(self) -> int:
        return contextvars.Context().run(self._run)

    def _run(self) -> int:
        for output in (self._stdout, self._stderr):
            output.attach()
        if self._cwd is not None:
            os.chdir(self._cwd)
        if self._environ:
            os.environ.update(self._environ)
        namespace = self._acquire()
        whole = False
        try:
            status = self._run_in(namespace)
            whole = len(HERE.process.threads) == 1 and not HERE.process.children
        finally:
            # A thread or a child that is left over may change the modules at any time: nobody else gets them then.
            self._release(namespace, whole)
        return status

    def _run_in(self, namespace: Namespace) -> int:
        main = ModuleType("__main__")
        sys.modules["__main__"] = main
        status = _exit_status(self._execute, namespace, main)
        if len(HERE.process.threads) > 1:
            threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except ValueError:  # closed by the program
                pass
        return status


def _exit_status(function: Callable[..., object], *args: Any) -> int:
    """Call a function as the interpreter calls a script, and return the exit status."""
    try:
        function(*args)
    except ProcessExit:
        raise
    except SystemExit as error:
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code & 0xFF
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException as error:
        # Without the frames that run the script, which a new interpreter would not have.
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_globals.get("__package__") == __package__:
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)
        return 1
    return 0
