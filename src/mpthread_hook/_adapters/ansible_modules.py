"""What module code is told where no program can be started: no tool exists, and why a command cannot run."""

from __future__ import annotations

import shlex
import sys

from .._identity import HERE
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


_HIDDEN = "ansible hidden programs"
_BASIC = "ansible.module_utils.basic"


def _hidden() -> list[str]:
    """Return the names of programs that the module of this process has asked for in vain."""
    return HERE.process.state.setdefault(_HIDDEN, [])  # type: ignore[no-any-return]


def _hide_programs(module: Any) -> None:
    """Let `get_bin_path` find nothing: a tool that exists and cannot start fails modules that can do without."""

    def get_bin_path(arg: str, *args: Any, **kwargs: Any) -> str:
        # What basic looks for on its own account (lsattr) is of no interest to anybody.
        caller = sys._getframe(1)
        if caller.f_globals.get("__name__") == _BASIC and caller.f_back is not None:
            caller = caller.f_back
        if caller.f_globals.get("__name__") != _BASIC and arg not in _hidden():
            _hidden().append(arg)
        raise ValueError(ansible_execution.explain(arg))

    if hasattr(module, "get_bin_path"):
        module.get_bin_path = get_bin_path


def _explain_commands(module: ModuleType) -> None:
    cls: Any = getattr(module, "AnsibleModule", None)
    if not hasattr(cls, "run_command") or not hasattr(cls, "fail_json"):
        return
    run, fail = cls.run_command, cls.fail_json

    def run_command(self: Any, args: Any, *rest: Any, **options: Any) -> Any:
        if not args or not isinstance(args, (list, str, bytes)):
            return run(self, args, *rest, **options)  # it knows what to say
        error = ansible_execution.refusal()
        number = error.errno if error is not None else None
        name = _program(args)
        if name == "None" and _hidden():
            name = " or ".join(_hidden())  # what it found instead of a program
        message = ansible_execution.explain(name)
        if not options.get("handle_exceptions", True):
            raise OSError(number, message)
        return self.fail_json(rc=number, stdout="", stderr="", msg=message, cmd=self._clean_args(args))

    def fail_json(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Modules that do without a program until they find that they cannot seldom say which one it was.
        reason = ansible_execution.reason()
        message = kwargs.get("msg", args[0] if args else "")
        if _hidden() and reason not in str(message) and hasattr(self, "warn"):
            self.warn(f"the module looked for {', '.join(_hidden())} in vain: {reason}")
        return fail(self, *args, **kwargs)

    cls.run_command = run_command
    cls.fail_json = fail_json


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
