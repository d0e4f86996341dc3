"""Command line: `python -m tests.conformance [options]`; see --help."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import plan
from .running import ClassRun, default_python, end_all
from .session import Choice, Session


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=(
            "Run CPython's own multiprocessing suites under the hook and compare with the stock package."
        ),
    )
    parser.add_argument(
        "--python", action="append", metavar="PATH", help="interpreter under test (repeatable)"
    )
    parser.add_argument(
        "--suite", action="append", choices=[s.name for s in plan.SUITES], help="(repeatable)"
    )
    parser.add_argument(
        "--method",
        dest="suite",
        action="append",
        choices=["fork", "spawn", "forkserver"],
        help="the suite of a start method (repeatable)",
    )
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="PATTERN")
    parser.add_argument("-k", dest="keyword", default="", help="only tests whose Class.test holds this text")
    parser.add_argument("--quick", action="store_true", help="the quick subset")
    parser.add_argument("--stock", action="store_true", help="only the stock package's baseline")
    parser.add_argument(
        "--hidden", action="store_true", help="hide _multiprocessing, _posixshmem, _posixsubprocess"
    )
    parser.add_argument(
        "--activation",
        choices=["site", "enable"],
        default="site",
        help="by the checkout's sitecustomize.py, or by calling enable() at start-up",
    )
    parser.add_argument("--refresh", action="store_true", help="forget the kept baseline")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run under the hook N times")
    parser.add_argument("--test-limit", type=float, default=plan.TEST_LIMIT, metavar="SECONDS")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all outcomes as JSON")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="one line a class, and the full tracebacks"
    )
    return parser.parse_args(arguments)


def _stock(session: Session, suite: plan.Suite) -> dict[str, ClassRun]:
    chosen, runs, reason = session.stock(suite)
    outcomes = [o for run in runs.values() for o in run.outcomes.values()]
    count = sum(len(run.processes) for run in runs.values())
    head = f"{session.python.label:8}{suite.name:14}"
    print(
        f"{head}stock: passed {outcomes.count('passed')} of {len(outcomes)}, skipped "
        f"{outcomes.count('skipped')}, OS processes {count}, {sum(r.total for r in runs.values()):.0f} s"
        if chosen
        else f"{head}absent: {reason}",
        flush=True,
    )
    for name, run in runs.items():
        for test, outcome in run.outcomes.items():
            if outcome not in ("passed", "skipped"):
                print(f"    stock {outcome}: {name}.{test}")
    return runs


def _hooked(session: Session, suite: plan.Suite, verbose: bool) -> tuple[bool, dict[str, ClassRun]]:
    verdict, runs = session.hooked(suite)
    if not verdict.absent and not runs:
        return True, runs
    print(verdict.line(), flush=True)
    for full, row in sorted(verdict.expected.items()):
        print(f"    expected: {full}: {row.reason}")
    skipped: Counter[str] = Counter()
    for full, text in sorted(verdict.failures.items()):
        lines = text.strip().splitlines() or [""]
        if lines[0].startswith("not run: setUp"):
            skipped[full.rpartition(".")[0]] += 1  # its fixture is told, once
        else:
            print(f"    FAILED {full}: " + (text if verbose else f"{lines[0][:90]} ... {lines[-1][:200]}"))
    for name, count in skipped.items():
        print(f"    FAILED {name}: {count} tests not run, since a fixture failed")
    for error in verdict.errors:
        print(f"    ERROR {error}")
    sys.stdout.flush()
    return verdict.good, runs


def _told_to_end(_signal: int, _frame: object) -> None:
    end_all()
    os._exit(143)


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; return 0 when every difference is an expected one."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _told_to_end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, and then by what we start
    good, report = True, {}
    for executable in options.python or [default_python()]:
        choice = Choice(
            quick=options.quick,
            classes=tuple(options.classes),
            keyword=options.keyword,
            jobs=options.jobs,
            hidden=options.hidden,
            activation=options.activation,
            refresh=options.refresh,
            test_limit=options.test_limit,
        )
        if options.verbose:
            choice.say = lambda text: print(text, file=sys.stderr, flush=True)
        session = Session(executable, choice)
        try:
            for turn in range(options.repeat):
                for suite in plan.SUITES:
                    if options.suite and suite.name not in options.suite:
                        continue
                    runs: dict[str, Any]
                    if options.stock:
                        runs = _stock(session, suite)
                    else:
                        fine, runs = _hooked(session, suite, options.verbose)
                        good = good and fine
                    report[f"{session.python.label}/{suite.name}/{turn}"] = {
                        n: asdict(r) for n, r in runs.items()
                    }
        finally:
            session.close()
    if options.report:
        options.report.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
