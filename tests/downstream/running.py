"""Run one target, stock or under the hook, in a place of its own, and say what came of it.

The environment is the one that ansible-test gives (``commands/integration/__init__.py`` and
``ansible_util.py`` in its sources); what it takes from a container is taken from the machine.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field

from tests import interpreters
from tests.system.comparison import kinds

from .exclusions import ACCOUNT_HOME
from .targets import Target, place

SANDBOX = os.path.join(interpreters.ROOT, "tests", "sandbox.py")
#: Stock; the hook in every program; the hook, with every command of Ansible a process that can make no other one.
MODES = ("stock", "hook", "sandbox")
#: Commands of Ansible that a script may start; in the sandbox they are found before the real ones.
COMMANDS = ("", "-config", "-console", "-doc", "-galaxy", "-inventory", "-playbook", "-pull", "-vault")
#: In the environment of all that a run starts, so that what daemonizes itself is found, too.
MARK = "MPTHREAD_DOWNSTREAM_RUN"
#: Every target works below a folder with such a name: paths with characters outside ASCII are part of the test.
SUFFIX = "-\u00c5\u00d1\u015a\u00cc\u03b2\u0141\u00c8"


@dataclass
class Outcome:
    """What came of a run; ``status`` is None where it was out of time."""

    status: int | None
    seconds: float
    recaps: list[dict[str, str]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    stdout: str = field(default="", repr=False)
    stderr: str = field(default="", repr=False)

    def differences(self, other: Outcome) -> list[str]:
        """Say how this outcome differs from ``other``; empty when they are equal."""
        found = []
        if self.status != other.status:
            found.append(f"exit status {self.status}, not {other.status}")
        if len(self.recaps) != len(other.recaps):
            found.append(f"{len(self.recaps)} recaps, not {len(other.recaps)}")
        for number, (mine, theirs) in enumerate(zip(self.recaps, other.recaps, strict=False)):
            if mine != theirs:
                found.append(f"recap {number}: {mine}, not {theirs}")
        if self.kinds != other.kinds:
            more = {
                kind: f"{self.kinds.get(kind, 0)}, not {other.kinds.get(kind, 0)}"
                for kind in sorted(self.kinds.keys() | other.kinds.keys())
                if self.kinds.get(kind, 0) != other.kinds.get(kind, 0)
            }
            found.append(f"result lines: {more}")
        return found

    def facts(self) -> dict[str, object]:
        """Return what is kept of it."""
        kept = asdict(self)
        del kept["stdout"], kept["stderr"]
        return kept


_RECAP = re.compile(r"^(\S+)\s+: (ok=.*?)\s*$")


def recaps(stdout: str) -> list[dict[str, str]]:
    """Return the recaps in the order in which they were printed: the counts of each host."""
    found: list[dict[str, str]] = []
    for line in stdout.splitlines():
        if line.startswith("PLAY RECAP"):
            found.append({})
        elif found and (match := _RECAP.match(line)):
            found[-1][match[1]] = " ".join(match[2].split())
    return found


def environment(mode: str, python: str, target: Target, work: str, integration: str) -> dict[str, str]:
    """Return the environment in which a target runs."""
    version, packages = _probe(python)
    binaries, support = os.path.dirname(python), os.path.join(target.root, "test", "support", "integration")
    plugins = os.path.join(support, "plugins")
    names = (
        "action",
        "become",
        "cache",
        "callback",
        "connection",
        "filter",
        "inventory",
        "lookup",
        "strategy",
        "test",
    )
    folders = {f"ANSIBLE_{name.upper()}_PLUGINS": os.path.join(plugins, name) for name in (*names, "vars")}
    folders["ANSIBLE_MODULE_UTILS"] = os.path.join(plugins, "module_utils")
    folders["ANSIBLE_COLLECTIONS_PATH"] = os.path.join(support, "collections")
    modules = os.path.join(plugins, "modules")
    env = {name: path for name, path in folders.items() if os.path.isdir(path)}
    env |= {
        "PATH": os.pathsep.join((os.path.join(work, "bin"), binaries, os.environ.get("PATH", os.defpath))),
        "HOME": os.path.expanduser("~"),
        "LC_ALL": "C.UTF-8",
        "PAGER": "/bin/cat",
        "ANSIBLE_LIBRARY": modules if os.path.isdir(modules) else os.devnull,
        "ANSIBLE_CONFIG": os.path.join(integration, "integration.cfg"),
        "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE": "1024",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_FORCE_HANDLERS": "true",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_INVENTORY": os.devnull,
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_DISPLAY_TRACEBACK": "never",
        "ANSIBLE_DEVEL_WARNING": "false",
        "ANSIBLE_WORKER_SHUTDOWN_POLL_COUNT": "100",
        "ANSIBLE_WORKER_SHUTDOWN_POLL_DELAY": "0.1",
        "ANSIBLE_PYTHON_INTERPRETER": "/set/ansible_python_interpreter/in/inventory",
        "ANSIBLE_CALLBACKS_ENABLED": "junit",
        "ANSIBLE_TEST_ANSIBLE_LIB_ROOT": os.path.join(target.root, "lib", "ansible"),
        "ANSIBLE_TEST_PYTHON_INTERPRETER": python,
        "ANSIBLE_TEST_PYTHON_VERSION": version,
        "ANSIBLE_TEST_CI": "",
        "ANSIBLE_TEST_COVERAGE": "",
        "ANSIBLE_TEST_ANSIBLE_VERSION": os.path.basename(target.root).partition("-")[2],
        "JUNIT_OUTPUT_DIR": os.path.join(work, "junit"),
        "JUNIT_TASK_RELATIVE_PATH": os.path.dirname(os.path.dirname(integration)),
        "JUNIT_REPLACE_OUT_OF_TREE_PATH": "out-of-tree:",
        "OUTPUT_DIR": os.path.join(work, "output"),
        "INVENTORY_PATH": os.path.join(integration, "inventory"),
        MARK: uuid.uuid4().hex,
    }
    if target.name not in ACCOUNT_HOME:
        env["HOME"] = os.path.join(work, "home")
        # Modules and the controller look for it in the account's home and in HOME, which are two here.
        env["ANSIBLE_ASYNC_DIR"] = os.path.join(env["HOME"], ".ansible_async")
    # Targets make environments of their own, in which Ansible must be found, and with it the hook.
    path = [packages]
    if mode != "stock":
        path.insert(0, interpreters.place_package(os.path.join(work, "site")))
    if mode == "hook":
        interpreters.place_sitecustomize(path[0])
    env["PYTHONPATH"] = os.pathsep.join(path)
    env["MPTHREAD_HOOK"] = str(int(mode != "stock"))
    for words in target.having("env/set"):
        name, _, value = words.partition("/")
        env[name] = value
    return env


@functools.cache
def _probe(python: str) -> tuple[str, str]:
    """Return the version of an interpreter and where its packages are."""
    code = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_path('purelib'))"
    version, _, packages = interpreters.run(python, "-c", code).stdout.strip().partition(" ")
    return version, packages


def command(
    mode: str, python: str, target: Target, env: dict[str, str], integration: str
) -> tuple[list[str], str]:
    """Return what runs a target, and where."""
    if target.is_script:
        folder = os.path.join(integration, "targets", target.name)
        env["ANSIBLE_PLAYBOOK_DIR"] = folder
        return ["bash", "./runme.sh"], folder
    play = {
        "hosts": "testhost",
        "gather_facts": "gather_facts/no" not in target.aliases,
        "vars_files": ["integration_config.yml"],
        "vars": {"output_dir": env["OUTPUT_DIR"]},
        "roles": [target.name],
    }
    name = f"{target.name}-play.yml"
    with open(os.path.join(integration, name), "w", encoding="utf-8") as file:
        json.dump([play], file)
    env["ANSIBLE_PLAYBOOK_DIR"] = integration
    env["ANSIBLE_ROLES_PATH"] = os.path.join(integration, "targets")
    return ["ansible-playbook", name, "-i", "inventory"], integration


def place_commands(python: str, work: str) -> None:
    """Write commands of Ansible that become a process which can create no other one, and keep their arguments.

    In that process the real ones are found: they are Python scripts, which can be run there.
    """
    folder, site = os.path.join(work, "bin"), shlex.quote(os.path.join(work, "site"))
    for name in (f"ansible{end}" for end in COMMANDS):
        words = (python, SANDBOX, "-m", "mpthread_hook", "run", os.path.join(os.path.dirname(python), name))
        path = os.path.join(folder, name)
        _write(
            path,
            "#!/bin/sh\n"
            f"before=${{PATH%%{shlex.quote(folder)}:*}}\n"
            f'[ "$before" = "$PATH" ] || PATH=$before${{PATH#"$before"{shlex.quote(folder)}:}}\n'
            f"export PATH PYTHONPATH={site}${{PYTHONPATH:+:$PYTHONPATH}}\n"
            f'exec {shlex.join(words)} "$@"\n',
        )
        os.chmod(path, 0o755)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(mode: str, python: str, target: Target, work: str, limit: float) -> Outcome:
    """Run a target in ``work``, a folder that is made new; stock and hook get the same path."""
    shutil.rmtree(work, ignore_errors=True)
    integration = place(target, os.path.join(work, f"run{'-ansible' if _plain(target) else SUFFIX}"))
    for name in ("bin", "home", "junit", "output"):
        os.makedirs(os.path.join(work, name))
    injected = os.path.join(
        target.root, "test", "lib", "ansible_test", "_util", "target", "injector", "virtualenv.sh"
    )
    if os.path.exists(injected):
        os.chmod(shutil.copy(injected, os.path.join(work, "bin")), 0o755)
    if mode == "sandbox":
        place_commands(python, work)
    env = environment(mode, python, target, work, integration)
    host = f"testhost ansible_connection=local ansible_pipelining=yes ansible_python_interpreter={python}"
    _write(os.path.join(integration, "inventory"), f"[testgroup]\n{host}\n")
    _write(os.path.join(integration, "integration.cfg"), "")
    _write(os.path.join(integration, "integration_config.yml"), "{}\n")
    words, folder = command(mode, python, target, env, integration)
    began = time.monotonic()
    with (
        open(os.path.join(work, "stdout"), "wb") as stdout,
        open(os.path.join(work, "stderr"), "wb") as stderr,
    ):
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            status: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end_all(env[MARK])
            process.wait()
    took = round(time.monotonic() - began, 1)
    printed = [_read(os.path.join(work, name)) for name in ("stdout", "stderr")]
    found = dict(sorted(kinds(printed[0], in_step=False).items()))
    found.pop("FAILED - RETRYING", None)  # as many as there was time for
    return Outcome(status, took, recaps(printed[0]), found, *printed)


def _plain(target: Target) -> bool:
    return bool({"no/temp_unicode", "no/temp_workdir"} & {alias.rstrip("/") for alias in target.aliases})


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _end_all(mark: str) -> None:
    """End what a run has started and left, daemons among it: whatever has its mark in the environment."""
    wanted = f"{MARK}={mark}".encode()
    while found := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _has(pid, wanted)]:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _has(pid: int, wanted: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return wanted in file.read().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return False


if not sys.platform.startswith("linux"):
    raise ImportError("tests.downstream looks for what a run has left in /proc, so it runs on Linux only")
