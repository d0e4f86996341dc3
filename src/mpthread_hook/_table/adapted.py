"""Rows of third parties, and of account modules where the platform lacks them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

_WORKER = "mpthread_hook._adapters.ansible_worker"
_PLUGINS = "mpthread_hook._adapters.ansible_plugins"
_LOCAL = "mpthread_hook._adapters.ansible_local"

# fmt: off
ROWS: tuple[Row, ...] = (
    ("pwd", "*", "threaded", "mpthread_hook._adapters.pwd", None, None, None, "Where the platform lacks it: one account, named by the environment."),
    ("grp", "*", "threaded", "mpthread_hook._adapters.grp", None, None, None, "Where the platform lacks it: one group, named as the account."),
    ("jinja2.environment", "", "threaded", "mpthread_hook._adapters.jinja", "install", None, None, "The code of a template is compiled once for all workers."),
    ("ansible.executor.process.worker", "", "threaded", _WORKER, "install", None, None, "A worker works on its own copy of the task, host, play context, loader and variables."),
    ("ansible.utils.display", "", "threaded", _WORKER, "install_display", None, None, "The queue that Display sends to is the worker's own."),
    ("ansible._internal._templating._access", "", "threaded", _WORKER, "install_access", None, None, "A worker starts with an access context of its own."),
    ("ansible.plugins.loader", "", "threaded", _PLUGINS, "install", None, None, "One thread at a time runs the code of a plugin; the local connection gets its patch there."),
    ("ansible.executor.interpreter_discovery", "", "threaded", _LOCAL, "install_discovery", None, None, "Modules that run in the program run on its interpreter."),
)
