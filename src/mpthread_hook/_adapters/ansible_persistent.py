"""Ansible's persistent connections: the server that `ansible-connection` forks for a host is a thread process here.

`network_cli`, `httpapi` and their like keep one connection to a device for the whole play.  Ansible starts a
program for it, which forks twice, serves calls on a socket and ends when nobody has called for a while.  A thread
does not come back twice from the middle of a function, so what the fork would go on with is begun by name.
"""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import time

from .. import _identity
from .._identity import HERE, MAIN
from .ansible_commands import install_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._hook.journal import Journal
    from .._identity import ThreadProcess

_MODULE = "ansible.module_utils.service"
_SERVER = "ConnectionProcess"
#: For how many seconds the end of the program waits for all servers to close their connections.
_GRACE = 3
#: The processes of servers, with the server once it is made.
_servers: dict[ThreadProcess, Any] = {}
#: What the server is made of, by the names that `ansible-connection` has for it.
_PARTS = ("play_context", "socket_path", "original_path", "task_uuid", "ansible_playbook_pid")


def install(journal: Journal) -> None:
    """Patch `ansible.executor.task_executor`, which starts the program."""
    install_in(journal, sys.modules["ansible.executor.task_executor"])


def install_fork(journal: Journal) -> None:
    """Patch `ansible.module_utils.service`, whose function makes daemons of modules as well: those are not ours."""
    module: Any = sys.modules[_MODULE]
    fork = getattr(module, "fork_process", None)
    if fork is None:
        return

    def fork_process() -> int:
        caller = sys._getframe(1)
        server = caller.f_globals.get(_SERVER)
        known = dict(caller.f_locals)
        if HERE.process is MAIN or server is None or not {*_PARTS, "r", "w", "options"} <= known.keys():
            return fork()  # type: ignore[no-any-return]
        return _serve(server, known)

    journal.set(module, "fork_process", fork_process)


def _serve(server: Any, known: Mapping[str, Any]) -> int:
    record = _identity.create(f"ansible-connection {known['play_context'].remote_addr}", "fork")
    record.object = HERE.process.object
    record.pgid = record.sid = record.pid
    record.doing = "serves a persistent connection"
    said = sys.stdout.getvalue() if isinstance(sys.stdout, io.StringIO) else ""

    def body() -> int:
        # Apart from its parent's, as after a fork; there is no terminal any more.
        sys.stdout = io.StringIO(said)
        sys.stdout.seek(0, io.SEEK_END)
        os.close(known["r"])
        with open(os.devnull, encoding="utf-8") as sys.stdin, os.fdopen(known["w"], "w") as stream:
            os.chdir("/")
            process = _servers[record] = server(stream, *(known[name] for name in _PARTS))
            process.start(known["options"])
            process.run()
        return 0

    _servers[record] = None
    _identity.start(record, body)
    if not _identity.watch(record, lambda: _servers.pop(record, None)):
        _servers.pop(record, None)
    return record.pid


def _end_servers() -> None:
    """Ask the servers that are left to go, which removes their sockets: they cannot outlive the program."""
    left = dict(_servers)
    for record, server in left.items():
        # At the end of a play they have been told to close: a signal would only keep them from it.
        if not getattr(getattr(server, "connection", None), "_conn_closed", False):
            _identity.deliver(record, signal.SIGTERM)
    due = time.monotonic() + _GRACE
    for record in left:
        _identity.wait(record, max(0.0, due - time.monotonic()))


# The first one to import this may be a worker, whose end this is not about.
with _identity.acting_as(MAIN):
    atexit.register(_end_servers)
