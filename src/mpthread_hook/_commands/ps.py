"""``ps``: the thread processes of running programs, how old they are and where they wait."""

from __future__ import annotations

import json
import shlex
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_COLUMNS = ("PID", "PPID", "NAME", "AGE", "STATE", "WHERE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the programs to ask, and the form of the answer."""
    parser.add_argument("pid", nargs="*", type=int, help="ask these programs only, by their real pids")
    parser.add_argument("--threads", action="store_true", help="a line for each thread, not only the main ones")
    parser.add_argument("--stacks", action="store_true", help="the stack of every thread below its line")
    parser.add_argument("--json", action="store_true", help="print the answers as a JSON array")
    parser.epilog = (
        "Programs answer that run with the word ps in MPTHREAD_HOOK (MPTHREAD_HOOK=1,ps) and have imported "
        "multiprocessing. Exit status: 0, or 1 if none of those that were asked has answered."
    )


def main(options: argparse.Namespace) -> int:
    """Ask, print what was answered, and return 0 if there was an answer."""
    try:
        from .._observe import answering  # noqa: PLC0415 - needs sockets
    except ImportError as error:
        print(f"mpthread_hook ps: {error}", file=sys.stderr)
        return 1
    answers = []
    try:
        pids = options.pid or answering.programs()
    except (AttributeError, OSError) as error:  # no users and no Unix sockets here; or a folder of somebody else's
        print(f"mpthread_hook ps: {error}", file=sys.stderr)
        return 1
    for pid in pids:
        try:
            answer = answering.ask(pid)
        except (OSError, ValueError, AttributeError) as error:
            print(f"mpthread_hook ps: {pid} does not answer: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        if answer is not None:
            answers.append(answer)
        elif options.pid:
            print(
                f"mpthread_hook ps: {pid} does not listen; was it started with MPTHREAD_HOOK=1,ps?", file=sys.stderr
            )
    if options.json:
        print(json.dumps(answers, indent=2))
    elif not answers and not options.pid:
        print("mpthread_hook ps: no program listens; start one with MPTHREAD_HOOK=1,ps", file=sys.stderr)
    else:
        for answer in answers:
            _print(answer, options)
    return 0 if answers else 1


def _print(answer: dict[str, Any], options: argparse.Namespace) -> None:
    print(f"Python {answer['python']}: {shlex.join(answer['command'])}")
    rows: list[tuple[tuple[str, ...], str]] = [(_COLUMNS, "")]
    for process in answer["processes"]:
        first = (str(process["pid"]), str(process["ppid"]), process["name"], f"{process['age']:.1f} s")
        state = process["state"]
        if state == "ended":
            state += f", exit code {process['exitcode']}"
        threads = process["threads"]
        where = _where(threads[0]) if threads else ""
        if process["doing"]:
            where = f"{process['doing']}: {where}" if where else process["doing"]
        rows.append(((*first, state, where), threads[0]["stack"] if threads else ""))
        if options.threads or options.stacks:
            for thread in threads[1:]:
                state = "waiting" if thread["waits"] else "running"
                name = f"  {thread['name'] or thread['ident']}"
                rows.append((("", "", name, "", state, _where(thread)), thread["stack"]))
    widths = [max(len(row[column]) for row, _ in rows) for column in range(len(_COLUMNS) - 1)]
    for row, stack in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        print("  ".join(cells).rstrip())
        if options.stacks and stack:
            print(stack, end="")


def _where(thread: dict[str, Any]) -> str:
    return " at ".join(filter(None, (thread["called"], thread["at"])))
