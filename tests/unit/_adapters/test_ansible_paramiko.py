"""The tests of the connection plugin, in an interpreter of their own.

They import Ansible, which imports multiprocessing: the tests of the hook could not begin without it any more.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.interpreters import ROOT, environment, run, this_path

pytestmark = pytest.mark.unit


def test_the_plugin() -> None:
    """All of them pass, and there are some, where paramiko and ansible-core are."""
    pytest.importorskip("paramiko", reason="paramiko is an extra")
    if not any(os.path.isdir(os.path.join(entry, "ansible")) for entry in sys.path):
        pytest.skip("ansible-core is an extra")
    file = os.path.join(os.path.dirname(__file__), "plugin_in_its_own_interpreter.py")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", file)
    # A whole run of pytest, which takes 20 s on an idle machine.
    done = run(sys.executable, *command, env=environment(this_path()), cwd=ROOT, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
