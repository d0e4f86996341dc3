"""Run a play with stock Ansible or under the hook, in the sandbox or not, and compare what came of it.

An outcome is never the exit status alone: a run that lost its output exits 0.  It is the recap of every
host, how many result lines of each kind were printed, every line of the output but for what differs from
run to run, the files left on disk, what the web server was asked, and what was left in Ansible's own
temporary folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.system.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
PLAYS = os.path.join(HERE, "plays")
SANDBOX = os.path.join(os.path.dirname(HERE), "sandbox.py")

#: How a run is started: stock, under the hook, or under the hook where no process can be created.
STOCK = (sys.executable,)
HOOKED = (sys.executable, "-m", "mpthread_hook", "run")
SANDBOXED = (sys.executable, SANDBOX, "-m", "mpthread_hook", "run")


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a comparison is; the environment makes it larger (see `from_environment`)."""

    hosts: int
    forks: int
    repeats: int

    @classmethod
    def from_environment(cls, hosts: int, forks: int, repeats: int = 1) -> Size:
        """Take PLAY_HOSTS, PLAY_FORKS and PLAY_REPEATS in place of the defaults given."""
        ask = os.environ.get
        return cls(
            int(ask("PLAY_HOSTS", hosts)), int(ask("PLAY_FORKS", forks)), int(ask("PLAY_REPEATS", repeats))
        )


@dataclasses.dataclass
class Outcome:
    """What came of a run."""

    status: int
    recap: dict[str, str]
    kinds: Counter[str]
    lines: Counter[str]
    files: dict[str, str]
    asked: Counter[str]
    left: list[str]
    stdout: str = dataclasses.field(repr=False)
    stderr: str = dataclasses.field(repr=False)

    def out_of_step(self) -> Outcome:
        """Return what a run of the same play would be in which every host goes on as it can."""
        banners = {line for line in self.lines if _BANNER.match(line)}
        lines = Counter({line: count for line, count in self.lines.items() if line not in banners})
        kinds = Counter({kind: count for kind, count in self.kinds.items() if not _BANNER.match(kind + " [")})
        return dataclasses.replace(self, lines=lines, kinds=kinds)

    def differences(self, other: Outcome) -> list[str]:
        """Say how this outcome differs from ``other``; empty when they are equal."""
        found = []
        if self.status != other.status:
            found.append(f"exit status {self.status}, not {other.status}")
        for host in sorted(self.recap.keys() | other.recap.keys()):
            mine, theirs = self.recap.get(host), other.recap.get(host)
            if mine != theirs:
                found.append(f"recap of {host}: {mine}, not {theirs}")
        for name in ("kinds", "lines", "asked"):
            mine, theirs = getattr(self, name), getattr(other, name)
            found += [f"{name}: {count} more: {key[:300]}" for key, count in (mine - theirs).items()]
            found += [f"{name}: {count} fewer: {key[:300]}" for key, count in (theirs - mine).items()]
        for path in sorted(self.files.keys() | other.files.keys()):
            mine, theirs = self.files.get(path), other.files.get(path)
            if mine != theirs:
                found.append(f"file {path}: {mine}, not {theirs}")
        if self.left != other.left:
            found.append(f"left in Ansible's temporary folder: {self.left}, not {other.left}")
        return found


def write_inventory(path: Path, hosts: int) -> None:
    """Write an inventory of ``hosts`` hosts h00, h01 … in two groups, each with variables of its own."""
    groups: dict[str, list[str]] = {"even": [], "odd": []}
    for number in range(hosts):
        groups["odd" if number % 2 else "even"].append(f"h{number:02} number={number}")
    text = "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in groups.items())
    text += "".join(f"[{name}:vars]\nkind={name}\n" for name in groups)
    text += "[all:vars]\nansible_connection=local\n"
    text += 'ansible_python_interpreter="{{ ansible_playbook_python }}"\n'
    path.write_text(text, encoding="utf-8")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a run: a home of its own, nothing of the caller's Ansible settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PLAY_"))}
    env.update(HOME=str(home), PLAY_WORD="word", LC_ALL="C.UTF-8", **more)
    return env


