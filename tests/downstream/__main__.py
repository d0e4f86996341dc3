"""``python -m tests.downstream``: ansible-core's own integration targets, stock and under the hook.

``--python PY --sdist FOLDER_OR_ARCHIVE [--target PATTERN …] [--mode hook|sandbox] [--repeat N]``: the
interpreter has ansible-core installed (the same release as the source distribution) and not this package.
Each target runs unmodified, stock first.  One that stock fails here, or that takes longer than ``--limit``,
is named and not judged.  ``--results FILE`` keeps what came of each, and takes stock's outcomes from there.
``--keep`` keeps the folders of those that differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from threading import Lock

from . import running
from .exclusions import ASK_FOR_PROGRAMS, reasons
from .targets import Target, those_of, unpack

#: What a task that needs a program says in a process that cannot start one.
_NO_PROGRAM = ("no program can be started", "Operation not permitted")
#: So much of a line is printed; all of it is in the results.
_WIDTH = 300


class Run:
    """What was asked for, and what came of it so far."""

    def __init__(self, options: argparse.Namespace, work: str) -> None:
        self.options = options
        self.work = work
        self.lock = Lock()
        self.results: dict[str, dict[str, object]] = {}
        if options.results and os.path.exists(options.results):
            with open(options.results, encoding="utf-8") as file:
                self.results = json.load(file)

    def judge(self, target: Target) -> str:
        """Run one target and print what came of it; returns a word for the count."""
        try:
            word, lines, facts = self._judge(target)
        except Exception as error:  # ours: the others are run all the same
            word, lines, facts = "error", [f"{type(error).__name__}: {error}"], {}
        with self.lock:
            took = "/".join(f"{value['seconds']:g}" for value in facts.values() if isinstance(value, dict))
            first = f"{word:10} {target.name} {took and took + ' s'}"
            if word in {"excluded", "slow", "stock", "program"}:
                print(f"{first}: {lines[0][:_WIDTH] if lines else ''}", flush=True)
            else:
                print(first, *(line[:_WIDTH] for line in lines), sep="\n           ", flush=True)
            self.results.setdefault(target.name, {}).update(
                facts, **{f"{self.options.mode} says": word, f"{self.options.mode} differs": lines}
            )
            self._save()
        return word

    def _judge(self, target: Target) -> tuple[str, list[str], dict[str, object]]:
        options = self.options
        if found := sorted(set(reasons(target, destructive=options.destructive))):
            return "excluded", found[:1], {}
        folder = os.path.join(self.work, target.name)
        facts: dict[str, object] = {}
        kept = self.results.get(target.name, {}).get("stock")
        if isinstance(kept, dict) and kept["status"] == 0:
            stock = running.Outcome(**kept)
        else:
            stock = running.run("stock", options.python, target, folder, options.limit)
        facts["stock"] = stock.facts()
        if stock.status is None:
            return "slow", [f"stock takes longer than {options.limit:g} s"], facts
        if stock.status:
            return "stock", _last_words(stock), facts
        lines: list[str] = []
        for _ in range(options.repeat):
            ours = running.run(options.mode, options.python, target, folder, 2 * options.limit)
            facts[options.mode] = ours.facts()
            if not ours.differences(stock):
                continue
            if options.mode == "sandbox" and (reason := _program(target, ours)):
                return "program", [reason], facts
            # A target may leave things on the machine: what counts is a difference from stock before and after.
            stock = running.run("stock", options.python, target, f"{folder}-again", options.limit)
            facts["stock"] = stock.facts()
            if stock.status != 0:
                return "stock", ["ends otherwise the second time"], facts
            shutil.rmtree(f"{folder}-again", ignore_errors=True)
            if lines := ours.differences(stock):
                lines += _last_words(ours) if ours.status else []
                break
        if not lines:
            shutil.rmtree(folder, ignore_errors=True)
        return "DIFFERENT" if lines else "equal", lines, facts

    def _save(self) -> None:
        if self.options.results:
            with open(self.options.results, "w", encoding="utf-8") as file:
                json.dump(self.results, file, indent=1, sort_keys=True)


def _program(target: Target, outcome: running.Outcome) -> str:
    """Return what a run says of a program that it needs and cannot start; empty if it says nothing."""
    if target.name in ASK_FOR_PROGRAMS:
        return ASK_FOR_PROGRAMS[target.name]
    printed = (outcome.stdout + outcome.stderr).splitlines()
    lines = [line for line in printed if any(words in line for words in _NO_PROGRAM)]
    return lines[0] if lines else ""


def _last_words(outcome: running.Outcome) -> list[str]:
    """Return what says most about why a run failed: its last failure that was not ignored, or its last line."""
    blocks = [" ".join(block.split()) for block in outcome.stdout.split("\n\n")]
    fatal = [
        block[block.index("fatal: [") :]
        for block in blocks
        if "fatal: [" in block and "...ignoring" not in block
    ]
    lines = [line for text in (outcome.stdout, outcome.stderr) for line in text.splitlines() if line.strip()]
    return (fatal or lines)[-1:]


def main() -> int:
    """Run what was asked for; returns 1 if a target differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--sdist", required=True)
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--mode", choices=running.MODES, default="hook")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--destructive", action="store_true")
    parser.add_argument("--results")
    parser.add_argument("--keep", metavar="FOLDER")
    options = parser.parse_args()
    options.python = os.path.abspath(options.python)
    with tempfile.TemporaryDirectory(prefix="downstream-", ignore_cleanup_errors=True) as temporary:
        # Where other accounts may go, too: some targets become one.
        os.chmod(temporary, 0o755)
        root = unpack(options.sdist, temporary)
        patterns = options.target or ["*"]
        chosen = [t for t in those_of(root) if any(fnmatchcase(t.name, pattern) for pattern in patterns)]
        run = Run(options, os.path.abspath(options.keep or temporary))
        with ThreadPoolExecutor(options.jobs) as pool:
            words = list(pool.map(run.judge, chosen))
    print(", ".join(f"{words.count(word)} {word}" for word in sorted(set(words))))
    return 1 if {"DIFFERENT", "error"} & set(words) else 0


if __name__ == "__main__":
    raise SystemExit(main())
