"""Every cell of the table of layouts and ways in, run."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import compileall
import os
import shutil
import sys
import sysconfig
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.layouts.table import LAYOUTS, READ, WAYS, layout
from tests.interpreters import (
    bare_python,
    copy_package,
    environment,
    make_venv,
    place_package,
    place_sitecustomize,
    place_startup_files,
    run,
    site_packages,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

pytestmark = [pytest.mark.integration]

#: An application that says who serves multiprocessing and that a child process of it works.
PROGRAM = """
import multiprocessing, os, sys
def main():
    served = type(multiprocessing.__spec__.loader).__module__.partition(".")[0] == "mpthread_hook"
    if served:
        queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=queue.put, args=(7,))
        process.start()
        served = queue.get(timeout=60) == 7 and process.pid > 1 << 30
        process.join()
    print("served" if served else "real")
if __name__ == "__main__":
    main()
"""
AUTO = "import mpthread_hook.auto\n"
FOLDER = os.path.dirname(os.path.abspath(__file__))
HERE: dict[str, Callable[[str, str], subprocess.CompletedProcess[str]]] = {}


def runs(*names: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Register the function that starts an application in a folder, through one way in, in these layouts."""

    def register(function: Callable[..., object]) -> Callable[..., object]:
        for name in names:
            HERE[name] = lambda folder, way, name=name: function(name, folder, way)  # type: ignore[misc]
        return function

    return register


def application(folder: str, way: str, *, name: str = "app", packages: str = "") -> str:
    """Make the application's folder: its program, and what the way in needs there; returns it."""
    app = os.path.join(folder, name)
    os.makedirs(app, exist_ok=True)
    with open(os.path.join(app, "program.py"), "w", encoding="utf-8") as file:
        file.write(AUTO * (way == "auto") + PROGRAM)
    if way == "sitecustomize":
        place_sitecustomize(app)
    if way != "wheel" or packages:
        copy_package(packages or app)
    if way == "wheel":
        place_startup_files(packages)
    return app


def command(way: str, program: str) -> list[str]:
    """Return the end of a command that starts the program."""
    return ["-m", "mpthread_hook", "run", program] if way == "run" else [program]


# ---------------------------------------------------------------------------------------------------------
# Interpreters with flags


