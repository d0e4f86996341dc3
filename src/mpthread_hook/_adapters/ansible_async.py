"""Ansible's async_wrapper, which daemonizes itself with three forks: here it is one thread process.

It writes the same job file, watches the module for as long as the task allows and removes the module's
directory.  A job lives no longer than the program: one that is still running at its end is said to have
failed, so that nobody polls for it for ever.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shlex
import shutil
import traceback

from .. import _identity
from .._identity import MAIN
from .ansible_execution import explain
from .ansible_payload import Script
from .shell.answer import Answer
from .shell.running import is_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .._identity import ThreadProcess
    from .python_program import Program

    Prepare = Callable[[list[str], Mapping[str, str], str], Program]

_running: set[Job] = set()


class Job:
    """One asynchronous task: ``command`` is what runs, for ``limit`` seconds at the most (0: for ever)."""

    def __init__(
        self, name: str, limit: int, module: str, command: list[str], *, keep: bool, words: type
    ) -> None:
        self._name = name
        self._limit = limit
        self._module = module
        self._command = command
        self._keep = keep
        #: How this release of Ansible says yes and no in job files: `bool` or `int`.
        self._words = words
        self.path = ""

    def start(self, environ: Mapping[str, str], cwd: str, prepare: Prepare) -> Answer:
        """Start it and return what async_wrapper would have printed."""
        everything = {**os.environ, **environ}
        directory = everything.get("ANSIBLE_ASYNC_DIR", "~/.ansible_async")
        directory = os.path.join(cwd, os.path.expanduser(directory))
        try:
            os.makedirs(directory, exist_ok=True)
        except OSError as error:
            message = f"could not create directory: {directory} - {error}"
            return _answer({"failed": self._words(True), "msg": message}, 1)
        if not is_python(self._command[0]):
            return _answer({"failed": self._words(True), "msg": explain(self._command[0])}, 1)
        with _identity.acting_as(MAIN):
            record = _identity.create(f"async {self._name}", "spawn")
        record.object = MAIN.object
        record.pgid = record.sid = record.pid
        name = f"{self._name}.{record.pid}"
        self.path = os.path.join(directory, name)
        self._write({"started": self._words(True), "finished": self._words(False), "ansible_job_id": name})
        _running.add(self)
        _identity.start(record, lambda: self._watch(name, everything, cwd, prepare))
        if not _identity.watch(record, lambda: _identity.reap(record)):
            _identity.reap(record)
        answer = {
            "failed": self._words(False),
            "started": self._words(True),
            "finished": self._words(False),
            "ansible_job_id": name,
            "results_file": self.path,
            "_ansible_suppress_tmpdir_delete": not self._keep,
        }
        return _answer(answer, 0)

    def _write(self, result: Mapping[str, Any]) -> None:
        temporary = f"{self.path}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file)
        os.rename(temporary, self.path)

    # -- in its own process --------------------------------------------------------------------------------

    def _watch(self, name: str, environ: Mapping[str, str], cwd: str, prepare: Prepare) -> int:
        try:
            try:
                result = self._run(name, prepare(self._command, environ, cwd))
            except Exception:
                result = self._failure(name, traceback.format_exc())
            self._write(result)
        finally:
            _running.discard(self)
            if not self._keep:
                shutil.rmtree(os.path.dirname(self._module), ignore_errors=True)
        return 0

    def _run(self, name: str, program: Program) -> Mapping[str, Any]:
        record = program.start()
        try:
            if not _identity.wait(record, self._limit or None):
                return {"msg": "Timeout exceeded", "failed": self._words(True), "child_pid": record.pid}
        finally:
            _end(record)
        answer = program.result()
        stdout = answer.stdout.decode("utf-8", "surrogateescape")
        stderr = answer.stderr.decode("utf-8", "surrogateescape")
        try:
            text, junk = _json_in(stdout)
            result = json.loads(text)
        except ValueError:
            return {**self._failure(name, traceback.format_exc()), "data": stdout, "stderr": stderr}
        if junk:
            warnings = result.get("warnings", [])
            result["warnings"] = (warnings if isinstance(warnings, list) else [warnings]) + [
                f"Module invocation had junk after the JSON data: {junk}"
            ]
        if stderr:
            result["stderr"] = stderr
        return result  # type: ignore[no-any-return]

    def _failure(self, name: str, message: str) -> dict[str, Any]:
        return {
            "failed": self._words(True),
            "cmd": shlex.join(self._command),
            "msg": message,
            "ansible_job_id": name,
        }

    def lose(self) -> None:
        """Say in the job file that the program ended before the job."""
        message = "the program that ran this job has ended; jobs of modules in the program end with it"
        self._write(self._failure(os.path.basename(self.path), message))


def _end(record: ThreadProcess) -> None:
    if not record.ended:
        _identity.kill(record, -_identity.SIGKILL)
        _identity.wait(record)
    _identity.reap(record)


def _answer(result: Mapping[str, Any], status: int) -> Answer:
    return Answer(status, f"{json.dumps(result)}\n".encode())


def _json_in(text: str) -> tuple[str, str]:
    """Return the lines from the first that opens an object to the last that closes one, and what follows."""
    lines = text.splitlines()
    first = next((index for index, line in enumerate(lines) if line.strip().startswith("{")), None)
    if first is None:
        raise ValueError("No start of json char found")
    last = next((i for i in range(len(lines) - 1, first - 1, -1) if lines[i].strip().endswith("}")), None)
    if last is None:
        raise ValueError("No end of json char found")
    return "\n".join(lines[first : last + 1]), "\n".join(lines[last + 1 :]).strip()


def job(arguments: Sequence[str], cwd: str) -> Job | None:
    """Return the job that ``async_wrapper jid limit ...`` asks for, None if it is another script."""
    script, *rest = arguments
    if not os.path.basename(script).startswith("async_wrapper") or len(rest) < 4:
        return None
    name, limit = rest[:2]
    if rest[2] in {"true", "false"}:
        # jid limit preserve_tmp module command...
        keep, module, command = rest[2] == "true", rest[3], list(rest[4:])
    else:
        # jid limit module args|_ [-preserve_tmp]
        module = rest[2]
        keep = "-tmp-" not in os.path.dirname(module) or rest[4:5] == ["-preserve_tmp"]
        command = [*_interpreter(module), module, *([] if rest[3] == "_" else rest[3:4])]
    return Job(name, int(limit), module, command, keep=keep, words=_words(os.path.join(cwd, script)))


def _interpreter(path: str) -> list[str]:
    with open(path, "rb") as file:
        line = file.readline(1024)
    return shlex.split(line[2:].decode()) if line.startswith(b"#!") else []


def _words(script: str) -> type:
    """Return how this async_wrapper says yes and no: job files are read by others and shown to users."""
    try:
        with open(script, "rb") as file:
            archive = Script(file.read(), script).archive
    except OSError:
        archive = None
    for name, member in archive.members.items() if archive is not None else ():
        if name.rpartition(".")[2] == "async_wrapper":
            return bool if re.search(rb'"started":\s*True', archive.source(member)) else int  # type: ignore[union-attr]
    return bool


def _lose_jobs() -> None:
    for running in list(_running):
        try:
            running.lose()
        except OSError:  # nobody can be told
            pass


def install() -> None:
    """Have jobs that outlive the program marked at its end."""
    with _identity.acting_as(MAIN):
        atexit.unregister(_lose_jobs)  # once is enough
        atexit.register(_lose_jobs)


def uninstall() -> None:
    """Take it back."""
    with _identity.acting_as(MAIN):
        atexit.unregister(_lose_jobs)
