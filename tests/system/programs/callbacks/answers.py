"""A callback of the tests: prints one JSON line per result, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: answers
type: stdout
short_description: one JSON line per result
description: For the tests of the Python API.
"""


class CallbackModule(CallbackBase):
    """Prints what every host answered."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "answers"

    def _note(self, what: str, result: Any) -> None:
        answer = getattr(result, "result", None) or result._result
        host = getattr(result, "host", None) or result._host
        print(json.dumps([what, host.get_name(), answer.get("msg", answer.get("ping"))]))

    def v2_runner_on_ok(self, result: Any) -> None:
        """Print a success."""
        self._note("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Print a failure."""
        self._note("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Print a skip."""
        self._note("skipped", result)