@runs("venv", "python -s", "python -P", "python -E", "python -I", "python -S")
def _flags(name: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    python = make_venv(os.path.join(folder, "venv"))
    flags = name.split()[1:]
    packages = site_packages(python)
    app = application(
        folder, way, packages=packages if way == "wheel" or "-E" in flags or "-I" in flags else ""
    )
    path = [app]
    if "-S" in flags:
        path.append(packages)
    env = environment(path, MPTHREAD_HOOK="1")
    return run(python, *flags, *command(way, os.path.join(app, "program.py")), env=env, cwd=folder)


# ---------------------------------------------------------------------------------------------------------
# Forms of an application


@runs("zip")
def _zip(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    app = application(folder, way)
    os.rename(os.path.join(app, "program.py"), os.path.join(app, "__main__.py"))
    archive = os.path.join(folder, "app.zip")
    with zipfile.ZipFile(archive, "w") as file:
        for where, _folders, names in os.walk(app):
            for name in names:
                path = os.path.join(where, name)
                file.write(path, os.path.relpath(path, app))
    env = environment([archive], MPTHREAD_HOOK="1")
    return run(bare_python(), "-s", *command(way, archive), env=env, cwd=folder)


@runs("stripped")
def _stripped(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    app = application(folder, way)
    assert compileall.compile_dir(app, quiet=1, legacy=True)
    for where, _folders, names in os.walk(app):
        for name in names:
            if name.endswith(".py"):
                os.remove(os.path.join(where, name))
    env = environment([app], MPTHREAD_HOOK="1")
    return run(bare_python(), "-s", *command(way, os.path.join(app, "program.pyc")), env=env, cwd=folder)


@runs("read-only")
def _read_only(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    app = application(folder, way)
    before = listing(app)
    for where, folders, names in os.walk(app):
        for name in [*folders, *names]:
            os.chmod(os.path.join(where, name), 0o555)
    env = environment([app], MPTHREAD_HOOK="1")
    done = run(bare_python(), "-B", *command(way, os.path.join(app, "program.py")), env=env, cwd=folder)
    # The superuser may write all the same: so it is looked at, too.
    assert listing(app) == before
    return done


def listing(folder: str) -> list[tuple[str, list[str]]]:
    """Return every file below a folder."""
    return sorted((where, sorted(names)) for where, _, names in os.walk(folder))


# ---------------------------------------------------------------------------------------------------------
# Briefcase's own launchers


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compile the C program and return its path."""
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on PATH")
    config = sysconfig.get_config_var
    include = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(include, "Python.h")):
        pytest.skip(f"no Python.h in {include}")
    target = str(tmp_path_factory.mktemp("stub") / "isolated")
    library = config("LIBDIR") or ""
    options = [f"-I{include}", f"-L{library}", f"-L{config('LIBPL')}", f"-Wl,-rpath,{library}"]
    link = [f"-lpython{sys.version_info.major}.{sys.version_info.minor}{sys.abiflags}"]
    link += f"{config('LIBS')} {config('SYSLIBS')} {config('LINKFORSHARED')}".split()
    source = os.path.join(FOLDER, "isolated.c")
    done = run(compiler, source, "-o", target, *options, *link)
    if done.returncode:
        pytest.skip(f"this interpreter cannot be linked against: {done.stderr.strip().splitlines()[-1]}")
    return target


def standard_path() -> list[str]:
    """Return where the interpreter's own modules are."""
    shared = sysconfig.get_config_var("DESTSHARED") or ""
    return [sysconfig.get_path("stdlib"), *([shared] if os.path.isdir(shared) else [])]


LAUNCH = """
import sys
sys.path.append({app!r}) if {app!r} not in sys.path else None
import site
site.addsitedir({packages!r})
import runpy
runpy.run_module("program", run_name="__main__", alter_sys=True)
"""


@runs("isolated", "isolated, no site")
def _isolated(name: str, folder: str, way: str, stub: str = "") -> subprocess.CompletedProcess[str]:
    packages = os.path.join(folder, "app_packages")
    os.makedirs(packages)
    app = application(folder, way, packages=packages)
    code = LAUNCH.format(app=app, packages=packages)
    path = [*standard_path(), app]
    # The isolated configuration ignores Python's variables, and not ours.
    env = environment(["/ignored"], MPTHREAD_HOOK="1")
    return run(stub, sys.base_prefix, "0" if "no site" in name else "1", code, *path, env=env, cwd=folder)


@runs("AppImage")
def _appimage(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    packages = os.path.join(folder, "app_packages")
    os.makedirs(packages)
    app = application(folder, way, packages=packages)
    code = (
        "import runpy, sys; sys.path.pop(0); runpy.run_module('program', run_name='__main__', alter_sys=True)"
    )
    env = environment([app, packages], MPTHREAD_HOOK="1")
    return run(bare_python(), "-u", "-s", "-X", "utf8", "-c", code, env=env, cwd=folder)


ANDROID = """
import sys
sys.path.insert(0, {app!r})
sys.path.insert(1, {packages!r})
import site
site.addsitedir({packages!r})
# What the platform does before the application starts: it puts a stub in place of the extension, once
# somebody imports multiprocessing.synchronize, which must not have happened yet.
if "multiprocessing" in sys.modules:
    raise SystemExit("multiprocessing was imported before the trigger was set up")
class Trigger:
    def find_spec(self, name, path=None, target=None):
        if name == "_multiprocessing":
            raise AssertionError("the platform's stub was asked for")
sys.meta_path.append(Trigger())
import runpy
runpy.run_module("program", run_name="__main__", alter_sys=True)
"""


@runs("Android")
def _android(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    packages = os.path.join(folder, "app_packages")
    os.makedirs(packages)
    app = application(folder, way, packages=packages)
    code = "import sys; sys.getandroidapilevel = lambda: 24\n" + ANDROID.format(app=app, packages=packages)
    if way == "sitecustomize":  # then nothing may turn it on, the trigger included
        code = code.replace("raise AssertionError", "return None #")
    return run(bare_python(), "-I", "-c", code, env=environment(), cwd=folder)


# ---------------------------------------------------------------------------------------------------------
# Platforms, on by themselves

STOCK = "import multiprocessing; multiprocessing.Lock()"
NAMESPACE = """
set -e
mkdir -p {new}
mount -t tmpfs none {new}
for name in null zero random urandom full; do touch {new}/$name; mount --bind /dev/$name {new}/$name; done
mount --move {new} /dev
exec "$@"
"""


@runs("Lambda")
def _lambda(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("mount namespaces are Linux's, and `unshare` makes them")
    script = NAMESPACE.format(new=os.path.join(folder, "dev"))
    probe = run("unshare", "-m", "true")
    if probe.returncode:
        pytest.skip(f"no mount namespace is to be had here: {probe.stderr.strip()}")
    python = make_venv(os.path.join(folder, "venv"))
    app = application(folder, way, packages=site_packages(python) if way == "wheel" else "")
    enter = ("unshare", "-m", "sh", "-c", script, "sh")
    assert run(*enter, "sh", "-c", "test ! -e /dev/shm").returncode == 0
    stock = run(*enter, python, "-c", STOCK, env=environment(MPTHREAD_HOOK="0"))
    assert "Error" in stock.stderr, "stock multiprocessing works in this namespace: it is no such platform"
    return run(*enter, python, os.path.join(app, "program.py"), env=environment([app]), cwd=folder)


IOS = """
import os, sys
missing = {
    "_multiprocessing", "_posixshmem", "_posixsubprocess", "grp", "pwd", "spwd", "syslog", "readline", "nis",
    "_curses", "_curses_panel", "_gdbm", "_scproxy", "_tkinter",
}
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
for name in missing:
    sys.modules.pop(name, None)
for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "getgroups", "system", "wait3", "wait4"):
    vars(os).pop(name, None)
sys.platform = "ios"
"""
IOS_PROGRAM = """
import concurrent.futures, multiprocessing, multiprocessing.dummy, multiprocessing.pool
def square(number):
    return number * number
def main():
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
        queue, lock = context.Queue(), context.Lock()
        process = context.Process(target=queue.put, args=(1,)); process.start()
        assert queue.get(timeout=60) == 1
        process.join()
        with lock:
            assert process.exitcode == 0
    with multiprocessing.pool.ThreadPool(2) as pool, multiprocessing.dummy.Pool(2) as dummy:
        assert pool.map(square, [3]) == dummy.map(square, [3]) == [9]
    with multiprocessing.Manager() as manager:
        shared = manager.dict()
        process = multiprocessing.Process(target=shared.update, args=({"a": 1},)); process.start(); process.join()
        assert dict(shared) == {"a": 1}
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        assert list(executor.map(square, [2, 3])) == [4, 9]
    value = multiprocessing.Value("i", 1)
    assert value.value == 1
    print("served")
if __name__ == "__main__":
    main()
"""


@runs("iOS")
def _ios(_: str, folder: str, way: str) -> subprocess.CompletedProcess[str]:
    app = application(folder, way)
    with open(os.path.join(app, "program.py"), "w", encoding="utf-8") as file:
        file.write(AUTO * (way == "auto") + IOS_PROGRAM)
    # The platform comes first: it is what the start-up file finds.  Frameworks that iOS has are stubbed.
    platform = os.path.join(folder, "platform")
    os.makedirs(platform)
    with open(os.path.join(platform, "_ios_support.py"), "w", encoding="utf-8") as file:
        file.write("def get_platform_ios(): return ('iOS', '17.0', 'iPhone', True)\n")
    code = IOS + "sys.meta_path.insert(0, Hidden())\n"
    code += f"sys.path[:0] = [{app!r}, {platform!r}]\n"
    code += "import sitecustomize\n" if way == "sitecustomize" else ""
    code += "import runpy; runpy.run_module('program', run_name='__main__', alter_sys=True)\n"
    return run(sys.executable, "-S", "-c", code, env=environment(), cwd=folder)


# ---------------------------------------------------------------------------------------------------------
# The tests

CELLS = [
    pytest.param(one.name, way, id=f"{one.name}-{way}")
    for one in LAYOUTS
    for way in WAYS
    if way in one.ways and one.how != READ and not one.name.startswith(("briefcase", "pytest"))
]


@pytest.mark.parametrize(("name", "way"), CELLS)
def test_layout(request: pytest.FixtureRequest, tmp_path: object, name: str, way: str) -> None:
    """The way in serves multiprocessing in this layout exactly if the table says so; nothing is on stderr."""
    start = HERE[name]
    if name.startswith("isolated"):
        stub: str = request.getfixturevalue("stub")
        done = _isolated(name, str(tmp_path), way, stub)  # type: ignore[call-arg]
    else:
        done = start(str(tmp_path), way)
    assert done.stderr == ""
    assert done.stdout == ("served\n" if layout(name).ways[way] else "real\n")


def test_every_layout_is_run_or_read() -> None:
    """Each layout of the table has a function that runs it, a test of its own, or says that it was read."""
    own = {"briefcase dev", "briefcase package", "pytest"}
    assert {one.name for one in LAYOUTS if one.how != READ} - own == set(HERE)


def test_pytest_layout(tmp_path: object) -> None:
    """`pytest` under ``run``, or with the line in conftest, is served without the plugin's help."""
    folder = str(tmp_path)
    place_package(os.path.join(folder, "lib"))
    with open(os.path.join(folder, "test_it.py"), "w", encoding="utf-8") as file:
        file.write(
            PROGRAM + "def test_it(capsys):\n    main()\n    assert capsys.readouterr().out == 'served\\n'\n"
        )
    where = os.path.dirname(os.path.dirname(pytest.__file__))
    env = environment(
        [os.path.join(folder, "lib"), where], MPTHREAD_HOOK="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
    )
    options = ["pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = run(sys.executable, "-m", "mpthread_hook", "run", "-m", *options, env=env, cwd=folder)
    assert done.returncode == 0, done.stdout
    with open(os.path.join(folder, "conftest.py"), "w", encoding="utf-8") as file:
        file.write(AUTO)
    assert run(sys.executable, "-m", *options, env=env, cwd=folder).returncode == 0
