"""``status``: what `mpthread_hook.status()` returns in this interpreter, as JSON."""

from __future__ import annotations

import json

from .. import status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the answer is always the same JSON object."""
    parser.epilog = "Exit status: 0 if the hook is on, 1 if it is off."


def main(options: argparse.Namespace) -> int:
    """Print the state, and return 0 if the hook is on."""
    del options
    state = status()
    print(json.dumps(state, indent=2))
    return 0 if state["enabled"] else 1
