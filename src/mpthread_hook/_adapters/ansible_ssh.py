"""Remote hosts where no program can be started: connections that Ansible finds although core has none.

`paramiko` and `paramiko_ssh` are ours where neither core nor anybody else has them.  Core's `ssh` needs a
program; where none can be started ours answers to its name, so that an inventory need not know.
"""

from __future__ import annotations

import importlib
import os
import sys

from . import ansible_execution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal

_NAMES = frozenset(("paramiko", "paramiko_ssh"))
_PLUGIN = "ansible_paramiko"
_SSH = "ansible.builtin.ssh"
# Of its own: Ansible has read what options core's plugins have, by their names, before it asks for one.
_OPTIONS = "mpthread_hook_ssh"
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{_PLUGIN}.py")

#: Whoever is the first to say that `ssh` is another one here puts a mark in.
_told: dict[str, object] = {}


def install(journal: Journal, cls: Any) -> None:
    """Patch the class of plugin loaders."""
    find = getattr(cls, "find_plugin_with_context", None)
    if find is None:
        return

    def find_plugin_with_context(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        context = find(self, name, *args, **kwargs)
        if getattr(self, "class_name", None) == "Connection":
            _stand_in(context, name)
        return context

    journal.set(cls, "find_plugin_with_context", find_plugin_with_context)
    journal.undo(_told.clear)


def install_smart(journal: Journal) -> None:
    """Patch `ansible.utils.ssh_functions`: up to 2.20 `smart` means core's paramiko where `ssh` does not start."""
    module: Any = sys.modules["ansible.utils.ssh_functions"]
    check = getattr(module, "check_for_controlpersist", None)
    if check is None:
        return

    def check_for_controlpersist(ssh_executable: Any) -> bool:
        return ansible_execution.refusal() is not None or check(ssh_executable)

    journal.set(module, "check_for_controlpersist", check_for_controlpersist)


def module(path: str) -> ModuleType | None:
    """Return our plugin if ``path`` is its file: it is a part of this package, and loaded as such."""
    return importlib.import_module(f".{_PLUGIN}", __package__) if path == PATH else None


def _stand_in(context: Any, name: str) -> None:
    if not context.resolved:
        bare = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        if bare in _NAMES:
            # The name that core had for it: what a host was reached by is recorded, and asked for again.
            context.redirect_list.append("ansible.builtin.paramiko_ssh")
            context.resolve(_OPTIONS, PATH, "ansible.builtin", "found in mpthread_hook", None)
    elif context.resolved_fqcn == _SSH and ansible_execution.refusal() is not None:
        context.plugin_resolved_name, context.plugin_resolved_path = _OPTIONS, PATH


def tell(display: Any) -> None:
    """Say once that `ssh` is not the program of that name."""
    mark = object()
    if _told.setdefault("ssh", mark) is not mark:
        return
    constants: Any = sys.modules["ansible.constants"]
    # Not as a warning, which would become a part of the task's result.
    display.display(
        f"[NOTE]: connection 'ssh' speaks the protocol itself here, by paramiko: {ansible_execution.reason()}.",
        color=constants.COLOR_WARN,
        stderr=True,
    )
