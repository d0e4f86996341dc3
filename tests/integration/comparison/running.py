"""Run compared programs in interpreters of their own, stock and hooked, and make what they wrote comparable."""

from __future__ import annotations

import ast
import contextlib
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
METHODS = ("fork", "spawn")
#: Variables of the calling environment that would change what the programs see.
DROPPED = ("PYTHON", "MPTHREAD_HOOK", "COVERAGE", "COV_CORE", "PYTEST", "COMPARE_")
#: Seconds for one case, and for one whole program.
CASE_LIMIT = 120
PROGRAM_LIMIT = 120
#: What makes the stock interpreter a hooked one; nothing else differs between the two.
STARTUP = {"stock": "", "hook": "import mpthread_hook\nmpthread_hook.enable()\n"}


@dataclass(frozen=True)
class Case:
    """One compared program: a function of a topic, or (topic "scripts") a file that is a whole program."""

    topic: str
    name: str
    promise: str
    methods: tuple[str, ...]

    @property
    def label(self) -> str:
        """Return how tests, rows and reports call it."""
        return f"{self.topic}.{self.name.removeprefix('case_')}"


@dataclass
class Outcome:
    """What a case did in one interpreter, made comparable."""

    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    status: str = ""
    #: For people: the dump of an interpreter that had to be ended, and what the case took.
    dump: str = ""
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return all that is compared, as lines."""
        return [
            *(f"out: {line}" for line in self.stdout),
            *(f"err: {line}" for line in self.stderr),
            f"status: {self.status}",
        ]


def differing(stock: Outcome, hook: Outcome) -> list[str]:
    """Return the lines that only one side has: "- " those of the stock package, "+ " those of the hook."""
    return [line for line in difflib.ndiff(stock.lines(), hook.lines()) if line[0] in "-+"]


# -- what there is ---------------------------------------------------------------------------------------


def _promise(node: ast.Module | ast.FunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").split())


def _methods(decorators: list[ast.expr]) -> tuple[str, ...]:
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "only":
            return tuple(str(ast.literal_eval(argument)) for argument in decorator.args)
    return METHODS


@cache
def cases() -> tuple[Case, ...]:
    """Return every compared program; the sources are read, not imported."""
    found = []
    for path in sorted((HERE / "programs").glob("[a-z]*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("case_"):
                methods = _methods(node.decorator_list)
                found.append(Case(path.stem, node.name, _promise(node), methods))
    for path in sorted((HERE / "scripts").glob("[a-z]*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        methods = METHODS
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "METHODS":
                methods = ast.literal_eval(node.value)
        found.append(Case("scripts", path.stem, _promise(tree), methods))
    return tuple(found)


def case_of(label: str) -> Case:
    """Return the case of a label."""
    return next(case for case in cases() if case.label == label)


# -- running -----------------------------------------------------------------------------------------------


def clean_environment() -> dict[str, str]:
    """Return this environment without what would reach into the interpreters under test."""
    return {key: value for key, value in os.environ.items() if not key.startswith(DROPPED)}


@cache
def interpreter() -> str:
    """Return the interpreter under test: the one that runs this, outside of its virtual environment."""
    return os.environ.get("COMPARISON_PYTHON") or getattr(sys, "_base_executable", "") or sys.executable


@cache
def version() -> tuple[int, int]:
    """Return the version of the interpreter under test."""
    code = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run(
        [interpreter(), "-I", "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    major, minor = told.stdout.split()
    return int(major), int(minor)


def _environment(side: str, method: str, folder: Path) -> dict[str, str]:
    site, temp = folder / "site", folder / "tmp"
    site.mkdir()
    temp.mkdir()
    (site / "sitecustomize.py").write_text(STARTUP[side], encoding="utf-8")
    return clean_environment() | {
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT / "src"), str(HERE)]),
        "MPTHREAD_HOOK": "0",  # no activation but the one that STARTUP asks for
        "COMPARE_METHOD": method,
        "TMPDIR": str(temp),
        "LC_ALL": "C.UTF-8",
    }


def _launch(command: list[str], folder: Path, environment: dict[str, str], limit: float) -> int | None:
    """Run an interpreter in a session of its own and end what is left of it; returns its status."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        child = subprocess.Popen(
            [interpreter(), *command],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=folder / "tmp",
            start_new_session=True,
            env=environment,
        )
        try:
            child.communicate(b"a line\nanother line\n", timeout=limit)
        except subprocess.TimeoutExpired:
            pass
        finally:
            status = child.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return status


