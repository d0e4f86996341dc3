"""Run test classes in interpreters of their own and gather what they tell."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import hidden, plan

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSIDE = HERE / "inside"
#: Variables of the calling environment that would change what the suites see.
DROPPED = ("PYTHON", "MPTHREAD_HOOK", "COVERAGE", "COV_CORE", "PYTEST")

_PROBE = """
import json, sys, sysconfig
print(json.dumps({
 "prefix": sys.base_prefix, "executable": getattr(sys, "_base_executable", "") or sys.executable,
 "version": list(sys.version_info[:3]), "text": sys.version, "stdlib": sysconfig.get_path("stdlib"),
 "dynload": next((p for p in sys.path if p.endswith("lib-dynload")), "")}))
"""


@dataclass(frozen=True)
class Mode:
    """How the interpreters of a run start: stock or hooked, how activated, whether C modules are hidden."""

    hook: bool
    activation: str = "site"
    hidden: bool = False


@dataclass
class ClassRun:
    """What one class did: the outcome of each test, the processes that were made, how it ended."""

    outcomes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    processes: list[dict[str, Any]] = field(default_factory=list)
    outside: dict[str, list[str]] = field(default_factory=dict)
    total: float = 0.0
    output: str = ""

    def add(self, test: str, run: ClassRun) -> None:
        """Take over a test that was run in an interpreter of its own, and not how that interpreter ended."""
        for mine, theirs in (
            (self.outcomes, run.outcomes),
            (self.details, run.details),
            (self.seconds, run.seconds),
            (self.outside, run.outside),
        ):
            if test in theirs:
                mine[test] = theirs[test]  # type: ignore[index]
        self.processes += run.processes
        self.total += run.total
        self.output = (self.output + run.output)[-20_000:]


class Interpreter:
    """One Python under test: what it is, and which classes its suites have."""

    def __init__(self, executable: str, work: Path) -> None:
        """Ask the interpreter who it is; a virtual environment stands for its base."""
        facts = json.loads(
            subprocess.run(
                [executable, "-c", _PROBE],
                check=True,
                capture_output=True,
                text=True,
                env=clean_environment(),
                timeout=60,
            ).stdout
        )
        self.executable, self.prefix = str(facts["executable"]), str(facts["prefix"])
        self.version: tuple[int, int] = (facts["version"][0], facts["version"][1])
        self.label = ".".join(map(str, facts["version"]))
        self.stdlib, self.dynload = str(facts["stdlib"]), str(facts["dynload"])
        self.key = hashlib.sha256(
            f"{os.path.realpath(self.executable)}\n{facts['text']}".encode()
        ).hexdigest()[:16]
        self.work = work
        self._site: dict[Mode, tuple[Path, str]] = {}
        self._making = threading.Lock()

    def site(self, mode: Mode) -> tuple[Path, str]:
        """Return the folder of the start-up file for a mode, and the PYTHONHOME, made when asked first."""
        with self._making:
            if mode not in self._site:
                folder = self.work / f"site-{self.label}-{len(self._site)}"
                folder.mkdir()
                home, startup = self.prefix, "conformance_watch.install()\n"
                if mode.hidden:
                    made, lent = hidden.make_home(folder, self.prefix, self.stdlib, self.dynload)
                    home, startup = str(made), hidden.STARTUP.format(path=lent)
                if mode.hook and mode.activation == "enable":
                    startup += "import mpthread_hook\nmpthread_hook.enable()\n"
                (folder / "sitecustomize.py").write_text(
                    "import conformance_watch\n" + startup, encoding="utf-8"
                )
                self._site[mode] = folder, home
            return self._site[mode]

    def environment(self, mode: Mode, log: Path, temp: Path) -> dict[str, str]:
        """Return the environment of a run; PYTHONHOME keeps script_helper from isolating its children."""
        folder, home = self.site(mode)
        path = [str(folder), str(INSIDE)]
        if mode.hook:
            # Ours chains to the next sitecustomize on the path, which is the run's own.
            ours = [str(ROOT)] if mode.activation == "site" else []
            path = [*ours, str(ROOT / "src"), *path]
        return (
            clean_environment()
            | {
                "PYTHONHOME": home,
                "PYTHONPATH": os.pathsep.join(path),
                "CONFORMANCE_LOG": str(log),
                "TMPDIR": str(temp),
                "LC_ALL": "C.UTF-8",
            }
            | ({"MPTHREAD_HOOK": "1"} if mode.hook and mode.activation == "site" else {})
        )


def clean_environment() -> dict[str, str]:
    """Return this environment without what would reach into the interpreters under test."""
    return {k: v for k, v in os.environ.items() if not k.startswith(DROPPED)}


#: Process groups of the interpreters that run now; each was started here, as a session of its own.
_groups: set[int] = set()


def end_group(group: int) -> None:
    """End an interpreter under test and what it left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    _groups.discard(group)


