"""What stands in for `subprocess` does with thread processes what the real module does with programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Each prints what it finds; the module is real or ours.
CASES = {
    "run": """
done = subprocess.run(["cat", "-"], input=b"in", capture_output=True)
print(done.returncode, done.stdout, done.stderr)
command = "printf 'a\\\\nb\\\\n' | sort -r; echo bad >&2; exit 3"
done = subprocess.run(command, shell=True, capture_output=True, text=True)
print(done.returncode, repr(done.stdout), repr(done.stderr))
""",
    "output": """
print(subprocess.check_output(["echo", "one"], text=True), subprocess.getoutput("echo two; false"))
try:
    subprocess.check_call(["false"])
except subprocess.CalledProcessError as error:
    print(error.returncode, error.cmd)
""",
    "streams": """
print("before", flush=True)
print(subprocess.call("echo inherited", shell=True))
print(subprocess.run("echo out; echo err >&2", shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout)
print(subprocess.run("echo lost", shell=True, stdout=subprocess.DEVNULL).stdout)
with open("file", "wb") as file:
    subprocess.run(["echo", "kept"], stdout=file)
with open("file", "rb") as file:
    print(subprocess.run(["cat"], stdin=file, stdout=subprocess.PIPE).stdout)
print(subprocess.run(["cat"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
""",
    "much": """
data = os.urandom(1 << 20)
done = subprocess.run(["cat"], input=data, stdout=subprocess.PIPE)
print(done.returncode, done.stdout == data)
with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
    process.stdin.write(b"x" * 10)
    process.stdin.close()
    print(process.stdout.read(), process.wait(), process.poll(), process.returncode)
""",
    "place": """
os.mkdir("there")
print(os.path.basename(subprocess.run("pwd", shell=True, cwd="there", capture_output=True, text=True).stdout))
print(subprocess.run([PYTHON, "-c", "import os; print(os.environ.get('A'), os.environ.get('B'))"],
                     env={**os.environ, "A": "1"}, capture_output=True, text=True).stdout)
""",
    "python": """
with open("tool", "w") as file:
    file.write(f"#!{PYTHON}\\nimport sys\\nprint(sys.argv[1:], sys.stdin.read())\\nsys.exit(5)\\n")
os.chmod("tool", 0o755)
for words in (["./tool", "a b"], [os.path.abspath("tool")]):
    done = subprocess.run(words, input="given", capture_output=True, text=True)
    print(done.returncode, done.stdout, done.stderr)
""",
    "late": """
process = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE)
try:
    process.communicate(timeout=0.1)
except subprocess.TimeoutExpired as error:
    print(error.timeout)
print(process.poll())
process.terminate()
print(process.communicate(), process.returncode)
process = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE)
process.kill()
print(process.stdout.read(), process.wait())
process.stdout.close()
""",
}
HEAD = """
import os, sys
PYTHON = sys.executable
if sys.argv[1] == "real":
    import subprocess
else:
    import mpthread_hook
    mpthread_hook.enable()
    import multiprocessing
    from mpthread_hook._adapters import ansible_commands
    subprocess = ansible_commands.stand_in()
"""


def printed(folder: Path, case: str, which: str) -> str:
    folder.mkdir()
    code = HEAD + CASES[case]
    done = run(sys.executable, "-W", "error", "-c", code, which, env=environment(this_path()), cwd=str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("case", CASES)
def test_it_does_what_the_real_module_does(case: str, tmp_path: Path) -> None:
    """Status, output, input, streams, places, timeouts and signals."""
    assert printed(tmp_path / "ours", case, "ours") == printed(tmp_path / "real", case, "real")


def test_what_needs_a_program_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Before anything has been done; descriptors are closed."""
    code = """
before = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0
for words in (["uname", "-a"], "mkdir made && uname", ["/no/such/program"]):
    try:
        subprocess.run(words, shell=isinstance(words, str), capture_output=True)
    except OSError as error:
        print(str(error).partition(":")[0].rpartition("]")[2].strip())
print(os.listdir("."), (len(os.listdir("/dev/fd")) if before else 0) - before)
"""
    done = run(sys.executable, "-c", HEAD + code, "ours", env=environment(this_path()), cwd=str(tmp_path))
    assert done.stdout.splitlines() == [
        "cannot run 'uname'",
        "cannot run 'uname'",
        "cannot run '/no/such/program'",
        "[] 0",
    ], done.stderr
