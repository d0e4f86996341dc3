"""What cannot be done ends with a clear sentence and with Ansible's own exit status, and never hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.sandbox import available
from tests.system.comparison import HOOKED, PLAYS, SANDBOXED, STOCK, environment, write_inventory
from tests.system.modules import NEEDS_A_COMMAND, NOT_PLAYED, played

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


def book(tasks: str) -> str:
    return f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"


def run(
    how: tuple[str, ...], folder: Path, text: str | None, *options: str, name: str = "book.yml"
) -> subprocess.CompletedProcess[str]:
    """Play ``text`` on two hosts."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    write_inventory(folder / "inventory", 2)
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    return subprocess.run(
        [*how, "-m", "ansible", "playbook", "-i", str(folder / "inventory"), str(folder / name), *options],
        cwd=PLAYS,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


SAME_AS_STOCK = {
    "missing playbook": (None, (), "could not be found"),
    "not YAML": ("- hosts: [all\n", (), "yaml"),
    "not a playbook": ("hosts: all\n", (), "playbook"),
    "unknown keyword": (book("    - nonsense: 1\n      debug:\n"), (), "nonsense"),
    "unknown module": (book("    - no_such_module:\n"), (), "no_such_module"),
    "unknown connection": (
        book("    - ping:\n"),
        ("-e", "ansible_connection=no_such_connection"),
        "no_such_connection",
    ),
    "unknown option": (book("    - ping:\n"), ("--no-such-option",), "unrecognized arguments"),
    "no such host": (book("    - ping:\n"), ("-l", "nobody"), "nobody"),
    "bad forks": (book("    - ping:\n"), ("-f", "0"), "forks"),
    "undefined variable": (book("    - debug: {msg: '{{ nowhere }}'}\n"), (), "nowhere"),
    "recursive variable": (book("    - debug: {msg: '{{ a }}'}\n      vars: {a: '{{ a }}'}\n"), (), "recurs"),
}


@pytest.mark.parametrize("case", SAME_AS_STOCK)
def test_it_ends_as_with_stock(tmp_path: Path, sandbox: None, case: str) -> None:
    """Exit status and the telling word are stock's."""
    text, options, word = SAME_AS_STOCK[case]
    expected = run(STOCK, tmp_path, text, *options)
    found = run(SANDBOXED, tmp_path, text, *options)
    assert expected.returncode == found.returncode, found.stderr
    assert word in (expected.stdout + expected.stderr).lower()
    assert word in (found.stdout + found.stderr).lower()


def test_every_module_is_in_the_table() -> None:
    """The page of modules says something of every module that this ansible-core has."""
    import ansible.modules

    (folder,) = ansible.modules.__path__
    there = {name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"}
    assert there - set(played()) - set(NEEDS_A_COMMAND) - set(NOT_PLAYED) == set()
    assert not set(played()) & set(NOT_PLAYED)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The failure of each module that needs a command, from one run that goes on past all of them."""
    if not available():
        pytest.skip("no seccomp filter for this kernel or machine")
    tasks = "".join(
        f"{task}      name: {module}\n      ignore_errors: true\n" for module, (task, _) in NEEDS_A_COMMAND.items()
    )
    done = run(SANDBOXED, tmp_path_factory.mktemp("needs"), book(tasks))
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for text in done.stdout.split("\nTASK [")[1:]:
        name = text.partition("]")[0]
        found[name] = next((line for line in text.splitlines() if line.startswith("fatal: [h00]")), "")
    return found


@pytest.mark.parametrize("module", NEEDS_A_COMMAND)
def test_a_module_that_needs_a_command_says_which_and_why(failures: dict[str, str], module: str) -> None:
    """The task fails, names the command, and does not say only that there was an error."""
    _, word = NEEDS_A_COMMAND[module]
    line = failures[module]
    assert word in line
    assert "cannot run '" in line, line
    assert "Operation not permitted" in line, line
    assert "Error executing command." not in line


def test_become(tmp_path: Path, sandbox: None) -> None:
    """Becoming another user needs a program: the task fails and says so."""
    found = run(SANDBOXED, tmp_path, book("    - ping:\n      become: true\n      become_user: nobody\n"))
    assert found.returncode == 2
    line = next(
        line for line in found.stdout.splitlines() if line.startswith(("fatal: [h00]", "unreachable: [h00]"))
    )
    assert "become" in line or "sudo" in line, line


_NO_THREADS = """
import _thread, threading
def refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = threading._start_new_thread = refuse
if hasattr(_thread, "start_joinable_thread"):
    _thread.start_joinable_thread = threading._start_joinable_thread = refuse
import runpy, sys
sys.argv[1:1] = ["run", "-m", "ansible", "playbook"]
runpy.run_module("mpthread_hook", run_name="__main__", alter_sys=True)
"""


def test_a_python_without_threads(tmp_path: Path) -> None:
    """Where no thread can be started the play ends with a sentence that says so."""
    (tmp_path / "home").mkdir()
    write_inventory(tmp_path / "inventory", 2)
    (tmp_path / "book.yml").write_text(book("    - debug: {msg: hello}\n"), encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-c", _NO_THREADS, "-i", str(tmp_path / "inventory"), str(tmp_path / "book.yml")],
        cwd=PLAYS,
        env=environment(tmp_path / "home"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert found.returncode not in (0, None)
    assert "thread" in found.stderr + found.stdout


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", [HOOKED, SANDBOXED], ids=["hooked", "sandboxed"])
def test_interrupt(tmp_path: Path, sandbox: None, how: tuple[str, ...]) -> None:
    """An interrupt ends a play whose workers sleep soon, with stock's status and words."""
    expected = interrupted(STOCK, tmp_path)
    found = interrupted(how, tmp_path)
    assert found == expected
    assert "User interrupted execution" in found[1]


def interrupted(how: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """Interrupt a play once all its workers sleep; return its status and its last words."""
    (folder / "home").mkdir(exist_ok=True)
    write_inventory(folder / "inventory", 3)
    book_path, pipe = folder / "book.yml", folder / "pipe"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    book_path.write_text(book(f"    - snooze: {{seconds: 60, tell: '{pipe}'}}\n"), encoding="utf-8")
    process = subprocess.Popen(
        [*how, "-m", "ansible", "playbook", "-i", str(folder / "inventory"), str(book_path)],
        cwd=PLAYS,
        env=environment(
            folder / "home", PYTHONUNBUFFERED="1", ANSIBLE_ACTION_PLUGINS=f"{PLAYS}/action_plugins"
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # Not before: stock itself fails in several ways when its workers are not all under way.
        told = 0
        while told < 3:
            with open(pipe, encoding="ascii") as file:
                told += len(file.readlines())
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=50)
    finally:
        process.kill()
        process.wait()
    said = [line for line in stderr.splitlines() if "interrupted" in line]
    return process.returncode, "\n".join(said)
