"""Compare mpthread_hook with processes and with raw threads: ``python -m tests.benchmarks [NAME ...]``.

The same program text runs in several worlds (see `worlds`), each in an interpreter of its own, which take
turns.  Printed are medians; ratios are of the hook to the others, with the quartiles of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from typing import Any

from . import taking_turns
from .chart import draw
from .programs import ALL, load
from .targets import TARGETS

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def shown(value: float, unit: str) -> str:
    """Return a figure for reading."""
    if unit != "s":
        return f"{value:.0f} {unit}"
    scale, name = next((entry for entry in _UNITS if value >= entry[0]), _UNITS[-1])
    return f"{value / scale:.3g} {name}"


def ratio(found: dict[str, Any], against: str) -> dict[str, float] | None:
    """Return the ratio of the hook to another world, with the spread of both; None where one is missing."""
    ours, other = found.get("hook", {}), found.get(against, {})
    if not ours.get("rounds") or not other.get("rounds") or other["median"] <= 0:
        return None
    return {
        "ratio": ours["median"] / other["median"],
        "low": ours["low"] / other["high"] if other["high"] else 0.0,
        "high": ours["high"] / other["low"] if other["low"] > 0 else 0.0,
        # Of the best round of each: what is left when nobody else was on the machine.
        "best": ours["best"] / other["best"] if other["best"] > 0 else 0.0,
    }


def run(names: list[str], options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Measure and print one line a program; return everything."""
    results: dict[str, Any] = {}
    for name in names:
        if name in taking_turns.STARTS:
            text, unit = taking_turns.STARTS[name][0], "s"
            found = taking_turns.measure_start(options.python, name, options.rounds)
        else:
            text, unit = known[name].text, known[name].unit
            worlds = tuple(world for world in known[name].worlds if world in options.worlds)
            rounds = options.rounds if unit == "s" else 1
            found = taking_turns.measure(options.python, name, worlds, rounds, options.round)
        ratios = {world: value for world in ALL if world != "hook" and (value := ratio(found, world))}
        results[name] = {"text": text, "unit": unit, "worlds": found, "ratios": ratios}
        line = "  ".join(
            f"{world} {'FAILED' if 'failed' in entry else shown(entry['median'], unit)}"
            + (f" x{ratios[world]['ratio']:.3g}" if world in ratios else "")
            for world in ALL
            if (entry := found.get(world))
        )
        print(f"{name:28} {line}", flush=True)
        for world, entry in found.items():
            if "failed" in entry:
                print(f"    {world}: {entry['failed'].strip()[-300:]}", file=sys.stderr)
    return results


def load_results(path: str) -> dict[str, Any]:
    """Return the results that were written by an earlier run."""
    with open(path, encoding="utf-8") as file:
        results: dict[str, Any] = json.load(file)["results"]
    for entry in results.values():
        worlds = entry["worlds"]
        entry["ratios"] = {
            world: value for world in worlds if world != "hook" and (value := ratio(worlds, world))
        }
    return results


def judge(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each target that was measured, with what was."""
    judged = []
    for target in TARGETS:
        entry = results.get(target.program)
        if entry is None:
            continue
        if target.against:
            value = entry["ratios"].get(target.against)
        else:
            ours = entry["worlds"].get("hook", {})
            words = ("ratio", "median"), ("low", "low"), ("high", "high"), ("best", "best")
            value = {key: ours[word] for key, word in words} if "median" in ours else None
        if value is not None:
            judged.append(
                {**target._asdict(), **value, "met": value["ratio"] <= target.most, "text": entry["text"]}
            )
    return judged


def chart_of(results: dict[str, Any], judged: list[dict[str, Any]]) -> str:
    """Draw what was compared with stock's fork."""
    most = {entry["program"]: entry["most"] for entry in judged if entry["against"] == "fork"}
    rows = [
        (entry["text"], value["ratio"], value["low"], value["high"], most.get(name))
        for name, entry in results.items()
        if (value := entry["ratios"].get("fork")) and not name.startswith(("size.", "beside."))
    ]
    return draw("Cost with mpthread_hook, where the stock multiprocessing (fork) costs 1", rows)


def table_of(judged: list[dict[str, Any]]) -> str:
    """Return the targets as a Markdown table."""
    lines = [
        "| what | compared with | at most | medians | quartiles | best rounds |",
        "|---|---|---|---|---|---|",
    ]
    for entry in judged:
        note = f" ({entry['note']})" if entry["note"] else ""
        verdict = "" if entry["met"] else " **missed**"
        lines.append(
            f"| {entry['text']}{note} | {entry['against'] or 'its unit'} | {entry['most']:g} "
            f"| {entry['ratio']:.3g}{verdict} | {entry['low']:.3g} to {entry['high']:.3g} | {entry['best']:.3g} |"
        )
    return "\n".join(lines) + "\n"


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="patterns of program names; default: all")
    parser.add_argument("--rounds", type=int, default=31, help="rounds of each world")
    parser.add_argument("--round", type=float, default=0.0, help="length of a round in seconds")
    parser.add_argument("--worlds", default=",".join(ALL), type=lambda text: tuple(text.split(",")))
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure")
    parser.add_argument("--json", help="file to write everything to")
    parser.add_argument("--svg", help="file to draw the chart to")
    parser.add_argument("--load", help="measure nothing: take the JSON that was written before")
    parser.add_argument("--markdown", help="file to write the table of targets to")
    parser.add_argument("--list", action="store_true", help="list the programs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; returns 1 if a world failed."""
    options = options_of(arguments)
    known = load()
    names = [
        name
        for name in [*taking_turns.STARTS, *known]
        if not options.names or any(re.search(pattern, name) for pattern in options.names)
    ]
    if options.list:
        for name in names:
            print(f"{name:28} {known[name].text if name in known else taking_turns.STARTS[name][0]}")
        return 0
    results = load_results(options.load) if options.load else run(names, options, known)
    judged = judge(results)
    print()
    for entry in judged:
        verdict = "met   " if entry["met"] else "MISSED"
        spread = f"({entry['low']:.3g} to {entry['high']:.3g}; best rounds {entry['best']:.3g})"
        against = entry["against"] or "its unit"
        print(
            f"{verdict} {entry['program']:28} {entry['ratio']:9.3g} {spread} of {against}, at most {entry['most']:g}"
        )
    if options.json:
        machine = {
            "python": platform.python_version(),
            "system": platform.system(),
            "processors": os.cpu_count(),
        }
        machine["implementation"] = platform.python_implementation()
        everything = {"machine": machine, "results": results, "targets": judged}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(table_of(judged))
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(chart_of(results, judged))
    return int(any("failed" in entry for item in results.values() for entry in item["worlds"].values()))


if __name__ == "__main__":
    raise SystemExit(main())
