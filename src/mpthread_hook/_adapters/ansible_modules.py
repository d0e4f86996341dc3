"""What module code is told where no program can be started: no tool exists, and why a command cannot run."""

from __future__ import annotations

import shlex

from . import ansible_execution, private_modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal


def install(journal: Journal) -> None:
    """Have private copies of `ansible.module_utils` patched when a module loads them."""
    journal.undo(private_modules.lift)
    if ansible_execution.refusal() is None:
        return
    for name, function in (
        ("ansible.module_utils.common.process", _hide_programs),
        ("ansible.module_utils.basic", _explain_commands),
    ):
        journal.item(private_modules.after_load, name, function)


def _hide_programs(module: ModuleType) -> None:
    """Let `get_bin_path` find nothing: a tool that exists and cannot start fails modules that can do without."""

    def get_bin_path(arg: str, *args: Any, **kwargs: Any) -> str:
        raise ValueError(ansible_execution.explain(arg))

    if hasattr(module, "get_bin_path"):
        module.get_bin_path = get_bin_path


def _explain_commands(module: ModuleType) -> None:
    cls: Any = getattr(module, "AnsibleModule", None)
    if not hasattr(cls, "run_command"):
        return
    run = cls.run_command

    def run_command(self: Any, args: Any, *rest: Any, **options: Any) -> Any:
        if not args or not isinstance(args, (list, str, bytes)):
            return run(self, args, *rest, **options)  # it knows what to say
        error = ansible_execution.refusal()
        number = error.errno if error is not None else None
        message = ansible_execution.explain(_program(args))
        if not options.get("handle_exceptions", True):
            raise OSError(number, message)
        return self.fail_json(
            rc=number, stdout="", stderr="", msg=message, cmd=self._clean_args(args)
        )

    cls.run_command = run_command


def _program(args: Any) -> str:
    if isinstance(args, list):
        first = args[0]
    else:
        text = args.decode(errors="replace") if isinstance(args, bytes) else args
        try:
            first = (shlex.split(text) or [text])[0]
        except ValueError:
            first = text
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)
