"""What module code is told where no program can be started: no tool exists, and why a command cannot run."""

from __future__ import annotations

import sys

from .._identity import HERE
from . import ansible_commands, ansible_execution, private_modules

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


#: What a module asks for before it knows whether it will need it (an account that is as it should be), and what
#: `shell` answers.
_ASKED_EARLY = frozenset(
    (
        "getent",
        "groupadd",
        "groupdel",
        "groupmod",
        "ssh-keygen",
        "tar",
        "unzip",
        "useradd",
        "userdel",
        "usermod",
        "zipinfo",
    )
)
_HIDDEN = "ansible hidden programs"
_BASIC = "ansible.module_utils.basic"


def _hidden() -> list[str]:
    """Return the names of programs that the module of this process has asked for in vain."""
    return HERE.process.state.setdefault(_HIDDEN, [])  # type: ignore[no-any-return]


def _hide_programs(module: Any) -> None:
    """Let `get_bin_path` find nothing but those: a tool that cannot start fails modules that can do without it."""

    def get_bin_path(arg: str, *args: Any, **kwargs: Any) -> str:
        if arg in _ASKED_EARLY:
            return arg
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
    module.subprocess = ansible_commands.stand_in()  # type: ignore[attr-defined]

    def run_command(self: Any, args: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(args, list) and args and args[0] is None and _hidden():
            # What it found instead of a program.
            message = ansible_execution.explain(" or ".join(_hidden()))
            return self.fail_json(rc=1, stdout="", stderr="", msg=message, cmd=self._clean_args(args))
        return run(self, args, *rest, **options)

    def fail_json(self: Any, *args: Any, **kwargs: Any) -> Any:
        error = sys.exc_info()[1]
        if isinstance(error, ansible_commands.NoProgram):
            args, kwargs["msg"] = (), error.strerror
            kwargs.pop("exception", None)  # it says the same
            return fail(self, **kwargs)
        # Modules that do without a program until they find that they cannot seldom say which one it was.
        reason = ansible_execution.reason()
        message = kwargs.get("msg", args[0] if args else "")
        if _hidden() and reason not in str(message) and hasattr(self, "warn"):
            self.warn(f"the module looked for {', '.join(_hidden())} in vain: {reason}")
        return fail(self, *args, **kwargs)

    cls.run_command = run_command
    cls.fail_json = fail_json
