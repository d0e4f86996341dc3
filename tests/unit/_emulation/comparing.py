"""Runs one and the same program with and without the hook, in a fresh interpreter each."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_HOOK = "import mpthread_hook; mpthread_hook.enable()\n"
_HEAD = """
import contextlib, io, os, subprocess, sys, tempfile, warnings
import multiprocessing
METHOD = {method!r}
mp = multiprocessing.get_context(METHOD)
def alone(target, *args):
    p = mp.Process(target=target, args=args)
    p.start()
    p.join()
    return p.exitcode
"""


def run(
    folder: Path, program: str, *, hooked: bool, method: str = "fork", text: str = ""
) -> tuple[int, str, str]:
    """Return exit status, output and error output of a program, whose input is ``text``."""
    body = textwrap.dedent(program)
    script = folder / ("hooked.py" if hooked else "stock.py")
    main = 'if __name__ == "__main__":\n    main()\n'
    text_of = f"{_HOOK if hooked else ''}{_HEAD.format(method=method)}{body}\n{main}"
    script.write_text(text_of, encoding="utf-8")
    unwanted = ("MPTHREAD_HOOK", "PYTHONUNBUFFERED")
    env = {key: value for key, value in os.environ.items() if key not in unwanted}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning", str(script)],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env=env,
        cwd=folder,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def facts(tmp_path: Path, program: str) -> list[str]:
    """Return the lines that a program prints under the hook; it must end well and complain about nothing."""
    status, output, errors = run(tmp_path, program, hooked=True)
    assert (status, errors) == (0, ""), f"{status}: {errors}"
    return output.splitlines()
