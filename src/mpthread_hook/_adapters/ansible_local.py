"""Ansible's ``local`` connection where modules run in this program: it answers its commands itself."""

from __future__ import annotations

import os
import shlex
import sys

from . import ansible_async, ansible_execution, ansible_modules, ansible_payload
from .ansible_python import run_python
from .shell.answer import Answer, CannotStart
from .shell.running import SHELLS, Shell, refuse
from .shell.syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal


def install(journal: Journal, cls: Any) -> None:
    """Patch a class of local connections, if modules are to run in this program."""
    if not ansible_execution.in_process():
        return
    ansible_modules.install(journal)
    ansible_async.install()
    journal.undo(ansible_async.uninstall)
    journal.undo(ansible_payload.pool.clear)
    execute, get_option = cls.exec_command, cls.get_option

    def exec_command(self: Any, cmd: Any, in_data: Any = None, sudoable: bool = True) -> Any:
        text = cmd if isinstance(cmd, str) else os.fsdecode(cmd)
        if _becomes(self, text, sudoable=sudoable):
            if ansible_execution.refusal() is None:
                return execute(self, cmd, in_data=in_data, sudoable=sudoable)
            raise _no_become(self)
        _display_command(self, text)
        try:
            return tuple(_run(_unwrap(self, text), in_data, getattr(self, "cwd", None)))
        except (CannotStart, Unsupported) as error:
            if ansible_execution.refusal() is None:
                return execute(self, cmd, in_data=in_data, sudoable=sudoable)
            return tuple(refuse(error.program if isinstance(error, CannotStart) else text))

    def get_option_piped(self: Any, option: str, *args: Any, **kwargs: Any) -> Any:
        # A payload on standard input saves writing, marking and removing a file for each module.
        return True if option == "pipelining" else get_option(self, option, *args, **kwargs)

    journal.set(cls, "exec_command", exec_command)
    journal.set(cls, "get_option", get_option_piped)
    if ansible_execution.refusal() is not None:
        # No `/bin/sh -c` around commands: there is no such program to hand them to.
        journal.set(cls, "allow_executable", False)


def install_discovery(journal: Journal) -> None:
    """Patch `ansible.executor.interpreter_discovery`: there is one interpreter here, and it need not be found."""
    module: Any = sys.modules["ansible.executor.interpreter_discovery"]
    discover = getattr(module, "discover_interpreter", None)
    if discover is None:
        return

    def discover_interpreter(action: Any, *args: Any, **kwargs: Any) -> Any:
        connection = getattr(action, "_connection", None)
        if getattr(connection, "transport", None) == "local" and ansible_execution.in_process():
            return sys.executable or "python3"
        return discover(action, *args, **kwargs)

    journal.set(module, "discover_interpreter", discover_interpreter)


def _unwrap(connection: Any, command: str) -> str:
    """Take ``/bin/sh -c`` off, where Ansible has put it around a command; any other shell may mean more by it."""
    executable = getattr(connection._play_context, "executable", None) or "/bin/sh"
    start = f"{executable} -c "
    if not command.startswith(start) or os.path.basename(executable) not in SHELLS:
        return command
    quoted = command[len(start) :]
    inner = quoted[1:-1].replace("'\"'\"'", "'") if quoted.startswith("'") else quoted
    return inner if shlex.quote(inner) == quoted else command


def _display_command(connection: Any, command: str) -> None:
    display = getattr(sys.modules.get(type(connection).__module__), "display", None)
    if display is not None:
        display.vvv(f"EXEC (in this program) {command}", host=connection._play_context.remote_addr)


def _becomes(connection: Any, command: str, *, sudoable: bool) -> bool:
    become = getattr(connection, "become", None)
    marker = getattr(become, "success", "")
    return bool(sudoable and marker and marker in command)


def _no_become(connection: Any) -> Exception:
    method = getattr(connection.become, "name", "become")
    user = connection.become.get_option("become_user") or "another user"
    errors = sys.modules["ansible.errors"]
    return errors.AnsibleError(  # type: ignore[no-any-return]
        f"become is not possible here: {method!r} would have to start a program to act as {user!r}, "
        f"and {ansible_execution.reason()}"
    )


def _run(command: str, in_data: Any, cwd: Any) -> Answer:
    stdin = b"" if in_data is None else in_data if isinstance(in_data, bytes) else in_data.encode()

    # Tagged text or bytes, as Ansible keeps it.
    return Shell(run_python, os.fsdecode(cwd) if cwd else os.getcwd(), stdin=stdin).run(command)
