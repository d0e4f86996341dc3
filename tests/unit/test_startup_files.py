"""The start-up files that the wheel installs say what the switch says."""

# ruff: noqa: E501 - programs in strings

from __future__ import annotations

import os
import pkgutil
import sys
from typing import Any

import pytest

import mpthread_hook
from mpthread_hook import _switch
from tests.interpreters import answer, bare_python, environment, this_path

pytestmark = [pytest.mark.unit]

STARTUP = os.path.join(os.path.dirname(mpthread_hook.__file__), "_startup")


def line() -> str:
    """Return the one line of the .pth file."""
    with open(os.path.join(STARTUP, "00-mpthread_hook.pth"), encoding="utf-8") as file:
        (only,) = file.read().splitlines()
    return only


def test_the_line_is_executed() -> None:
    """It begins as lines of .pth files must to be executed, and compiles."""
    assert line().startswith("import ")
    compile(line(), "<pth>", "exec")


def test_the_line_looks_for_every_sign() -> None:
    """Each platform and variable that the switch knows is one that the line looks for."""
    for word in (*_switch.PLATFORMS, _switch.VARIABLE, _switch.LAMBDA, _switch.SHM, "getandroidapilevel"):
        assert f'"{word}"' in line(), word


@pytest.mark.parametrize("platform", [*_switch.PLATFORMS, "android 3.12", "lambda", "no shm"])
def test_the_line_acts_on_every_sign(platform: str) -> None:
    """Simulated, each sign turns the hook on through the line alone."""
    before = {
        "android 3.12": "sys.getandroidapilevel = lambda: 24",
        "lambda": "os.environ['AWS_LAMBDA_FUNCTION_NAME'] = 'f'",
        "no shm": "sys.platform = 'linux'; os.access = lambda *_: False",
    }.get(platform, f"sys.platform = {platform!r}")
    code = f"import os, sys; {before}\nexec({line()!r})\nimport json, mpthread_hook as h; print(json.dumps(h.status()))"
    status = answer(code, env=environment(this_path()))
    assert status["ways_in"] == ["pth"]
    assert status["reason"].startswith("on: ")


def test_the_line_does_nothing_without_a_sign() -> None:
    """Without a sign the package is not even imported."""
    code = f"import os, sys; os.access = lambda *_: True\nexec({line()!r})\nimport json; print(json.dumps('mpthread_hook' in sys.modules))"
    if sys.platform in _switch.PLATFORMS or hasattr(sys, "getandroidapilevel"):
        pytest.skip("this platform is a sign itself")
    assert answer(code, env=environment(this_path())) is False


NO_EXTENSION = "sys.path = [one for one in sys.path if not one.endswith(('lib-dynload', 'DLLs'))]"


def without_extension(before: str) -> dict[str, Any]:
    """Return the status after a line that saw no file of `_multiprocessing`, and an import of the package."""
    code = (
        f"import os, sys; real = sys.path; {NO_EXTENSION}\nos.access = lambda *_: True\nexec({line()!r})\n"
        f"{before}\nimport json, multiprocessing, mpthread_hook as h; print(json.dumps(h.status()))"
    )
    status: dict[str, Any] = answer(code, env=environment(this_path()))
    return status


@pytest.mark.skipif("_multiprocessing" in sys.builtin_module_names, reason="the extension is built in here")
def test_without_the_extension_the_wheel_serves() -> None:
    """An interpreter built without `_multiprocessing` gets the hook from the wheel alone."""
    status = without_extension("sys.modules['_multiprocessing'] = None; sys.path = real")
    assert status["ways_in"] == ["pth"]
    assert status["reason"] == "on: this interpreter has no _multiprocessing"


@pytest.mark.skipif("_multiprocessing" in sys.builtin_module_names, reason="the extension is built in here")
def test_an_extension_that_came_another_way_is_found() -> None:
    """No file in sight is a hint only: the first import looks closer, and steps aside."""
    status = without_extension("sys.path = real")
    assert status["ways_in"] == []
    assert status["reason"].startswith("off: processes work here")


def test_the_entry_point_exists() -> None:
    """The .start file names a function that takes no argument and does what the line does (PEP 829)."""
    with open(os.path.join(STARTUP, "00-mpthread_hook.start"), encoding="utf-8") as file:
        (name,) = file.read().split()
    assert pkgutil.resolve_name(name) is _switch.start_file
    module, _, function = name.partition(":")
    code = (
        f"import importlib, json; importlib.import_module({module!r}).{function}(); import mpthread_hook as h"
    )
    program = f"{code}; print(json.dumps(h.status()))"
    status = answer(program, python=bare_python(), env=environment(this_path(), MPTHREAD_HOOK="1"))
    assert status["ways_in"] == ["start"]