def end_all() -> None:
    """End every interpreter under test, for a harness that is itself told to end."""
    for group in list(_groups):
        end_group(group)


def _launch(
    python: Interpreter, mode: Mode, job: dict[str, Any], limit: float
) -> tuple[list[dict[str, Any]], str]:
    """Run one job; return the facts it told and what it printed (with the dump of a hang)."""
    scratch = Path(tempfile.mkdtemp(prefix="r", dir=python.work))
    log, dump, out = scratch / "log", scratch / "dump", scratch / "out"
    (scratch / "t").mkdir()
    (scratch / "job").write_text(
        json.dumps({"hook": mode.hook, "enable": False, "modules": [], "dump": str(dump), **job}),
        encoding="utf-8",
    )
    command = [
        python.executable,
        "-X",
        "faulthandler",
        str(INSIDE / "conformance_child.py"),
        str(scratch / "job"),
    ]
    try:
        with out.open("wb") as stream:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=scratch / "t",
                start_new_session=True,
                env=python.environment(mode, log, scratch / "t"),
            )
            _groups.add(child.pid)
            try:
                status: int | None = child.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                end_group(child.pid)
                child.wait()
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        facts = [json.loads(line) for line in lines]
        text = out.read_text("utf-8", "replace")
        if dump.exists():
            text += dump.read_text("utf-8", "replace")
        return [*facts, {"kind": "exit", "status": status, "child": child.pid}], text
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def discover(python: Interpreter, suite: plan.Suite) -> tuple[dict[str, tuple[str, list[str]]], str]:
    """Return {class: (module, tests)} of a suite on the stock package, or why the suite is absent."""
    reason = ""
    for modules in suite.modules:
        facts, text = _launch(python, Mode(hook=False), {"modules": list(modules)}, 120)
        absent = [f["detail"] for f in facts if f["kind"] == "absent"]
        if absent:
            reason = reason or absent[0]
            continue
        found = {}
        for fact in (f for f in facts if f["kind"] == "classes"):
            module, last = fact["module"], fact["module"].rpartition(".")[2]
            for name, tests in fact["classes"].items():
                kept = [t for t in tests if suite.holds(f"{name}.{t}")]
                if kept:
                    found[f"{last}.{name}" if suite.qualified else name] = (module, kept)
        if not found:
            raise RuntimeError(f"no class found in {modules}: {text[-2000:]}")
        return found, ""
    return {}, reason


def run_class(
    python: Interpreter, mode: Mode, module: str, name: str, tests: list[str], test_limit: float
) -> ClassRun:
    """Run the tests of one class; after a hang or crash go on with the rest in a fresh interpreter."""
    result, left = ClassRun(), list(tests)
    for _ in range(plan.RESTARTS):
        job = {
            "module": module,
            "class": name.rpartition(".")[2],
            "tests": left,
            "test_limit": test_limit,
            "class_limit": plan.CLASS_LIMIT,
        }
        facts, text = _launch(python, mode, job, plan.CLASS_LIMIT + 90)
        hung = _gather(result, facts, text)
        if mode.hook:
            _outside(result, facts)
        result.output = (result.output + text)[-20_000:]
        left = [t for t in left if t not in result.outcomes]
        if not left or hung is None:
            break
    fixtures = "\n".join(f"{k}: {v}" for k, v in result.details.items() if "(" in k)
    for test in left:
        result.outcomes[test], result.details[test] = "not run", fixtures or result.output[-3000:]
    return result


