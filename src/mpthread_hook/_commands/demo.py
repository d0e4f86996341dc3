"""``demo``: unmodified Ansible plays a playbook in a process that can create no other one."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from importlib.util import find_spec

from .. import _guard, enable, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_PLAYBOOK = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_demo", "playbook.yml")
_REFUSED = {
    "seccomp": "the kernel refuses fork, vfork, clone without a thread, and exec to this process",
    "audit hook": "the interpreter refuses fork, spawn and exec to Python code (this system has no seccomp)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--hosts", type=_positive, default=10, help="how many hosts to play on (default 10)")
    parser.add_argument("--forks", type=_positive, help="how many at a time (default: all of them)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main(options: argparse.Namespace) -> int:
    """Play the playbook and say what was created; returns Ansible's exit status."""
    if find_spec("ansible") is None:
        print("mpthread_hook demo: ansible-core is missing: install mpthread_hook[ansible]", file=sys.stderr)
        return 1
    guard = _guard.deny()
    tries = _guard.check()
    enable()
    with tempfile.TemporaryDirectory(prefix="mpthread-demo-") as folder:
        result = _play(folder, options.hosts, options.forks or options.hosts)
        sys.stdout.flush()
        written = sum(len(files) for _, _, files in os.walk(os.path.join(folder, "root")))
    print(f"guard: {guard}: {_REFUSED[guard]}")
    print("       tried before the play: " + ", ".join(f"{way} {what}" for way, what in tries.items()))
    attempts = _guard.attempts()
    if attempts:
        names = ", ".join(sorted(set(attempts)))
        print(f"       refused during the play: {len(attempts)} attempts to start {names}")
    print(f"files written: {written}")
    print(f"thread processes created: {status()['created']}")
    possible = [way for way, what in tries.items() if what == "possible" and way != "thread"]
    if possible:  # the guard does not hold: what was created cannot be known
        print(f"OS processes created: unknown, the guard let {', '.join(possible)} through")
        return result or 1
    print(f"OS processes created: {len(_guard.children())}")
    return result


def _play(folder: str, hosts: int, forks: int) -> int:
    root = os.path.join(folder, "root")
    os.mkdir(root)
    inventory = os.path.join(folder, "inventory")
    with open(inventory, "w", encoding="utf-8") as file:
        file.write("[all]\n")
        file.writelines(f"host{number:02} number={number}\n" for number in range(1, hosts + 1))
        file.write("[all:vars]\nansible_connection=local\n")
        file.write('ansible_python_interpreter="{{ ansible_playbook_python }}"\n')
    config = os.path.join(folder, "ansible.cfg")
    with open(config, "w", encoding="utf-8") as file:
        file.write("[defaults]\nnocows = true\nretry_files_enabled = false\n")
    # Ansible reads these while it is imported: nothing of the user's settings, nothing left at home.
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        del os.environ[name]
    os.environ.update(
        ANSIBLE_CONFIG=config,
        ANSIBLE_HOME=os.path.join(folder, "ansible"),
        ANSIBLE_REMOTE_TMP=os.path.join(folder, "remote"),
        ANSIBLE_ASYNC_DIR=os.path.join(folder, "async"),
        MPTHREAD_HOOK_ANSIBLE_MODULES="in-process",
    )
    arguments = ["ansible-playbook", "-i", inventory, "-f", str(forks), "-e", f"root={root}", _PLAYBOOK]
    sys.argv[:] = arguments
    with contextlib.ExitStack() as stack:
        stack.callback(sys.stdout.flush)
        # Not at the top: Ansible may be imported only after the hook is enabled and its settings are made.
        from ansible.cli.playbook import main as playbook  # noqa: PLC0415

        try:
            playbook(arguments)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1 if end.code else 0
    return 0
