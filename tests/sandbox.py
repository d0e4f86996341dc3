"""Run a script or a module in a process that can create no other one.

``sandbox.py (SCRIPT | -m MODULE) ARGUMENT…``: the kernel refuses fork, vfork, a clone that is no thread,
execve and execveat from the moment the filter is loaded; then the program runs in this very process.
``sandbox.py --check`` prints, as JSON, what every way to start a process met.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _guard() -> object:
    """Load the guard by its path: importing the package first would make the hook's start no longer first."""
    import importlib.util

    path = os.path.join(ROOT, "src", "mpthread_hook", "_guard.py")
    spec = importlib.util.spec_from_file_location("_sandbox_guard", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def available() -> bool:
    """Return whether this kernel takes the filter (asked of the machine's name; loading tells the rest)."""
    return sys.platform.startswith("linux") and os.uname().machine in ("x86_64", "aarch64")


def main(argv: list[str]) -> None:
    """Deny processes, then run what ``argv`` names as `python` would."""
    guard = _guard()
    if guard.deny() != "seccomp":  # type: ignore[attr-defined]
        raise SystemExit("sandbox: this kernel has no seccomp filter for this machine")
    if argv[0] == "--check":
        print(json.dumps(guard.check()))  # type: ignore[attr-defined]
    elif argv[0] == "-m":
        sys.argv[:] = argv[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = argv
        sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