def _gather(result: ClassRun, facts: list[dict[str, Any]], text: str) -> str | None:
    """Add one interpreter's facts to the result; return the test that it did not end, if any."""
    test, began, done = "<import>", 0.0, False
    for fact in facts:
        kind = fact["kind"]
        if kind == "begin":
            test, began = fact["test"], fact["t"]
        elif kind == "end":
            result.outcomes[fact["test"]] = fact["outcome"]
            result.seconds[fact["test"]] = round(fact["t"] - began, 2)
            if fact["detail"]:
                result.details[fact["test"]] = fact["detail"]
            test = "<between tests>" if fact["test"] != "<import>" else "<import>"
        elif kind == "process":
            fact["test"] = test
            result.processes.append({k: fact[k] for k in ("test", "event", "by", "who")})
        elif kind == "unfit":
            result.outcomes["<start>"], result.details["<start>"] = "error", fact["detail"]
            return None
        elif kind == "done":
            done, test = True, "<exit>"
    times = [f["t"] for f in facts if "t" in f]
    result.total += round(max(times) - min(times), 2) if times else 0.0
    status = facts[-1]["status"]
    if result.outcomes.get("<import>") or (done and status == 0):
        return None
    hang = status is None or "Timeout (" in text
    result.outcomes[test] = "hung" if hang else f"ended with status {status}"
    result.details[test] = text[-12_000:]
    return None if done else test


def _outside(result: ClassRun, facts: list[dict[str, Any]]) -> None:
    """Note the launched Pythons that the hook did not reach: such a test shows nothing of us."""
    began = {f["pid"]: f for f in facts if f["kind"] == "interpreter"}
    unhooked = {f["pid"] for f in facts if f["kind"] in ("imports", "leaves") and not f["hooked"]}
    for fact in facts:
        argv = fact.get("argv") or [""]
        if fact["kind"] != "process" or "python" not in os.path.basename(argv[0]):
            continue
        if "child" in fact:
            pid = fact["child"] if fact["child"] in began else None
        else:  # posix_spawn tells no pid: the child is the one of these words
            pid = next((p for p, f in began.items() if f["ppid"] == fact["pid"] and f["argv"] == argv), None)
        if pid is None or pid in unhooked:
            result.outside.setdefault(fact["test"], []).append(" ".join(argv)[:200])
    if not result.outside.get("<start>") and facts[-1]["child"] in unhooked:
        result.outside["<start>"] = ["the test interpreter itself"]


class Cache:
    """The stock package's outcomes on this machine, kept in the temporary folder, never committed."""

    def __init__(self, python: Interpreter, refresh: bool = False) -> None:
        """Open the cache of one interpreter; `refresh` forgets what is in it."""
        folder = Path(
            os.environ.get("CONFORMANCE_CACHE") or Path(tempfile.gettempdir()) / "mpthread-conformance"
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{python.label}-{python.key}.json"
        self.data: dict[str, Any] = {"classes": {}, "runs": {}}
        if self.path.exists() and not refresh:
            self.data = json.loads(self.path.read_text(encoding="utf-8"))

    def save(self) -> None:
        """Write the cache in one step, so that a broken run leaves the old one."""
        part = self.path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(self.data), encoding="utf-8")
        part.replace(self.path)

    def classes(self, python: Interpreter, suite: plan.Suite) -> tuple[dict[str, tuple[str, list[str]]], str]:
        """Return what `discover` finds, asking the interpreter once."""
        if suite.name not in self.data["classes"]:
            self.data["classes"][suite.name] = discover(python, suite)
        found, reason = self.data["classes"][suite.name]
        return found, reason

    def get(self, suite: str, name: str, tests: list[str]) -> ClassRun | None:
        """Return a kept run if it holds all the tests."""
        kept = self.data["runs"].get(f"{suite}/{name}")
        if kept is None or not set(tests) <= set(kept["outcomes"]):
            return None
        return ClassRun(**kept)

    def put(self, suite: str, name: str, run: ClassRun) -> None:
        """Keep a run."""
        self.data["runs"][f"{suite}/{name}"] = asdict(run)


def default_python() -> str:
    """Return the interpreter that runs this."""
    return sys.executable
