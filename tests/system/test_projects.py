"""Whole projects: vaults, collections with plugins, caches, prompts on a terminal, Ansible's console and galaxy."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.system.comparison import SANDBOXED, STOCK, environment, write_inventory

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.system]

COLLECTION = {
    "galaxy.yml": "namespace: ns\nname: col\nversion: 1.0.0\nreadme: README.md\nauthors: [nobody]\n",
    "README.md": "# col\n",
    "plugins/filter/words.py": """
class FilterModule:
    def filters(self):
        return {"backwards": lambda text: text[::-1]}
""",
    "plugins/lookup/count.py": """
import os
from ansible.plugins.lookup import LookupBase
class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [f"{term} in {os.path.basename(os.getcwd())} for {variables['inventory_hostname']}" for term in terms]
""",
    "plugins/callback/diary.py": """
import os
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "ns.col.diary"
    def v2_runner_on_ok(self, result):
        host = result._host.get_name()
        with open(os.path.join(os.environ["DIARY"], host), "a") as file:
            file.write(f"{result._task.get_name()}\\n")
""",
    "plugins/strategy/mine.py": """
from ansible.plugins.strategy.linear import StrategyModule as Linear
class StrategyModule(Linear):
    pass
""",
    "plugins/modules/whoami.py": """
import os
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ns.col.plugins.module_utils.shared import greet
module = AnsibleModule(argument_spec={"name": {"type": "str"}})
module.exit_json(changed=False, greeting=greet(module.params["name"]), level=os.environ.get("LEVEL"))
""",
    "plugins/module_utils/shared.py": "def greet(name):\n    return f'hello {name}'\n",
    "plugins/action/twice.py": """
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        first = self._execute_module("ns.col.whoami", module_args={"name": "one"}, task_vars=task_vars)
        second = self._execute_module("ns.col.whoami", module_args={"name": "two"}, task_vars=task_vars)
        return {"changed": True, "greetings": [first["greeting"], second["greeting"]]}
""",
}
BOOK = """
- hosts: all
  gather_facts: true
  gather_subset: ['!all', '!min', python]
  strategy: ns.col.mine
  vars_files: [secret.yml]
  environment: {LEVEL: "{{ inventory_hostname }}"}
  tasks:
    - debug:
        msg: "{{ key | ns.col.backwards }} {{ lookup('ns.col.count', 'x') }} {{ ansible_facts.python.version.major }}"
    - ns.col.whoami: {name: "{{ inventory_hostname }}"}
      register: who
    - debug: {msg: "{{ who.greeting }} {{ who.level }}"}
    - ns.col.twice:
      register: both
    - debug: {var: both.greetings}
    - debug: {msg: "only once"}
      run_once: true
    - copy: {content: "{{ key }}", dest: "{{ playbook_dir }}/out-{{ inventory_hostname }}", mode: "0600"}
      throttle: 1
- hosts: all
  gather_facts: false
  serial: 2
  tasks:
    - debug: {msg: "{{ ansible_facts.python.version.major }} of the cache"}
