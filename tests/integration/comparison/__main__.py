"""``python -m tests.integration.comparison``: play cases by hand and see what differs.

``[--stock | --hook] [--method fork|spawn] [--repeat N] [--show] [PATTERN…]``: a pattern is a label with
wildcards (``stopping.*``). With ``--stock`` or ``--hook`` one side only is played, ``--repeat`` compares it
with itself, which finds programs that are not deterministic. ``--list`` names the cases.
"""

from __future__ import annotations

import argparse
import time
from fnmatch import fnmatchcase

from . import running
from .differences import agree, row_for


def _chosen(patterns: list[str], methods: list[str]) -> dict[tuple[str, str], list[running.Case]]:
    chosen: dict[tuple[str, str], list[running.Case]] = {}
    for case in running.cases():
        if any(fnmatchcase(case.label, pattern) for pattern in patterns):
            for method in methods:
                if method in case.methods:
                    chosen.setdefault((case.topic, method), []).append(case)
    return chosen


def _play(side: str, topic: str, method: str, found: list[running.Case]) -> dict[str, running.Outcome]:
    if topic == "scripts":
        return {case.name: running.run_script(side, case.name, method) for case in found}
    return running.play(side, topic, method, [case.name for case in found])


def main() -> int:
    """Play what was asked for; returns the number of cases that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--hook", action="store_true")
    parser.add_argument("--method", action="append", choices=running.METHODS)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = _chosen(options.patterns, options.method or list(running.METHODS))
    if options.list:
        print(*sorted({case.label for found in chosen.values() for case in found}), sep="\n")
        return 0
    first, second = ("hook", "hook") if options.hook else ("stock", "stock" if options.stock else "hook")
    wrong = 0
    for (topic, method), found in chosen.items():
        began = time.monotonic()
        base = other = _play(first, topic, method, found)
        for _ in range(options.repeat if first != second else options.repeat - 1):
            other = _play(second, topic, method, found)
            for case in found:
                lines = running.differing(base[case.name], other[case.name])
                row = row_for(case.label, method, running.version()) if first != second else None
                if lines if row is None else not agree(row[1], lines):
                    wrong += 1
                    print(f"\n*** {case.label} [{method}]{' (row ' + row[0].key + ')' if row else ''}")
                    print(*lines, sep="\n")
                    if options.show:
                        print(base[case.name].dump, other[case.name].dump)
        if options.show:
            for case in found:
                print(f"\n--- {case.label} [{method}] {first}", *base[case.name].lines(), sep="\n")
        slow = [
            f"{c.name} {base[c.name].seconds:g}/{other[c.name].seconds:g} s"
            for c in found
            if max(base[c.name].seconds, other[c.name].seconds) > 3
        ]
        if slow:
            print("slow:", ", ".join(slow))
        print(f"{topic} [{method}]: {len(found)} cases, {time.monotonic() - began:.1f} s", flush=True)
    print(f"{wrong} differ")
    return min(wrong, 100)


if __name__ == "__main__":
    raise SystemExit(main())
