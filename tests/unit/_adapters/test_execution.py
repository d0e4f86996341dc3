"""Whether programs can be started is found out once, without starting any."""


from __future__ import annotations

import errno
import os
import sys

import pytest

from mpthread_hook._adapters import ansible_execution
from tests.interpreters import answer, environment, run, this_path
from tests.sandbox import available

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ansible_execution, "_asked", False)
    monkeypatch.setattr(ansible_execution, "_refusal", None)
    monkeypatch.delenv(ansible_execution.VARIABLE, raising=False)


def test_a_workstation_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is refused here, so modules are programs; the answer is remembered."""
    assert ansible_execution.refusal() is None
    assert not ansible_execution.in_process()
    monkeypatch.setattr(ansible_execution, "_by_trying", None)
    assert ansible_execution.refusal() is None


@pytest.mark.parametrize("platform", ["ios", "tvos", "watchos", "emscripten", "wasi"])
def test_some_platforms_are_not_tried(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """Where fork() may lock up the program, the name of the platform is enough."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ansible_execution, "_by_trying", None)
    error = ansible_execution.refusal()
    assert error is not None
    assert error.errno == errno.ENOTSUP
    assert ansible_execution.in_process()


def test_android_without_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app has programs but no interpreter among them; a terminal (with one) is tried like any system."""
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 30, raising=False)
    assert ansible_execution.refusal() is None
    monkeypatch.setattr(ansible_execution, "_asked", False)
    monkeypatch.setattr(sys, "executable", "")
    assert ansible_execution.refusal() is not None


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP])
@pytest.mark.parametrize("call", ["_execv", "_posix_spawn"])
def test_refusals(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Either call, refused with any of these, means that there are no programs."""

    def refuse(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ansible_execution, call, refuse)
    error = ansible_execution.refusal()
    assert error is not None
    assert error.errno == number
    assert error.__traceback__ is None
    assert os.strerror(number) in ansible_execution.explain("ls")
    assert "'ls'" in ansible_execution.explain("ls")


def test_being_busy_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is reached now says nothing about later."""

    def busy(*args: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(ansible_execution, "_posix_spawn", busy)
    assert ansible_execution.refusal() is None


def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """`in-process` and `exec` overrule what was found; anything else is an error that names the choices."""
    monkeypatch.setenv(ansible_execution.VARIABLE, "in-process")
    assert ansible_execution.in_process()
    monkeypatch.setenv(ansible_execution.VARIABLE, "auto")
    assert not ansible_execution.in_process()
    monkeypatch.setattr(ansible_execution, "_asked", True)
    monkeypatch.setattr(ansible_execution, "_refusal", OSError(1, "no"))
    assert ansible_execution.in_process()
    monkeypatch.setenv(ansible_execution.VARIABLE, "exec")
    assert not ansible_execution.in_process()
    monkeypatch.setenv(ansible_execution.VARIABLE, "perhaps")
    with pytest.raises(ValueError, match="must be 'in-process', 'exec' or 'auto', not 'perhaps'"):
        ansible_execution.in_process()


@pytest.mark.skipif(not available(), reason="no seccomp filter for this kernel or machine")
def test_under_a_real_guard() -> None:
    """With fork and exec denied by the kernel it is found out, and nothing was started to find it out."""
    code = """
import json
from mpthread_hook import _guard
assert _guard.deny()
from mpthread_hook._adapters import ansible_execution
print(json.dumps([ansible_execution.refusal().errno, ansible_execution.in_process(), _guard.children()]))
"""
    assert answer(code, env=environment(this_path())) == [errno.EPERM, True, []]


def test_no_process_is_left() -> None:
    """Trying leaves no child, not even one that has to be waited for."""
    code = """
import json, os
from mpthread_hook._adapters import ansible_execution
ansible_execution.refusal()
try:
    print(json.dumps(os.waitpid(-1, os.WNOHANG)))
except ChildProcessError:
    print(json.dumps("none"))
"""
    done = run(sys.executable, "-c", code, env=environment(this_path()))
    assert done.stdout == '"none"\n', done.stderr
