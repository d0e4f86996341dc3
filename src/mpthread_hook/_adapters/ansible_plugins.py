"""Ansible's plugin loader, which publishes a module before it has run it and knows no other thread.

It also goes past `sys.meta_path`, so plugin modules that need a patch get it here.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping

from .._identity import HERE, Mutex
from . import ansible_commands, ansible_local, ansible_ssh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal

# Held while the code of a plugin runs, which is exactly what it is for: another thread that wants the same
# plugin must not get half of it.  Re-entrant, because plugins load plugins.
_lock = Mutex()


def install(journal: Journal) -> None:
    """Patch `ansible.plugins.loader`."""
    cls: Any = sys.modules["ansible.plugins.loader"].PluginLoader
    ansible_ssh.install(journal, cls)
    if not hasattr(cls, "_load_module_source"):
        return
    load = cls._load_module_source
    seen: set[int] = set()

    def load_module_source(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = kwargs["path"] if "path" in kwargs else args[-1]
        with _lock:
            module = ansible_ssh.module(path) or load(self, *args, **kwargs)
            if id(module) not in seen:
                patch(journal, module)
                seen.add(id(module))
            return module

    journal.set(cls, "_load_module_source", load_module_source)


def patch(journal: Journal, module: ModuleType) -> None:
    """Patch a plugin module by what it has."""
    ansible_commands.install_in(journal, module)
    connection = vars(module).get("Connection")
    if getattr(connection, "transport", None) == "local" and connection.__module__ == module.__name__:
        ansible_local.install(journal, connection)
    for name in ("SSH_CONNECTION_CACHE", "SFTP_CONNECTION_CACHE"):
        if type(vars(module).get(name)) is dict:
            journal.set(module, name, _PerProcessDict())


class _PerProcessDict(MutableMapping["Any", "Any"]):
    """A mapping that is empty in every new process: connections in a forked one could not be used anyway."""

    def _mine(self) -> dict[Any, Any]:
        return HERE.process.state.setdefault(self, {})  # type: ignore[no-any-return]

    def __getitem__(self, key: Any) -> Any:
        return self._mine()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._mine()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._mine()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._mine())

    def __len__(self) -> int:
        return len(self._mine())

    __hash__ = object.__hash__
