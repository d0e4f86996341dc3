"""``python -m mpthread_hook run``: the program sees what it would see from ``python`` itself."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import (
    bare_python,
    copy_package,
    environment,
    place_package,
    place_sitecustomize,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

RUN = (sys.executable, "-m", "mpthread_hook", "run")
SHOW = (
    "import sys\nprint(__name__, sys.argv, sys.path[0], __file__, __spec__ and __spec__.name, __package__)\n"
)


def outcome(folder: Path, *command: str, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a script, a module, a package, a folder and a zip file that can be run."""
    (tmp_path / "script.py").write_text(SHOW)
    for name in ("package", "folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__main__.py").write_text(SHOW)
    (tmp_path / "package" / "__init__.py").write_text("")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("script.py", "1", "-m", "--", "-x"),
        ("./script.py",),
        ("-m", "script", "-c", "x"),
        ("-m", "package", "--help"),
        ("-m", "package.__main__"),
        ("folder", "1"),
        ("archive.zip", "1"),
        ("-c", "import sys; print(__name__, sys.argv, sys.path[0] == '')", "-h"),
    ],
    ids=" ".join,
)
def test_it_is_as_python_itself(programs: Path, command: tuple[str, ...]) -> None:
    """Name, arguments, first entry of the path, file, spec and package are those of ``python``."""
    expected = outcome(programs, sys.executable, *command)
    assert expected[0] == 0
    assert outcome(programs, *RUN, *command) == expected


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(7)", "raise SystemExit", "import os; os._exit(3)", "pass"]
)
def test_the_status_is_the_program_s(tmp_path: Path, ending: str) -> None:
    """Whatever ends the program sets the exit status, and nothing is printed beside."""
    expected = outcome(tmp_path, sys.executable, "-c", ending)
    assert outcome(tmp_path, *RUN, "-c", ending) == expected


def test_an_exception_is_printed_and_fails(tmp_path: Path) -> None:
    """An uncaught exception prints its traceback, with the program's own last lines, and ends with 1."""
    (tmp_path / "broken.py").write_text("def f():\n    raise ValueError('mine')\nf()\n")
    status, stdout, stderr = outcome(tmp_path, *RUN, "broken.py")
    assert (status, stdout) == (1, "")
    assert stderr.endswith("ValueError: mine\n")
    assert 'broken.py", line 2, in f' in stderr


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ((), 2, "nothing to run"),
        (("-m",), 2, "what -m names is missing"),
        (("-q",), 2, "no option -q"),
        (("--children",), 2, "nothing to run"),
        (("--children", "-m"), 2, "what -m names is missing"),
        (("--children", "--children", "nowhere.py"), 2, "can't open file 'nowhere.py'"),
        (("--trace",), 2, "what --trace names is missing"),
        (("--trace", "trace.json"), 2, "nothing to run"),
        (("nowhere.py",), 2, "can't open file 'nowhere.py'"),
        (("-m", "no_such_module"), 1, "no module named no_such_module"),
        (("-m", "email"), 1, "no module named email, or it is a package without __main__"),
        (("-m", "..x"), 1, "cannot be run"),
        (("-m", "sys"), 1, "sys has no code"),
        (("empty",), 1, "can't find '__main__' module in 'empty'"),
    ],
    ids=str,
)
def test_what_cannot_be_run(tmp_path: Path, command: tuple[str, ...], status: int, words: str) -> None:
    """One sentence says what is wrong, and no traceback of ours."""
    (tmp_path / "empty").mkdir()
    found = outcome(tmp_path, *RUN, *command)
    assert found[:2] == (status, "")
    assert words in found[2]
    assert "Traceback" not in found[2]


def test_the_hook_is_on_and_main_is_found(tmp_path: Path) -> None:
    """A spawned child imports the program's own main module and runs as a thread process."""
    (tmp_path / "main.py").write_text(
        "import multiprocessing, os, sys, mpthread_hook\n"
        "def work(queue):\n"
        "    queue.put((os.getpid(), __name__))\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    child = context.Process(target=work, args=(queue,))\n"
        "    child.start()\n"
        "    pid, name = queue.get()\n"
        "    child.join()\n"
        "    print(pid == child.pid != os.getpid(), name, child.exitcode, mpthread_hook.enabled())\n"
    )
    status, stdout, stderr = outcome(tmp_path, *RUN, "main.py")
    assert (status, stderr) == (0, "")
    assert stdout.split()[0] == "True"
    assert stdout.split()[2:] == ["0", "True"]


