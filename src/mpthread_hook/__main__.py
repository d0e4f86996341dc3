"""The command line: ``python -m mpthread_hook COMMAND …``, and the console script of the same name."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec

# In the order of the help text.  A command is imported only when it is asked for: `run` must leave the
# interpreter as fresh as it can for the program that it runs.
_COMMANDS = {
    "run": "run a script, a module or a command with the hook enabled",
    "demo": "play a shipped Ansible playbook on ten hosts inside this process",
    "status": "print what the hook does in this interpreter, as JSON",
    "ps": "print the thread processes of running programs",
    "table": "print the compatibility table",
    "doctor": "say whether the hook would work here, and what is in its way",
    "vendor": "copy the package into an application",
}
# What a shell reports of a tool that SIGPIPE ended.
_BY_SIGPIPE = 128 + 13


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status; ``argv`` is `sys.argv[1:]` unless given."""
    arguments = sys.argv[1:] if argv is None else argv
    name = arguments[0] if arguments and arguments[0] in _COMMANDS else ""
    if name == "run":
        # What follows belongs to the program: argparse would take its options for ours.
        from ._commands import run  # noqa: PLC0415 - only the command that was asked for

        return run.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="mpthread_hook", description="A thread-backed multiprocessing.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in _COMMANDS.items():
        if find_spec(f"{__package__}._commands.{command}") is None:
            continue  # a vendored copy may leave commands out
        sub = commands.add_parser(command, help=text, description=text)
        if command == name:
            import_module(f"{__package__}._commands.{command}").add_arguments(sub)
    options = parser.parse_args(arguments)
    try:
        status: int = import_module(f"{__package__}._commands.{options.command}").main(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough (``table | head``).  The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BY_SIGPIPE
    return status


if __name__ == "__main__":
    sys.exit(main())
