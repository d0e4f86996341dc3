"""The sandbox: what it denies, and that threads go on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests import sandbox
from tests.sandbox import available

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not available(), reason="no seccomp filter for this kernel or machine"),
]


def test_it_denies_every_way_to_start_a_process_and_no_thread() -> None:
    """Fork, subprocess in both its forms, posix_spawn and system() fail; a thread starts."""
    done = subprocess.run(
        [sys.executable, sandbox.__file__, "--check"], capture_output=True, text=True, timeout=60, check=True
    )
    found = json.loads(done.stdout)
    assert found.pop("thread") == "possible"
    assert found == dict.fromkeys(found, "denied")
    assert set(found) == {"fork", "subprocess", "subprocess (preexec)", "posix_spawn", "system"}


def test_without_it_every_way_is_open() -> None:
    """The same tries succeed outside, so that a denial seen inside is the sandbox's."""
    code = f"import json, sys; sys.path.insert(0, {sandbox.ROOT!r}); from tests import sandbox as s; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(json.dumps(s._guard().check()))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert set(json.loads(done.stdout).values()) == {"possible"}


def test_threads_that_run_already_obey() -> None:
    """A thread started before the filter was loaded can start no process either."""
    code = f"""
import os, sys, threading
sys.path.insert(0, {sandbox.ROOT!r})
from tests import sandbox
go, found = threading.Event(), []
def late():
    go.wait()
    try:
        os.fork()
    except PermissionError:
        found.append("denied")
thread = threading.Thread(target=late)
thread.start()
sandbox._guard().deny()
go.set()
thread.join()
print(found)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "['denied']\n", done.stderr


def test_it_runs_a_module_as_python_does(tmp_path: object) -> None:
    """The program sees its own arguments and `__main__`."""
    with open(f"{tmp_path}/shown.py", "w", encoding="utf-8") as file:
        file.write("import sys\nprint(__name__, sys.argv[1:])\n")
    done = subprocess.run(
        [sys.executable, sandbox.__file__, "-m", "shown", "-x", "1"],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("__main__ ['-x', '1']\n", "")


def test_the_audit_hook_stands_in_where_there_is_no_filter() -> None:
    """Where the kernel cannot be asked, Python code is refused all the same, and the guard's name says so."""
    code = f"""
import sys
sys.path.insert(0, {sandbox.ROOT!r})
from tests import sandbox
guard = sandbox._guard()
guard._MACHINES.clear()
print(guard.deny(), sorted(set(guard.check().values())), guard.attempts())
import os
try:
    os.fork()
except PermissionError as error:
    print(error.strerror, guard.attempts())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[1] == "this program denied itself the creation of processes ['os.fork']"
    assert done.stdout.startswith("audit hook ['denied', 'possible'] []")
