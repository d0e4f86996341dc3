"""Unmodified payloads of Ansible's modules, run in a thread process, do what an interpreter does with them."""

# ruff: noqa: E501 - programs in strings

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration]

pytest.importorskip("ansible", reason="ansible-core is an extra")

HERE = os.path.dirname(os.path.abspath(__file__))

HEAD = """
import json, os, sys
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from mpthread_hook import _identity
from mpthread_hook._adapters import ansible_execution, ansible_modules, ansible_payload, ansible_python, private_modules
from mpthread_hook._adapters.shell.answer import Answer

class Journal:
    def item(self, mapping, key, value): mapping[key] = value
    def undo(self, function): pass

def python(*arguments, stdin="", **environ):
    given = open(stdin, "rb").read() if stdin else b""
    answer = ansible_python.run_python([sys.executable, *arguments], environ, os.getcwd(), given)
    return [answer.status, answer.stdout.decode(), answer.stderr.decode()]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with payloads and what they work on."""
    place: Path = tmp_path_factory.mktemp("payloads")
    (place / "file").write_text("text\n")
    (place / "file").chmod(0o644)
    wanted = {
        "ping": ("ping", {"data": "word"}),
        "crash": ("ping", {"data": "crash"}),
        "wrong": ("ping", {"colour": "red"}),
        "stat": ("stat", {"path": str(place / "file")}),
        "slurp": ("slurp", {"src": str(place / "file")}),
        "facts": ("setup", {"gather_subset": ["!all", "python", "env", "user", "platform"]}),
        "touch": ("file", {"path": str(place / "made"), "state": "touch", "mode": "0640"}),
        "command": ("command", {"_raw_params": "ls -l", "_uses_shell": False}),
        "program": ("command", {"_raw_params": "df -h", "_uses_shell": False}),
        "git": ("git", {"repo": "x", "dest": str(place / "repo")}),
        "async_wrapper.py": ("async_wrapper", {}),
    }
    done = run(
        sys.executable, os.path.join(HERE, "payloads.py"), str(place), json.dumps(wanted),
        env=environment(this_path(), ANSIBLE_LOCAL_TEMP=str(place / "local"), HOME=str(place)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


def told(folder: Path, code: str, **variables: str) -> Any:
    env = environment(this_path(), HOME=str(folder), **variables)
    done = run(sys.executable, "-c", HEAD + code, env=env, cwd=str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def really(folder: Path, name: str, **variables: str) -> tuple[int, Any]:
    """Return exit status and result of a payload that a real interpreter reads from its input."""
    with open(folder / name, "rb") as file:
        done = subprocess.run(
            [sys.executable], stdin=file, capture_output=True, check=False, cwd=folder, timeout=60,
            env=environment(HOME=str(folder), **variables),
        )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", ["ping", "wrong", "stat", "slurp", "facts"])
def test_the_result_is_an_interpreters(folder: Path, name: str) -> None:
    """Exit status and JSON are the same, for a module that succeeds, fails, or is asked wrongly."""
    status, text, _ = told(folder, f"print(json.dumps(python(stdin={name!r}, LANG='C.UTF-8', MARK='here')))")
    found = json.loads(text)
    expected_status, expected = really(folder, name, LANG="C.UTF-8", MARK="here")
    for result in (found, expected):
        result.get("stat", {}).pop("atime", None)
        facts = result.get("ansible_facts", {})
        for key in ("ansible_python", "ansible_date_time"):
            facts.pop(key, None)
        for key in ("PYTHONPATH", "LC_ALL", "LC_CTYPE", "OLDPWD", "_", "PWD", "SHLVL", "LANG", "LC_MESSAGES"):
            facts.get("ansible_env", {}).pop(key, None)
    assert status == expected_status
    assert found == expected


@pytest.mark.parametrize("name", ["ping", "facts", "slurp", "crash"])
def test_the_short_way_ends_where_the_long_one_does(folder: Path, name: str) -> None:
    """Whether the script's own code handles the zip file or ours stands in for it: the same result."""
    short, long = told(
        folder,
        f"""
from mpthread_hook._adapters import ansible_wrapper
short = python(stdin={name!r})
ansible_payload._heads.clear()
ansible_payload.pool.clear()
ansible_wrapper.is_known = lambda head: False
print(json.dumps([short, python(stdin={name!r})]))
""",
    )
    found = [json.loads(text) if text else "" for _, text, _ in (short, long)]
    for result in found:
        if result:
            result.get("ansible_facts", {}).pop("ansible_date_time", None)
    assert short[0] == long[0]
    if name != "crash":
        assert found[0] == found[1]


def test_a_script_that_is_asked_for_more_runs_as_it_is(folder: Path) -> None:
    """`explode`, by which people debug modules, unpacks the payload beside the script."""
    (folder / "kept").mkdir()
    script = folder / "kept" / "AnsiballZ_ping.py"
    script.write_bytes((folder / "ping").read_bytes())
    status, text, error = told(folder, f"print(json.dumps(python({str(script)!r}, 'explode')))")
    assert (status, error) == (0, "")
    assert "Module expanded into:" in text
    assert (folder / "kept" / "debug_dir" / "ansible" / "module_utils" / "basic.py").exists()


def test_a_module_that_raises(folder: Path) -> None:
    """An exception in the module ends in the same kind of answer, and no other module is any the worse."""
    crashed, fine = told(folder, "print(json.dumps([python(stdin='crash'), python(stdin='ping')]))")
    assert crashed[0] == 1
    assert "boom" in crashed[1] + crashed[2]
    assert json.loads(fine[1])["ping"] == "word"


def test_effects_are_real(folder: Path) -> None:
    """A module changes files; from its input, and as a file with the environment of the task."""
    made = folder / "made"
    assert json.loads(told(folder, "print(json.dumps(python(stdin='touch')))")[1])["changed"] is True
    assert made.stat().st_mode & 0o777 == 0o640
    status, text, _ = told(folder, f"print(json.dumps(python({str(folder / 'touch')!r}, MARK='x')))")
    assert status == 0
    assert json.loads(text)["dest"] == str(made)


def test_nothing_is_left(folder: Path, tmp_path: Path) -> None:
    """Many runs: no temporary folder, no thread process, no entry of the import system, one namespace."""
    found = told(
        folder,
        """
import zipimport
python(stdin="ping")
before = len(sys.path_importer_cache), len(zipimport._zip_directory_cache), len(sys.modules), list(sys.path)
for _ in range(20):
    assert python(stdin="ping")[0] == 0
python(stdin="stat")
after = len(sys.path_importer_cache), len(zipimport._zip_directory_cache), 0, list(sys.path)
new = [name for name in sys.modules if name.partition(".")[0] == "ansible"]
print(json.dumps([after[0] - before[0], after[1] - before[1], before[3] == after[3], new,
    os.listdir(os.environ["TMPDIR"]), len(_identity.PROCESSES), len(ansible_payload.pool._idle)]))
""",
        TMPDIR=str(tmp_path),
    )
    assert found == [0, 0, True, [], [], 0, 1]


def test_the_reason_reaches_the_user(folder: Path) -> None:
    """Where nothing can be started: which program, and why; not "Error executing command."."""
    found = told(
        folder,
        """
ansible_execution._asked, ansible_execution._refusal = True, OSError(1, "Operation not permitted")
ansible_modules.install(Journal())
print(json.dumps([json.loads(python(stdin=name)[1]) for name in ("program", "git")]))
""",
    )
    for result, program in zip(found, ("df", "git"), strict=True):
        assert result["failed"]
        reason = "no program can be started on this platform (Operation not"
        assert result["msg"].startswith(f"cannot run '{program}': {reason}")
    assert found[0]["rc"] == 1


def test_programs_run_where_they_can(folder: Path) -> None:
    """Modules in the process by choice, where programs can be started: theirs are."""
    found = told(folder, "ansible_modules.install(Journal())\nprint(json.dumps(python(stdin='command')))")
    result = json.loads(found[1])
    assert result["rc"] == 0
    assert "ping" in result["stdout"]


ASYNC = """
def finished(path):
    import time
    while True:
        try:
            found = json.load(open(path))
        except (OSError, ValueError):
            found = {}
        if "ping" in found or "msg" in found:
            return found
        time.sleep(0.05)
"""


def interpreter(folder: Path, name: str) -> str:
    """Write an executable copy of a payload in a folder as Ansible names them, and return its path."""
    place = folder / f"ansible-tmp-{name}"
    place.mkdir(exist_ok=True)
    copy = place / f"AnsiballZ_{name}.py"
    copy.write_bytes(f"#!{sys.executable}\n".encode() + (folder / name).read_bytes())
    return str(copy)


def test_async_wrapper_is_a_thread_process(folder: Path, tmp_path: Path) -> None:
    """Both of its command lines: the answer at once, the job file, the result, and the module's folder gone."""
    old, new = interpreter(folder, "ping"), interpreter(folder, "stat")
    started, results, gone, left = told(
        folder,
        ASYNC
        + f"""
old, new = {old!r}, {new!r}
answers = [json.loads(python("async_wrapper.py", "j1", "30", old, "_", ANSIBLE_ASYNC_DIR={str(tmp_path)!r})[1]),
           json.loads(python("async_wrapper.py", "j2", "30", "false", new, sys.executable, new, ANSIBLE_ASYNC_DIR={str(tmp_path)!r})[1])]
finished(answers[0]["results_file"])
import time
while not json.load(open(answers[1]["results_file"])).get("stat") or os.path.exists(new):
    time.sleep(0.05)
while _identity.PROCESSES:
    time.sleep(0.05)
print(json.dumps([answers, [json.load(open(answer["results_file"])) for answer in answers],
                  [os.path.exists(path) for path in (old, new)], len(_identity.PROCESSES)]))
""",
    )
    for answer, name in zip(started, ("j1", "j2"), strict=True):
        assert answer["ansible_job_id"].startswith(f"{name}.")
        assert (answer["started"], answer["finished"], answer["failed"]) == (1, 0, 0)
        assert answer["_ansible_suppress_tmpdir_delete"] is True
    assert results[0]["ping"] == "word"
    assert results[1]["stat"]["exists"] is True
    assert (gone, left) == ([False, False], 0)


def test_a_job_over_its_time_is_ended(folder: Path, tmp_path: Path) -> None:
    """The limit of the task holds; a job that the program leaves behind is said to have failed."""
    (folder / "sleeps.py").write_text("import time\ntime.sleep(60)\n")
    code = (
        ASYNC
        + f"""
def begin(limit):
    text = python("async_wrapper.py", "j3", limit, "true", "sleeps.py", sys.executable, {str(folder / "sleeps.py")!r},
                  ANSIBLE_ASYNC_DIR={str(tmp_path)!r})[1]
    return json.loads(text)["results_file"]
from mpthread_hook._adapters import ansible_async
ansible_async.install()
late = finished(begin("1"))
print(json.dumps([late, begin("60"), len(_identity.PROCESSES)]))
"""
    )
    late, path, alive = told(folder, code)
    assert (late["msg"], late["failed"]) == ("Timeout exceeded", True)
    assert late["child_pid"] > 1 << 29
    assert alive >= 1
    with open(path, encoding="utf-8") as file:
        assert "has ended" in json.load(file)["msg"]
