"""How long plays take under the hook, against stock Ansible: ``python -m tests.benchmarks.ansible``.

* ``ping``: 10 hosts x 10 times the module ping, run in the process, against stock's local connection.
* ``debug``: 50 hosts x 10 debug tasks, no module at all, against stock.

Runs of both are interleaved, so that what else the machine does falls on both; the figure is the ratio of the
medians: how many times faster than stock.  Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from statistics import median
from typing import Any

PLAYS = {"ping": (10, 10), "debug": (50, 10)}
TASK = {
    "ping": "    - ping:\n",
    "debug": "    - debug: {msg: '{{ inventory_hostname }}'}\n",
}


def write(folder: str, name: str) -> tuple[str, str]:
    """Write the playbook and the inventory of a benchmark; return their paths."""
    hosts, times = PLAYS[name]
    play, inventory = os.path.join(folder, f"{name}.yml"), os.path.join(folder, f"{name}.ini")
    with open(play, "w", encoding="utf-8") as file:
        file.write("- hosts: all\n  gather_facts: false\n  tasks:\n" + TASK[name] * times)
    with open(inventory, "w", encoding="utf-8") as file:
        file.write("".join(f"h{number:02}\n" for number in range(hosts)))
        file.write("[all:vars]\nansible_connection=local\n")
        file.write('ansible_python_interpreter="{{ ansible_playbook_python }}"\n')
    return play, inventory


def once(name: str, folder: str, *, hooked: bool) -> tuple[float, float]:
    """Play once; return seconds of wall and of processor time.  A run that lost output is an error."""
    hosts, times = PLAYS[name]
    play, inventory = write(folder, name)
    how = ["-m", "mpthread_hook", "run"] if hooked else []
    settings = ("ANSIBLE_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONOPTIMIZE")
    env = {key: value for key, value in os.environ.items() if not key.startswith(settings)}
    env.update(HOME=folder, ANSIBLE_HOME=folder, ANSIBLE_NOCOWS="1", ANSIBLE_REMOTE_TMP=f"{folder}/remote")
    if hooked and name == "ping":
        env["MPTHREAD_HOOK_ANSIBLE_MODULES"] = "in-process"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *how, "-m", "ansible", "playbook", "-f", str(min(hosts, 10)), "-i", inventory, play],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = sum(line.startswith("ok: [") for line in done.stdout.splitlines())
    if done.returncode or lines != hosts * times:
        said = f"{done.stdout}\n{done.stderr}"
        raise RuntimeError(f"status {done.returncode}, {lines} results, not {hosts * times}:\n{said}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(name: str, runs: int) -> dict[str, Any]:
    """Run a benchmark interleaved; return medians and ratios."""
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        once(name, folder, hooked=True)  # fills the caches of compiled files
        once(name, folder, hooked=False)
        for _ in range(runs):
            for hooked in (False, True):
                times[hooked].append(once(name, folder, hooked=hooked))
    found: dict[str, Any] = {"hosts": PLAYS[name][0], "tasks": PLAYS[name][1], "runs": runs}
    for number, what in enumerate(("wall", "cpu")):
        stock, hook = (median(run[number] for run in times[hooked]) for hooked in (False, True))
        found[what] = {"stock_s": round(stock, 3), "hook_s": round(hook, 3), "ratio": round(stock / hook, 2)}
    return found


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(
        json.dumps(
            {
                "python": sys.version.split()[0],
                "ansible-core": version("ansible-core"),
                "processors": os.cpu_count(),
                "ratios": "stock / hook, of medians",
                **{name: measure(name, options.runs) for name in options.names or PLAYS},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
