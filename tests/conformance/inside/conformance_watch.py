"""Watch one interpreter of a run: which OS processes it makes, who asked, and whether it is hooked.

Loaded by a `sitecustomize` in every interpreter of a run, the test process and whatever it launches alike.
Each fact is one line of JSON appended to the file named by CONFORMANCE_LOG. `sys.addaudithook` sees every
door to a new process but one: `_posixsubprocess.fork_exec`, which `multiprocessing.util.spawnv_passfds` calls
without an event, so that function is wrapped, which also tells the pid of the new process.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from typing import Any

LOG = os.environ.get("CONFORMANCE_LOG", "")

# Bound before any activation, and in a dict, where the hook does not look for what was bound early: what it
# lays over `os` may change neither the facts nor the pids.
_real = {name: getattr(os, name) for name in ("open", "write", "close", "getpid", "getppid")}
_frame = sys._getframe
_monotonic = time.monotonic

#: Audit events that make a process; `subprocess.Popen` is left out, since its fork_exec is seen below.
PROCESS_EVENTS = frozenset({"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"})
#: Modules whose frames mean "what we serve asked for this process".
SERVED = ("multiprocessing", "_multiprocessing", "mpthread_hook", "concurrent.futures.process")
#: Modules that only carry a call on: whoever called them asked.
CARRIERS = (
    "mpthread_hook._emulation",
    "subprocess",
    "os",
    "_posixsubprocess",
    "asyncio",
    "pty",
    "platform",
    "contextlib",
    __name__,
)


def record(**fact: Any) -> None:
    """Append one fact; the file is opened anew since tests close descriptors that they do not know."""
    fact["pid"] = _real["getpid"]()
    fact["t"] = round(_monotonic(), 3)
    line = json.dumps(fact, default=repr).encode("utf-8", "backslashreplace") + b"\n"
    fd = _real["open"](LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _real["write"](fd, line)
    finally:
        _real["close"](fd)


def within(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether the module `name` is one of `packages` or inside one of them."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def culprit() -> tuple[str, str]:
    """Name the nearest caller that is not a mere carrier: ("served" or "test", "module:function")."""
    frame = _frame(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or "?"
        if not within(name, CARRIERS):
            who = f"{name}:{frame.f_code.co_name}"
            return ("served" if within(name, SERVED) else "test"), who
        frame = frame.f_back
    return "test", "?"


def _ours(thing: object) -> bool:
    """Tell whether a finder or loader, be it class or instance, is of our package."""
    kind = thing if isinstance(thing, type) else type(thing)
    return within(kind.__module__, ("mpthread_hook",)) or hasattr(thing, "mpthread_hook_waiting")


def hooked() -> bool:
    """Tell whether a finder of ours stands on `sys.meta_path`."""
    return any(_ours(finder) for finder in sys.meta_path or ())


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event in PROCESS_EVENTS:
        kind, who = culprit()
        argv = [os.fsdecode(a) for a in args[1]][:8] if event == "os.posix_spawn" else []
        record(kind="process", event=event, by=kind, who=who, argv=argv)
    elif event == "import" and args and args[0] in ("multiprocessing", "_multiprocessing"):
        record(kind="imports", hooked=hooked())


def _wrap_fork_exec() -> None:
    try:
        import _posixsubprocess  # only here: a run may hide it
    except ImportError:
        return
    real = _posixsubprocess.fork_exec

    def fork_exec(*args: Any) -> int:
        kind, who = culprit()
        pid = real(*args)
        argv = [os.fsdecode(a) for a in args[0]][:8] if args else []
        record(kind="process", event="fork_exec", by=kind, who=who, child=pid, argv=argv)
        return pid

    _posixsubprocess.fork_exec = fork_exec  # type: ignore[assignment]


def install() -> None:
    """Start watching this interpreter and note that it started."""
    if not LOG:
        return
    record(
        kind="interpreter",
        ppid=_real["getppid"](),
        argv=list(getattr(sys, "orig_argv", []))[:8],
        flags=[n for n in ("isolated", "ignore_environment", "no_site") if getattr(sys.flags, n)],
    )
    _wrap_fork_exec()
    sys.addaudithook(_audit)
    atexit.register(_leave)


def _leave() -> None:
    """Note, at the end of an interpreter that used multiprocessing, whose it was."""
    spec = getattr(sys.modules.get("multiprocessing"), "__spec__", None)
    if spec is not None:
        record(kind="leaves", hooked=_ours(spec.loader))
