"""A worker that ends leaves no connection behind, whether or not it has closed it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("paramiko", reason="paramiko is an extra")
pytest.importorskip("ansible", reason="ansible-core is an extra")
pytestmark = pytest.mark.integration

PROGRAM = f"""
import sys
sys.path.append({ROOT!r})
import multiprocessing, os, signal
from mpthread_hook._adapters.ansible_paramiko import _sessions
from mpthread_hook._adapters.ssh_session import Session, Target
from tests.unit._adapters.ssh_server import PASSWORD, Server

def child(end, port, port_behind):
    target = Target("127.0.0.1", port, "user", password=PASSWORD, agent=False, default_keys=False, check="no")
    behind = Target(**{{**vars(target), "port": port_behind, "via": target}})
    for one in (target, behind):
        _sessions()[one] = session = Session(one)
        session.run("echo")
    end()

def leave():
    os._exit(0)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

with Server() as server, Server() as behind:
    for end in (int, leave, die):
        process = multiprocessing.get_context("fork").Process(target=child, args=(end, server.port, behind.port))
        process.start()
        process.join()
        transports = [*server._transports, *behind._transports]
        for transport in transports:
            transport.join(20)
        print(process.exitcode, [transport.is_active() for transport in transports].count(True), len(transports))
"""


def test_the_other_end_learns_of_it(tmp_path: Path) -> None:
    """However a worker ends, its sessions, which nobody has closed, end with it, and those that go through them."""
    done = subprocess.run(
        [sys.executable, "-m", "mpthread_hook", "run", "-c", PROGRAM],
        # Keys are added to the files of this home.
        env={**{key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.stdout.splitlines()) == ("", ["0 0 3", "0 0 6", "-9 0 9"])
