"""An action of the tests: does something to the very worker that runs it."""

from __future__ import annotations

import os
import signal
import sys
import time

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """``tell``: write a line there. ``seconds``: sleep. ``end``: return, raise, exit or kill."""

    _VALID_ARGS = frozenset(("tell", "seconds", "end"))

    def run(self, tmp: object = None, task_vars: dict[str, object] | None = None) -> dict[str, object]:
        """Do what the arguments say."""
        result: dict[str, object] = super().run(tmp, task_vars)
        if "tell" in self._task.args:
            with open(self._task.args["tell"], "w", encoding="ascii") as file:
                file.write("here\n")
        time.sleep(float(self._task.args.get("seconds", 0)))
        end = self._task.args.get("end", "return")
        if end == "raise":
            raise ValueError("the action raises")
        if end == "exit":
            sys.stdout.flush()
            os._exit(7)
        if end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        result["changed"] = False
        return result