def play(
    name: str,
    how: tuple[str, ...],
    folder: Path,
    size: Size,
    *,
    strategy: str = "linear",
    limit: float = 600,
    options: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
    hosts: Callable[[Path, int], None] = write_inventory,
) -> Outcome:
    """Run the play ``name`` from the folder of plays; ``folder`` is new and takes all that the run writes."""
    root, home = folder / "root", folder / "home"
    root.mkdir(parents=True)
    remote = home / "remote"
    remote.mkdir(parents=True)
    inventory = folder / "inventory"
    hosts(inventory, size.hosts)
    with Web() as web:
        command = [*how, "-m", "ansible", "playbook", "-i", str(inventory), "-f", str(size.forks)]
        variables = json.dumps({"root": str(root), **web.variables()})
        done = subprocess.run(
            [*command, *options, "-e", variables, f"{name}.yml"],
            cwd=PLAYS,
            env=environment(
                home,
                ANSIBLE_STRATEGY=strategy,
                ANSIBLE_HOME=str(home / "ansible"),
                ANSIBLE_REMOTE_TMP=str(remote),
                ANSIBLE_ASYNC_DIR=str(home / "async"),
                **(env or {}),
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        asked = Counter(web.seen)
        port = web.variables()["web_port"]
    (folder / "stdout").write_text(done.stdout, encoding="utf-8")
    (folder / "stderr").write_text(done.stderr, encoding="utf-8")
    swap = {str(folder): "FOLDER", f"127.0.0.1:{port}": "SERVER"}
    return Outcome(
        status=done.returncode,
        recap=recap(done.stdout),
        kinds=kinds(done.stdout, in_step=strategy == "linear"),
        lines=lines(done.stdout, swap, in_step=strategy == "linear"),
        files=manifest(root),
        asked=asked,
        left=_left(home),
        stdout=done.stdout,
        stderr=done.stderr,
    )


_RECAP = re.compile(r"^(\S+)\s+: (ok=.*?)\s*$", re.MULTILINE)
# Banners come once per task and group of hosts, so their number is the play's only when all go in step;
# polls are counted by the clock.
_KIND = re.compile(
    r"^(ok|changed|skipping|failed|fatal|included|unreachable"
    r"|FAILED - RETRYING)\b"
)
_BANNER = re.compile(r"^(TASK|RUNNING HANDLER|PLAY|PLAY RECAP|NO MORE HOSTS LEFT) ?\[?")
# One line for as many hosts as happened to be there: counted per host.
_INCLUDED = re.compile(r"^included: (?P<what>.*) for (?P<hosts>[^=]*?)(?P<item> => .*)?$", re.MULTILINE)
_CLOCKED = re.compile(r"^(ASYNC POLL|ASYNC OK|ASYNC FAILED|FAILED - RETRYING: \[\w+\]: Poll)")
# What differs from one run to the next, in values that plays print.
_CHANGING = (
    (re.compile(r"\.ansible_tmp[a-z0-9_]{8}"), "TEMPORARY"),
    (re.compile(r"ansible-moduletmp-[\d.]+-\w{8}"), "TMP"),  # named so where modules are pipelined
    (re.compile(r"ansible-tmp-[\d.]+-\d+-\d+"), "TMP"),
    (re.compile(r"\b[jJ]?\d{10,}\.\d+\b"), "JOB"),
    (re.compile(r" at 0x[0-9a-f]+"), ""),
    (re.compile(r"\btmp[a-z0-9_]{8}\b"), "TEMPORARY"),
    (re.compile(r'("(?:date|start|end|delta|elapsed|atime|mtime|ctime|inode)": )("[^"]*"|[\d.]+)'), r"\1…"),
    # Frames of a traceback, as JSON: a script that is a file elsewhere is read from standard input here.
    (re.compile(r"Traceback \(most recent call last\):(?:\\n +(?:(?!\\n).)*)*"), "Traceback"),
    (re.compile(r'"frame": "Interrupted at [^"]*"'), '"frame"'),
)


def _per_host(stdout: str) -> str:
    def expand(line: re.Match[str]) -> str:
        hosts = line["hosts"].split(", ")
        return "\n".join(f"included: {line['what']} for {host}{line['item'] or ''}" for host in hosts)

    return _INCLUDED.sub(expand, stdout)


def recap(stdout: str) -> dict[str, str]:
    """Return the recap: the counts of each host, as printed but for the width of the columns."""
    tail = stdout.rpartition("PLAY RECAP")[2]
    return {host: " ".join(counts.split()) for host, counts in _RECAP.findall(tail)}


def kinds(stdout: str, *, in_step: bool) -> Counter[str]:
    """Count the result lines of each kind."""
    counts: Counter[str] = Counter()
    for line in _per_host(stdout).splitlines():
        found = (not _CLOCKED.match(line) and _KIND.match(line)) or (in_step and _BANNER.match(line)) or None
        if found:
            counts[found[1]] += 1
        elif line.startswith("...ignoring"):
            counts["...ignoring"] += 1
    return counts


def lines(stdout: str, swap: dict[str, str], *, in_step: bool) -> Counter[str]:
    """Count the lines of the output, with what differs from run to run replaced."""
    for old, new in swap.items():
        stdout = stdout.replace(old, new)
    for pattern, replacement in _CHANGING:
        stdout = pattern.sub(replacement, stdout)
    return Counter(
        line.rstrip()
        for line in _per_host(stdout).splitlines()
        if line.strip() and not _CLOCKED.match(line) and (in_step or not _BANNER.match(line))
    )


def _left(home: Path) -> list[str]:
    folders = [home / "remote", home / "async", home / "ansible" / "tmp"]
    return sorted(
        f"{folder.name}/{name}" for folder in folders if folder.exists() for name in os.listdir(folder)
    )


def manifest(root: Path) -> dict[str, str]:
    """Return every path under ``root`` with its type, mode, links and the sum of its content."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_dir():
            found[name] = f"directory {info.st_mode:o}"
        elif "pw-" in name:
            found[name] = f"file {info.st_mode:o}, random"  # the password lookup invents its content
        else:
            content = path.read_bytes().replace(str(root).encode(), b"ROOT")
            digest = hashlib.sha256(content).hexdigest()[:16]
            found[name] = f"file {info.st_mode:o} links {info.st_nlink} {digest}"
    return found
