"""A persistent connection to nothing, which counts the calls that reach it."""

from __future__ import annotations

import os
import time

from ansible.plugins.connection import NetworkConnectionBase, ensure_connect

DOCUMENTATION = """
name: steady
author: The mpthread_hook authors
short_description: Counts calls
description: Counts calls, from task to task.
options:
  host:
    description: Name of the host.
    vars:
      - name: inventory_hostname
  persistent_connect_timeout:
    description: Seconds after which an idle server ends.
    type: int
    default: 30
    vars:
      - name: ansible_connect_timeout
  persistent_command_timeout:
    description: Seconds after which a call is given up.
    type: int
    default: 30
    vars:
      - name: ansible_command_timeout
  persistent_log_messages:
    description: Whether to log calls.
    type: boolean
    default: false
    vars:
      - name: ansible_persistent_log_messages
"""


class Connection(NetworkConnectionBase):  # type: ignore[misc]
    """Connects when the first call comes."""

    transport = "steady"
    _calls = 0

    def _connect(self) -> Connection:
        if not self._connected:
            self.queue_message("warning", "connected")
            self._connected = True
        return self

    @ensure_connect  # type: ignore[untyped-decorator]
    def count(self, step: int) -> list[object]:
        """Return the sum of all steps, and what the server knows of itself."""
        self._calls += step
        return [self._calls, os.getcwd(), os.getppid() == 1]

    def sleep(self, seconds: int) -> str:
        """Take longer than is allowed."""
        time.sleep(seconds)
        return "slept"

    def fail(self) -> None:
        """Raise."""
        raise ValueError("as asked")
