"""The start-up files that the wheel installs say what the switch says."""

# ruff: noqa: E501 - programs in strings

from __future__ import annotations

import json
import os
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import mpthread_hook
from mpthread_hook import _switch
from tests.interpreters import (
    answer,
    bare_python,
    environment,
    place_sitecustomize,
    place_startup_files,
    run,
    this_path,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.unit]

STARTUP = os.path.join(os.path.dirname(mpthread_hook.__file__), "_startup")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return a path with what the line imports, and with the package."""
    return [place_startup_files(str(tmp_path_factory.mktemp("site"))), *this_path()]


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
    assert f'in "{" ".join(_switch.PLATFORMS)}" or' in line()
    for word in (_switch.VARIABLE, _switch.LAMBDA, _switch.SHM, "getandroidapilevel"):
        assert f'"{word}"' in line(), word


@pytest.mark.parametrize("platform", [*_switch.PLATFORMS, "android 3.12", "lambda", "no shm"])
def test_the_line_acts_on_every_sign(path: list[str], platform: str) -> None:
    """Simulated, each sign turns the hook on through the line alone."""
    before = {
        "android 3.12": "sys.getandroidapilevel = lambda: 24",
        "lambda": "os.environ['AWS_LAMBDA_FUNCTION_NAME'] = 'f'",
        "no shm": "sys.platform = 'linux'; os.access = lambda *_: False",
    }.get(platform, f"sys.platform = {platform!r}")
    code = f"import os, sys; {before}\nexec({line()!r})\nimport json, mpthread_hook as h; print(json.dumps(h.status()))"
    status = answer(code, env=environment(path))
    assert status["ways_in"] == ["pth"]
    assert status["reason"].startswith("on: ")


def test_the_line_does_nothing_without_a_sign(path: list[str]) -> None:
    """Without a sign nothing is even imported."""
    code = f"import os, sys; os.access = lambda *_: True; before = list(sys.modules)\nexec({line()!r})\nprint(str(list(sys.modules) == before).lower())"
    if sys.platform in _switch.PLATFORMS or hasattr(sys, "getandroidapilevel"):
        pytest.skip("this platform is a sign itself")
    assert answer(code, env=environment(path)) is True


@pytest.mark.parametrize(
    ("said", "ways", "words"),
    [
        ("debug", [], ": off: nothing says"),
        ("1,debug", ["pth"], ": on: MPTHREAD_HOOK is 1"),
        ("yes", [], "a word 'yes' that is none"),
        ("0,debug", [], ": off: MPTHREAD_HOOK is 0"),
        ("auto", [], ""),
    ],
)
def test_the_line_answers_what_is_said(path: list[str], said: str, ways: list[str], words: str) -> None:
    """What asks for an answer gets it at the start, each once, and what needs none is quiet."""
    code = f"import os, sys; os.access = lambda *_: True\nexec({line()!r})\nsys.stderr.write('started\\n')\nimport multiprocessing, json, mpthread_hook as h; print(json.dumps(h.status()['ways_in']))"
    env = environment(path, MPTHREAD_HOOK=said)
    done = run(bare_python(), "-c", code, env=env)
    assert (done.returncode, done.stdout) == (0, json.dumps(ways) + "\n"), done.stderr
    at_start, _, later = done.stderr.partition("started\n")
    assert (words in at_start, bool(at_start), later) == (True, bool(words), "")


def test_two_ways_in_are_both_named(path: list[str], tmp_path: Path) -> None:
    """With the wheel and a sitecustomize.py each waits, and both are named, in order."""
    place_sitecustomize(str(tmp_path))
    code = f"exec({line()!r})\nimport sys; sys.path.insert(0, {str(tmp_path)!r}); import sitecustomize, multiprocessing, json, mpthread_hook as h; print(json.dumps([h.status(), len(set(map(str, sys.meta_path))) == len(sys.meta_path)]))"
    status, once = answer(code, python=bare_python(), env=environment(path, MPTHREAD_HOOK="1"))
    assert (status["ways_in"], once) == (["pth", "sitecustomize"], True)
    assert status["sitecustomize"] == [os.path.join(str(tmp_path), "sitecustomize.py")]


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "import nothing_of_this_name", "(", None])
def test_a_broken_start_file_is_one_line(tmp_path: Path, body: str | None) -> None:
    """What the line imports may be missing or broken: one line, and the program runs."""
    if body is not None:
        (tmp_path / "_mpthread_hook_start.py").write_text(body)
    code = f"exec({line()!r})\nprint(1)"
    done = run(bare_python(), "-c", code, env=environment([str(tmp_path)], MPTHREAD_HOOK="1"))
    assert (done.returncode, done.stdout) == (0, "1\n")
    (said,) = done.stderr.splitlines()
    assert said.startswith("mpthread_hook: the .pth file could not start it: ")


NO_EXTENSION = """
from importlib.machinery import PathFinder as Finder
find = Finder.find_spec
Finder.find_spec = lambda name, *rest: find(name, *rest) if name != "_multiprocessing" else None
"""


def without_extension(path: list[str], later: str = "") -> dict[str, Any]:
    """Return the status after a line that saw no file of `_multiprocessing`, and an import of the package."""
    code = (
        f"import os, sys{NO_EXTENSION}os.access = lambda *_: True\nexec({line()!r})\n{later}\n"
        "import json, multiprocessing, mpthread_hook as h; print(json.dumps(h.status()))"
    )
    status: dict[str, Any] = answer(code, env=environment(path))
    return status


@pytest.mark.skipif("_multiprocessing" in sys.builtin_module_names, reason="the extension is built in here")
def test_without_the_extension_the_wheel_serves(path: list[str]) -> None:
    """An interpreter built without `_multiprocessing` gets the hook from the wheel alone."""
    status = without_extension(path)
    assert status["ways_in"] == ["pth"]
    assert status["reason"] == "on: this interpreter has no _multiprocessing"


@pytest.mark.skipif("_multiprocessing" in sys.builtin_module_names, reason="the extension is built in here")
def test_an_extension_that_is_there_later_is_found(path: list[str]) -> None:
    """No file in sight is a hint only: the first import looks again, and steps aside."""
    status = without_extension(path, "Finder.find_spec = find")
    assert status["ways_in"] == []
    assert status["reason"].startswith("off: ")


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