def test_safe_path_is_kept(programs: Path) -> None:
    """With PYTHONSAFEPATH nothing is put in front of the path."""
    code = "import sys; print(sys.path[:1])"
    expected = outcome(programs, sys.executable, "-c", code, PYTHONSAFEPATH="1")
    assert outcome(programs, *RUN, "-c", code, PYTHONSAFEPATH="1") == expected


SHOW_CHILD = """
import subprocess, sys
code = "import multiprocessing as m; p = m.Process(target=print, args=(5,)); "
code += "p.start(); p.join(); print(p.pid > 1 << 30)"
flags = sys.argv[1:]
print(subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True).stdout.split())
"""


@pytest.mark.parametrize("form", ["checkout", "vendored", "zip", "stripped"])
def test_programs_that_it_starts_have_it_too(tmp_path: Path, form: str) -> None:
    """With ``--children`` Python programs that the program starts are served too, without it they are not."""
    python, place = bare_python(), str(tmp_path / "app")
    if form == "checkout":
        place_package(os.path.join(place, "src"))
        place_sitecustomize(place)
        path = os.path.join(place, "src")
    else:
        copy_package(place)
        place_sitecustomize(place)
        path = place
    if form == "stripped":
        assert compileall.compile_dir(place, quiet=1, legacy=True)
        for where, _, names in os.walk(place):
            for name in names:
                if name.endswith(".py"):
                    os.remove(os.path.join(where, name))
    if form == "zip":
        path = shutil.make_archive(place, "zip", place)
    (tmp_path / "program.py").write_text(SHOW_CHILD)
    for option, served in ((), "False"), (("--children",), "True"):
        # In front of what was there, which stays.
        env = environment(["/kept", path], MPTHREAD_HOOK="0,strict")
        done = run(python, "-m", "mpthread_hook", "run", *option, "program.py", env=env, cwd=str(tmp_path))
        assert (done.stdout, done.stderr) == (f"['5', '{served}']\n", "")
    code = "import os; print(os.environ['MPTHREAD_HOOK'], os.environ['PYTHONPATH'].split(os.pathsep)[1:])"
    done = run(python, "-m", "mpthread_hook", "run", "--children", "-c", code, env=env, cwd=str(tmp_path))
    assert done.stdout == f"1,strict {['/kept', path]}\n"


def test_children_need_a_start_up_file(tmp_path: Path) -> None:
    """A copy that came without start-up files refuses ``--children`` in one sentence, and runs nothing."""
    place = copy_package(str(tmp_path / "lib"))
    done = run(
        *(bare_python(), "-m", "mpthread_hook", "run", "--children", "-c", "print(1)"),
        env=environment([place]),
        cwd=str(tmp_path),
    )
    assert (done.returncode, done.stdout) == (2, "")
    text = "--children: no start-up file of this copy would run; `mpthread_hook vendor` writes one"
    assert done.stderr == f"mpthread_hook run: {text}\n"


def test_it_is_quiet_about_whoever_runs_it(tmp_path: Path) -> None:
    """A tool that imported multiprocessing and runs us (`coverage run`) is led to threads without a warning."""
    (tmp_path / "tool.py").write_text(
        "import sys, runpy, multiprocessing\nfrom multiprocessing import Process\n"
        "class Own(multiprocessing.Process): pass\n"
        "sys.argv[:] = ['mpthread_hook', 'run', 'program.py']\n"
        "runpy.run_module('mpthread_hook', run_name='__main__', alter_sys=True)\n"
    )
    (tmp_path / "runner.py").write_text("import tool\n")
    (tmp_path / "program.py").write_text(
        "import multiprocessing, os, threading, tool\n"
        "multiprocessing.set_start_method('fork')\n"
        "for cls in (multiprocessing.Process, tool.Process, tool.Own):\n"
        "    p = cls(target=lambda: print(os.getpid() > 1 << 30, flush=True))\n"
        "    p.start()\n"
        "    p.join()\n"
    )
    status, output, errors = outcome(tmp_path, sys.executable, "runner.py")
    assert (status, output.split(), errors) == (0, ["True"] * 3, "")
    strict = outcome(tmp_path, sys.executable, "runner.py", MPTHREAD_HOOK="strict")
    assert strict[0] == 1
    assert "ActivationError" in strict[2]