"""
CONFIGURATION = """
[defaults]
inventory = inventory
vault_password_file = password
collections_path = collections
callbacks_enabled = ns.col.diary
gathering = smart
fact_caching = jsonfile
fact_caching_connection = facts
log_path = log
"""


def project(folder: Path) -> Path:
    """Write the project; the secret is a vault that stock Ansible made."""
    place = folder / "project"
    root = place / "collections" / "ansible_collections" / "ns" / "col"
    for name, text in COLLECTION.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text.lstrip("\n"))
    (place / "diary").mkdir()
    (place / "home").mkdir()
    (place / "book.yml").write_text(BOOK)
    (place / "ansible.cfg").write_text(CONFIGURATION)
    (place / "password").write_text("open sesame\n")
    (place / "plain.yml").write_text("key: treasure\n")
    write_inventory(place / "inventory", 4)
    done = ansible(STOCK, place, "vault", "encrypt", "--output", "secret.yml", "plain.yml")
    assert done.returncode == 0, done.stderr
    return place


def variables(place: Path) -> dict[str, str]:
    """Return the environment of a command in a project."""
    return environment(place / "home", DIARY=str(place / "diary"), ANSIBLE_NOCOLOR="1", TERM="dumb")


def ansible(
    how: tuple[str, ...], place: Path, *command: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs in a project."""
    return subprocess.run(
        [*how, "-m", "ansible", *command],
        cwd=place,
        env=variables(place),
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def files(place: Path) -> dict[str, str]:
    """Return what is in the files that a run has made, the log's words without times and numbers."""
    found = {}
    for path in [*place.glob("out-*"), *place.glob("diary/*"), *place.glob("facts/*"), place / "log"]:
        text = path.read_text() if path.exists() else "missing"
        if path.name == "log":
            words = [re.sub(r"^\S+ \S+ p=\d+ u=\S+ n=\S+ ", "", line) for line in text.splitlines()]
            text = "\n".join(sorted(words))
        found[str(path.relative_to(place))] = text
    return found


def test_a_project(tmp_path: Path, sandbox: None) -> None:
    """Vault, plugins of every kind from a collection, a log, a diary and a cache of facts: all as with stock."""
    outcomes = []
    for how, name in ((STOCK, "stock"), (SANDBOXED, "hook")):
        place = project(tmp_path / name)
        done = ansible(how, place, "playbook", "-f", "2", "book.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        lines = sorted(done.stdout.replace(str(place), "HERE").splitlines())
        outcomes.append((lines, done.stderr, files(place)))
    expected, found = outcomes
    assert found == expected
    assert len(expected[2]) == 4 * 3 + 1


COMMANDS = {
    "vault view": ("vault", "view", "secret.yml"),
    "vault decrypt": ("vault", "decrypt", "--output", "-", "secret.yml"),
    "galaxy list": ("galaxy", "collection", "list"),
    "galaxy init": ("galaxy", "init", "--init-path", "roles", "fresh"),
    "galaxy build": ("galaxy", "collection", "build", "collections/ansible_collections/ns/col"),
    "galaxy install": ("galaxy", "collection", "install", "--offline", "-p", "more", "ns-col-1.0.0.tar.gz"),
    "doc of a collection": ("doc", "-t", "strategy", "-l"),
    "wrong password": ("vault", "view", "--vault-password-file", "plain.yml", "secret.yml"),
}


def test_commands_of_a_project(tmp_path: Path, sandbox: None) -> None:
    """Ansible's other programs, one after the other, end and print as with stock."""
    outcomes: dict[str, list[object]] = {name: [] for name in COMMANDS}
    for how, folder in ((STOCK, "stock"), (SANDBOXED, "hook")):
        place = project(tmp_path / folder)
        for name, command in COMMANDS.items():
            done = ansible(how, place, *command)
            printed = [text.replace(str(place), "HERE") for text in (done.stdout, done.stderr)]
            outcomes[name].append((done.returncode, printed))
    for name, (expected, found) in outcomes.items():
        assert found == expected, name


def test_a_password_that_is_a_program(tmp_path: Path, sandbox: None) -> None:
    """Where no program can be started, the message names the file, and says why it cannot be run."""
    place = project(tmp_path)
    (place / "password").chmod(0o755)
    done = ansible(SANDBOXED, place, "vault", "view", "secret.yml")
    assert done.returncode != 0
    assert "vault password script" in done.stderr
    assert "Operation not permitted" in done.stderr


def test_the_console(tmp_path: Path, sandbox: None) -> None:
    """Commands that `ansible-console` reads are done as with stock."""
    given = "debug msg={{ number }}\ncd h01\nping\nlist\nns.col.whoami name=x\nexit\n"
    answers = []
    for how, name in ((STOCK, "stock"), (SANDBOXED, "hook")):
        place = project(tmp_path / name)
        done = ansible(how, place, "console", "all", "-f", "1", given=given)
        answers.append((done.returncode, done.stdout, done.stderr.replace(str(place), "HERE")))
    assert answers[1] == answers[0]
    assert "hello x" in answers[0][1]


PROMPTS = """
- hosts: all
  gather_facts: false
  vars_prompt:
    - {name: shade, prompt: Which shade, private: false, default: red}
    - {name: secret, prompt: Secret, private: true, confirm: true}
  tasks:
    - debug: {msg: "{{ shade }} {{ secret }}"}
    - pause: {prompt: Go on}
      register: said
    - debug: {msg: "{{ said.user_input }}"}
      run_once: true
    - pause: {prompt: Hidden, echo: false}
      register: said
    - debug: {msg: "{{ said.user_input }}"}
      run_once: true
    - pause: {seconds: 1}
    - pause: {seconds: 60, prompt: Wait}
    - debug: {msg: "{{ inventory_hostname }} goes on"}
"""
#: What is waited for on the terminal, what is typed then, and whether that is read key by key.
TALK = (
    (r"Which shade \[red\]: ", b"blue\r", False),
    (r"Secret: ", b"hush\r", False),
    (r"confirm Secret: ", b"hush\r", False),
    (r"Go on:\r\n", b"typed\r", True),
    (r"Hidden \(output is hidden\):\r\n", b"unseen\r", True),
    (r"Wait:\r\n", b"\x03", True),
    (r"'A' to abort", b"C", True),
)
#: Seconds of silence after which it is typed again: a prompt throws away what was typed before it was ready.
PATIENCE = 8


def talk(how: tuple[str, ...], place: Path) -> tuple[int, str]:
    """Play with prompts on a terminal of its own; returns the status and all that it showed."""
    (place / "prompts.yml").write_text(PROMPTS)
    command = [*how, "-m", "ansible", "playbook", "-f", "1", "-l", "even", "prompts.yml"]
    pid, terminal = pty.fork()
    if not pid:
        try:
            os.chdir(place)
            os.execve(command[0], command, variables(place))
        finally:
            os._exit(127)
    shown, at, typed = "", 0, b""
    rest = list(TALK)
    deadline = time.monotonic() + 200
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], PATIENCE)[0]:
                os.write(terminal, typed)
                continue
            try:
                shown += os.read(terminal, 1 << 16).decode(errors="replace")
            except OSError:  # the other side is gone
                break
            while rest and (found := re.search(rest[0][0], shown[at:])):
                at += found.end()
                _, typed, raw = rest.pop(0)
                while raw and termios.tcgetattr(terminal)[3] & termios.ICANON and time.monotonic() < deadline:
                    time.sleep(0.01)  # nobody tells that a program has set its terminal
                os.write(terminal, typed)
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert not rest, shown
    return status, re.sub(r"(typed\^M|\^C)+", r"\1", shown)


@pytest.mark.timeout(420)
def test_prompts_on_a_terminal(tmp_path: Path, sandbox: None) -> None:
    """`vars_prompt`, `pause` and Ctrl-C in a pause: what is asked, echoed and hidden is what stock shows."""
    expected = talk(STOCK, project(tmp_path / "stock"))
    found = talk(SANDBOXED, project(tmp_path / "hook"))
    assert found[1].splitlines() == expected[1].splitlines()
    assert "blue hush" in expected[1]
    assert '"typed"' in expected[1]
    assert '"unseen"' in expected[1]
    assert "h02 goes on" in expected[1]