def _read(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


def play(side: str, topic: str, method: str, names: list[str]) -> dict[str, Outcome]:
    """Play cases of one topic in as few interpreters as it takes; one that dies is followed by another."""
    outcomes: dict[str, Outcome] = {}
    left = list(names)
    while left:
        folder = Path(tempfile.mkdtemp(prefix="comparison-"))
        try:
            limit = min(CASE_LIMIT * len(left), 600)
            command = [str(HERE / "play.py"), topic, method, str(folder), str(CASE_LIMIT), *left]
            status = _launch(command, folder, _environment(side, method, folder), limit)
            ended: dict[str, str] = {}
            seconds: dict[str, float] = {}
            begun: list[str] = []
            for line in _read(folder / "facts").splitlines():
                fact = json.loads(line)
                if "begin" in fact:
                    begun.append(fact["begin"])
                else:
                    ended[fact["end"]] = f"left {', '.join(fact['left'])}" if fact["left"] else "nothing left"
                    seconds[fact["end"]] = fact["seconds"]
            for name in begun or left[:1]:
                text = [_normal(_read(folder / f"{name}.{kind}"), folder, True) for kind in ("out", "err")]
                died = f"the interpreter ended with status {status}"
                outcomes[name] = Outcome(*text, ended.get(name, died), "", seconds.get(name, CASE_LIMIT))
                if name not in ended:
                    outcomes[name].dump = (_read(folder / "dump") + _read(folder / "err"))[-20_000:]
            if status != 0 and begun and begun[-1] in ended and len(begun) == len(left):
                outcomes[begun[-1]].status += f", but the interpreter ended with status {status}"
                outcomes[begun[-1]].dump = (_read(folder / "dump") + _read(folder / "err"))[-20_000:]
            left = [name for name in left if name not in outcomes]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return outcomes


def run_script(side: str, name: str, method: str) -> Outcome:
    """Run one whole program."""
    folder = Path(tempfile.mkdtemp(prefix="comparison-"))
    try:
        command = [str(HERE / "scripts" / f"{name}.py")]
        status = _launch(command, folder, _environment(side, method, folder), PROGRAM_LIMIT)
        text = [_normal(_read(folder / kind), folder, False) for kind in ("out", "err")]
        return Outcome(*text, "stuck" if status is None else f"exit code {status}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Stage:
    """Plays topics when they are first asked for, the stock and the hooked side at the same time."""

    def __init__(self, chosen: dict[tuple[str, str], list[str]]) -> None:
        """Take the names of the cases of each topic and method that will be asked for."""
        self._chosen = chosen
        self._known: dict[tuple[str, str, str], dict[str, Outcome]] = {}

    def outcomes(self, case: Case, method: str) -> tuple[Outcome, Outcome]:
        """Return what a case did on the stock package and under the hook."""
        unit = case.name if case.topic == "scripts" else case.topic
        if ("stock", unit, method) not in self._known:
            with ThreadPoolExecutor(2) as pool:
                sides = {side: pool.submit(self._play, side, case, method) for side in STARTUP}
            for side, result in sides.items():
                self._known[side, unit, method] = result.result()
        return self._known["stock", unit, method][case.name], self._known["hook", unit, method][case.name]

    def _play(self, side: str, case: Case, method: str) -> dict[str, Outcome]:
        if case.topic == "scripts":
            return {case.name: run_script(side, case.name, method)}
        return play(side, case.topic, method, self._chosen[case.topic, method])


# -- making comparable -------------------------------------------------------------------------------------

_FRAME = re.compile(r'^([\s|]*)File "(?P<path>[^"]*)", line (?P<line>\d+)(?P<rest>.*)$')
# The stdlib's own frames below a child's target, and ours: how a child gets to its target is our own affair.
_INTERNAL = ("/multiprocessing/", "/mpthread_hook/", "/concurrent/futures/", "<frozen ")
_SHARED = (
    # In a shared interpreter the counters of default names depend on the cases before.
    (re.compile(r"\b(\w*Process|\w*PoolWorker|SyncManager)-\d+(:\d+)*"), r"\1-N"),
)
# Killed processes leave the system's named semaphores behind, which the stock package's tracker removes.
_LEAKED = re.compile(r".*UserWarning: resource_tracker: There appear to be.*\n *warnings\.warn\(.*\n")
# How a spawned interpreter is told to begin.
_SPAWN = re.compile(r' *File "<string>", line 1, in <module>\n(?:.*spawn_main\(.*\n(?: *[~^]+\n)?)?')
# Marks below a source line: which part they underline differs from version to version.
_MARKS = re.compile(r"^[ |]*[~^]+$")
_PATH = re.compile(r"/\S*/(\w+\.py)")
_ALWAYS = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x…"),
    (re.compile(r"\b(pid|parent)=\d+"), r"\1=…"),
    (re.compile(r"\(pid \d+\)"), "(pid …)"),
    # A warning out of the machinery: where it was given is our own affair.
    (
        re.compile(r"^\S*/(?:multiprocessing|mpthread_hook)/\S*:\d+: (\w+:.*)(?:\n  .*)?$", re.MULTILINE),
        r"\1",
    ),
)


def _normal(text: str, folder: Path, shared: bool) -> list[str]:
    """Return the lines of an output without what differs from run to run, and without internal frames."""
    text = _SPAWN.sub("", _LEAKED.sub("", text.replace(str(folder), "<folder>")))
    for pattern, new in _ALWAYS + (_SHARED if shared else ()):
        text = pattern.sub(new, text)
    lines: list[str] = []
    skipping = -1
    for line in text.splitlines():
        frame = _FRAME.match(line)
        if frame is not None:
            indent = len(frame[1])
            skipping = indent if any(part in frame["path"] for part in _INTERNAL) else -1
            if skipping < 0:
                lines.append(
                    f'{frame[1]}File "{Path(frame["path"]).name}", line {frame["line"]}{frame["rest"]}'
                )
        elif skipping >= 0 and len(line) - len(line.lstrip(" |")) > skipping:
            continue
        else:
            skipping = -1
            lines.append(_PATH.sub(r"\1", line))
    # A traceback that has lost all its frames has lost its meaning: whether it is announced does not matter.
    following = [*lines[1:], ""]
    return [
        line
        for line, after in zip(lines, following, strict=False)
        if not _MARKS.match(line)
        if not line.endswith("Traceback (most recent call last):") or _FRAME.match(after)
    ]
