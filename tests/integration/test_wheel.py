"""The built wheel: what it installs, what it changes, and that it leaves nothing."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import ROOT, answer, environment, make_venv, run, site_packages

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration]

STATE = "import json, sys; names = list(sys.modules); print(json.dumps([names, [repr(f) for f in sys.meta_path]]))"
SERVED = "import json, multiprocessing as m; print(json.dumps(type(m.__spec__.loader).__module__.partition('.')[0] == 'mpthread_hook'))"
VARIABLES = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}


def pip() -> list[str]:
    """Return a command that runs pip, of this environment or of the interpreter that made it."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        if run(python, "-m", "pip", "--version", env=environment(**VARIABLES)).returncode == 0:
            return [python, "-m", "pip", "--disable-pip-version-check"]
    pytest.skip("neither this environment nor its base has pip")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the wheel from a copy of the sources, and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(os.path.join(ROOT, "src"), folder / "copy" / "src", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "sitecustomize.py"):
        shutil.copy(os.path.join(ROOT, name), folder / "copy")
    # Inside a source distribution, so that what is missing there is missing here.
    command = [*pip(), "wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "copy")]
    done = run(*command, env=environment(**VARIABLES), timeout=280)
    if done.returncode and ("No matching distribution" in done.stderr or "Temporary failure" in done.stderr):
        pytest.skip(f"no build backend is to be had here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = [name for name in os.listdir(folder) if name.endswith(".whl")]
    return str(folder / built)


def install(python: str, wheel: str) -> None:
    """Install the wheel alone, without what it requires."""
    command = [
        *pip(),
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
        wheel,
    ]
    done = run(*command, env=environment(**VARIABLES))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: str) -> str:
    """Return the interpreter of an environment with nothing but the wheel."""
    python = make_venv(str(tmp_path_factory.mktemp("installed")))
    install(python, wheel)
    return python


def tree(folder: str) -> dict[str, int]:
    """Return every file below a folder with its size, byte code aside."""
    return {
        os.path.relpath(os.path.join(where, name), folder): os.path.getsize(os.path.join(where, name))
        for where, _, names in os.walk(folder)
        for name in names
        if not name.endswith(".pyc")
    }


def test_what_is_in_it(wheel: str) -> None:
    """The start-up files stand beside the package, and sitecustomize inside it, where no start finds it."""
    names = zipfile.ZipFile(wheel).namelist()
    top = {name for name in names if "/" not in name}
    assert top == {"00-mpthread_hook.pth", "00-mpthread_hook.start", "_mpthread_hook_start.py"}
    with zipfile.ZipFile(wheel) as archive, open(os.path.join(ROOT, "sitecustomize.py"), "rb") as file:
        source = file.read()
        assert archive.read("mpthread_hook/_startup/sitecustomize.py") == source
        assert archive.read("_mpthread_hook_start.py") == source
    assert not [name for name in names if name.startswith(("tests/", "docs/")) or "__pycache__" in name]


def test_it_changes_nothing_where_processes_work(installed: str, tmp_path: Path) -> None:
    """Where nothing says that processes do not work, a start is the same, module by module, as without it."""
    bare = make_venv(str(tmp_path / "bare"))
    if not os.access("/dev/shm", os.W_OK) and sys.platform == "linux":
        pytest.skip("this machine has no /dev/shm, so the wheel is active here")
    names, finders = answer(STATE, python=installed)
    # What Python needs to read any .pth file (3.13: a codec) is not ours.
    with open(os.path.join(site_packages(bare), "comment.pth"), "w", encoding="utf-8") as file:
        file.write("# nothing\n")
    assert [names, finders] == answer(STATE, python=bare)
    assert answer(SERVED, python=installed) is False


@pytest.mark.parametrize("flags", [[], ["-I"], ["-E"], ["-s"], ["-P"], ["-X", "utf8"]])
def test_the_variable_turns_it_on(installed: str, flags: list[str]) -> None:
    """``MPTHREAD_HOOK=1`` turns it on, also for isolated interpreters, which ignore Python's own variables."""
    assert answer(SERVED, *flags, python=installed, env=environment(MPTHREAD_HOOK="1")) is True
    assert answer(SERVED, *flags, python=installed, env=environment(MPTHREAD_HOOK="0")) is False


def test_without_site_it_needs_a_line(installed: str) -> None:
    """With -S no start-up file runs; the first line of the program does it."""
    env = environment([site_packages(installed)], MPTHREAD_HOOK="1")
    assert answer(SERVED, "-S", python=installed, env=env) is False
    assert answer("import mpthread_hook.auto; " + SERVED, "-S", python=installed, env=env) is True


def test_a_start_adds_one_module(installed: str) -> None:
    """On, the .pth adds one module to a start, and nothing of the stdlib; twice run, once in."""
    bare = answer(STATE, python=installed)[0]
    names, finders = answer(STATE, python=installed, env=environment(MPTHREAD_HOOK="1"))
    added = [name for name in names if name not in bare]
    if sys.version_info < (3, 15):
        assert added == ["_mpthread_hook_start"]
        assert finders[0] == "<mpthread_hook, waiting for multiprocessing>"
    else:
        assert added == ["mpthread_hook", "mpthread_hook._switch"]
        assert finders[0] == "<mpthread_hook finder>"
    assert len([finder for finder in finders if "mpthread_hook" in finder]) == 1
    code = "import json, mpthread_hook; print(json.dumps(mpthread_hook.status()['ways_in']))"
    ways = answer(code, python=installed, env=environment(MPTHREAD_HOOK="1"))
    assert ways == (["pth"] if sys.version_info < (3, 15) else ["start"])


@pytest.mark.parametrize(
    "variables",
    [{"AWS_LAMBDA_FUNCTION_NAME": "resize"}, {"MPTHREAD_HOOK": "auto", "AWS_LAMBDA_FUNCTION_NAME": "f"}],
)
def test_it_is_on_by_itself_where_it_is_needed(installed: str, variables: dict[str, str]) -> None:
    """A platform that is known by a sign needs no setting."""
    assert answer(SERVED, python=installed, env=environment(**variables)) is True


def test_it_is_first_among_start_up_files(tmp_path: Path, wheel: str) -> None:
    """A .pth line of somebody else that imports multiprocessing comes after ours, whatever it is called."""
    python = make_venv(str(tmp_path / "venv"))
    install(python, wheel)
    with open(os.path.join(site_packages(python), "aaa.pth"), "w", encoding="utf-8") as file:
        file.write("import multiprocessing.queues\n")
    code = "import json, mpthread_hook, multiprocessing; print(json.dumps(mpthread_hook.status()))"
    status = answer(code, python=python, env=environment(MPTHREAD_HOOK="1"))
    assert (status["enabled"], status["early_modules"]) == (True, [])


def test_a_broken_package_is_one_line(tmp_path: Path, wheel: str) -> None:
    """With the package gone, or broken, a program that asks for it gets one line and goes on."""
    python = make_venv(str(tmp_path / "venv"))
    install(python, wheel)
    package = os.path.join(site_packages(python), "mpthread_hook")
    for body in ("raise SystemExit(3)", "import nothing_of_this_name"):
        with open(os.path.join(package, "__init__.py"), "w", encoding="utf-8") as file:
            file.write(body)
        done = run(python, "-c", "import multiprocessing; print(1)", env=environment(MPTHREAD_HOOK="1"))
        assert (done.returncode, done.stdout) == (0, "1\n")
        assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["mpthread_hook"]
        assert run(python, "-c", "print(1)", env=environment()).stderr == ""
        if os.name == "posix":  # and where there is no stderr, stdout is the program's all the same
            closed = ("sh", "-c", 'exec "$@" 2>&-', "sh", python, "-c", "import multiprocessing; print(1)")
            assert run(*closed, env=environment(MPTHREAD_HOOK="1")).stdout == "1\n"


@pytest.mark.parametrize("said", ["1", "1,strict"])
def test_a_broken_second_stage_ends_no_start(tmp_path: Path, wheel: str, said: str) -> None:
    """Somebody's .pth line imports multiprocessing while a file that this needs is broken: the program runs."""
    python = make_venv(str(tmp_path / "venv"))
    install(python, wheel)
    with open(os.path.join(site_packages(python), "aaa.pth"), "w", encoding="utf-8") as file:
        file.write("import multiprocessing.queues\n")
    process = os.path.join(site_packages(python), "mpthread_hook", "_backend", "process.py")
    with open(process, "w", encoding="utf-8") as file:
        file.write("raise SystemExit(9)")
    done = run(python, "-c", "print(1)", env=environment(MPTHREAD_HOOK=said))
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "mpthread_hook: the package cannot be loaded" in done.stderr
    if said == "1":
        assert len(done.stderr.splitlines()) == 1


def test_an_uninstall_leaves_nothing(tmp_path: Path, wheel: str) -> None:
    """After an uninstall every file of the environment is as it was before."""
    python = make_venv(str(tmp_path / "venv"))
    before = tree(str(tmp_path / "venv"))
    install(python, wheel)
    assert tree(str(tmp_path / "venv")) != before
    assert answer(SERVED, python=python, env=environment(MPTHREAD_HOOK="1")) is True
    done = run(
        *pip(),
        "--python",
        python,
        "uninstall",
        "--yes",
        "--quiet",
        "mpthread_hook",
        env=environment(**VARIABLES),
    )
    assert done.returncode == 0, done.stderr
    assert tree(str(tmp_path / "venv")) == before
    assert run(python, "-c", "import mpthread_hook").returncode == 1


@pytest.mark.parametrize("flags", [[], ["-I"], ["-E"]])
def test_run_includes_children(installed: str, flags: list[str]) -> None:
    """``run --children`` of an installed copy needs the variable only: the path stays as it is."""
    code = f"import os, subprocess, sys; assert 'PYTHONPATH' not in os.environ; subprocess.run([sys.executable, *{flags}, '-c', {SERVED!r}])"
    done = run(installed, "-m", "mpthread_hook", "run", "--children", "-c", code)
    assert (done.stdout, done.stderr) == ("true\n", "")
    assert run(installed, "-m", "mpthread_hook", "run", "-c", code).stdout == "false\n"


def test_the_installed_package_can_vendor(installed: str, tmp_path: Path) -> None:
    """`vendor` works from the installed wheel, and its copy is the checkout's sitecustomize."""
    done = run(installed, "-m", "mpthread_hook", "vendor", str(tmp_path / "app"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"]
    with open(os.path.join(ROOT, "sitecustomize.py"), "rb") as file:
        assert (tmp_path / "app" / "sitecustomize.py").read_bytes() == file.read()


@pytest.mark.parametrize("autoload", [True, False])
def test_pytest_may_name_the_plugin_that_is_installed(wheel: str, tmp_path: Path, autoload: bool) -> None:
    """``-p`` with the plugin's name is right with and without an installation, and with autoloading off."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    test = tmp_path / "test_it.py"
    test.write_text("def test_it(mpthread):\n    assert mpthread.processes() == []\n")
    variables = {} if autoload else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env = environment([str(tmp_path / "installed")], **variables)
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test))
    for named in ([], ["-p", "mpthread_hook.pytest_plugin"]):
        done = run(sys.executable, *command, *named, env=env, cwd=str(tmp_path))
        assert (done.returncode == 0) is bool(autoload or named), done.stdout + done.stderr
