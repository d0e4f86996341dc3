"""What a start-up costs, what `MPTHREAD_HOOK` says, and how sitecustomize passes on."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.interpreters import (
    ROOT,
    SITECUSTOMIZE,
    answer,
    copy_package,
    environment,
    make_venv,
    place_package,
    place_sitecustomize,
    run,
    site_packages,
)

pytestmark = [pytest.mark.unit]

MODULES = "import sys; names = list(sys.modules); import json; print(json.dumps(names))"
#: Who serves multiprocessing: ours has our finder's loader.
WHO = """
import sys, json, multiprocessing
spec = multiprocessing.__spec__
print(json.dumps(type(spec.loader).__module__.partition(".")[0] == "mpthread_hook"))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the interpreter of an environment that has nothing in it."""
    return make_venv(str(tmp_path_factory.mktemp("bare")))


@pytest.fixture
def app(tmp_path: Path) -> str:
    """Return a folder with sitecustomize and the package beside it, as when both are vendored."""
    place_package(str(tmp_path / "app"))
    place_sitecustomize(str(tmp_path / "app"))
    return str(tmp_path / "app")


def added(python: str, **variables: str) -> list[str]:
    """Return what a start loads beyond a bare start, in order."""
    bare_start = answer(MODULES, python=python, env=environment())
    return [
        name
        for name in answer(MODULES, python=python, env=environment(**variables))
        if name not in bare_start
    ]


def test_a_start_loads_one_module(bare: str, app: str) -> None:
    """With sitecustomize a start loads that one module more, on or undecided, and nothing of the stdlib."""
    assert added(bare, PYTHONPATH=app) == ["sitecustomize"]
    assert added(bare, PYTHONPATH=app, MPTHREAD_HOOK="1") == ["sitecustomize"]


def test_the_facade_loads_two_modules(bare: str, app: str) -> None:
    """Importing the package loads itself and the switch, and nothing of the stdlib."""
    code = (
        "import sys; before = set(sys.modules); import mpthread_hook; new = sorted(set(sys.modules) - before)"
    )
    code += "; import json; print(json.dumps(new))"
    assert answer(code, python=bare, env=environment([app])) == ["mpthread_hook", "mpthread_hook._switch"]


def test_a_checkout_on_the_path_is_enough(bare: str) -> None:
    """PYTHONPATH names the checkout alone: the package is found beside sitecustomize, in src."""
    assert answer(WHO, python=bare, env=environment([ROOT], MPTHREAD_HOOK="1")) is True


def test_the_package_is_found_in_app_packages(bare: str, tmp_path: Path) -> None:
    """Briefcase: app/sitecustomize.py runs while only app is on the path, and the package is a neighbour."""
    place_sitecustomize(str(tmp_path / "app"))
    place_package(str(tmp_path / "app_packages"))
    env = environment([str(tmp_path / "app")], MPTHREAD_HOOK="1")
    assert answer(WHO, python=bare, env=env) is True


@pytest.mark.parametrize(
    ("said", "served"),
    [
        ("1", True),
        ("1,strict", True),
        ("strict, 1", True),
        ("0", False),
        ("0,debug,strict", False),
        ("auto", None),
    ],
)
def test_the_variable_decides(bare: str, app: str, said: str, served: bool | None) -> None:
    """`MPTHREAD_HOOK` turns it on and off; ``auto`` leaves it to the platform, and says so."""
    code = (
        WHO.replace("print(", "ours = (")
        + "import mpthread_hook; print(json.dumps([json.loads(ours), mpthread_hook.status()]))"
    )
    got, status = answer(code, python=bare, env=environment([app], MPTHREAD_HOOK=said), stderr=None)
    on = status["reason"].partition(":")[0] == "on"
    assert got is on is status["enabled"]
    assert served is None or got is served
    assert len(status["reason"]) > 10


def test_an_unknown_word_is_reported_once(bare: str, app: str) -> None:
    """A word that nobody knows is one line on stderr, and changes nothing else."""
    env = environment([app], MPTHREAD_HOOK="1,loud")
    known = "auto, 1, 0, strict, debug, ps"
    line = f"mpthread_hook: MPTHREAD_HOOK has a word 'loud' that is none of {known}; it is ignored\n"
    assert answer(WHO, python=bare, env=env, stderr=line) is True


def test_debug_prints_each_decision(bare: str, app: str) -> None:
    """``debug`` says what ran, and why it is on."""
    done = run(bare, "-c", "import multiprocessing", env=environment([app], MPTHREAD_HOOK="1,debug"))
    assert done.stderr.splitlines() == [
        f"mpthread_hook: {app}/sitecustomize.py ran",
        "mpthread_hook: sitecustomize: on: MPTHREAD_HOOK is 1",
    ]


@pytest.mark.parametrize(
    "broken", ["raise RuntimeError('x')", "import nothing_of_this_name", "raise SystemExit(3)", "("]
)
def test_a_broken_package_is_one_line(bare: str, tmp_path: Path, broken: str) -> None:
    """Whatever is broken in the package, a start is quiet and the first import says it and is stock's."""
    app = str(tmp_path)
    place_sitecustomize(app)
    os.mkdir(f"{app}/mpthread_hook")
    (tmp_path / "mpthread_hook" / "__init__.py").write_text(broken)
    env = environment([app], MPTHREAD_HOOK="1")
    assert run(bare, "-c", "pass", env=env).stderr == ""
    done = run(bare, "-c", WHO, env=env)
    assert done.stdout == "false\n"
    assert len(done.stderr.splitlines()) == 1
    assert "the package cannot be loaded" in done.stderr


#: Says whether multiprocessing works and is the interpreter's own, what we patched, and what we say about it.
AFTER = """
import os; real = os.getpid
import json, sys, multiprocessing, multiprocessing.queues
lock = multiprocessing.get_context("fork").Lock(); lock.acquire()  # others start a process of their own
served = type(multiprocessing.__spec__.loader).__module__.partition(".")[0] == "mpthread_hook"
left = [repr(finder) for finder in sys.meta_path if "mpthread" in repr(finder)]
import mpthread_hook._switch as switch
print(json.dumps([served, os.getpid is real, left, switch.sentence.partition(" (")[0]]))
"""
STAGE_TWO = [
    "_hook/importer.py",
    "_table/served.py",
    "_identity/life.py",
    "_emulation/signal.py",
    "_backend/process.py",
]


def broken_app(folder: str, file: str, body: str) -> str:
    """Make an application whose copy of the package has a broken file, and return its folder."""
    copy_package(folder)
    place_sitecustomize(folder)
    with open(os.path.join(folder, "mpthread_hook", file), "w", encoding="utf-8") as broken:
        broken.write(body)
    return folder


@pytest.mark.parametrize("body", ["(", "raise SystemExit(3)"])
@pytest.mark.parametrize("file", STAGE_TWO)
def test_a_broken_second_stage_is_one_line(bare: str, tmp_path: Path, file: str, body: str) -> None:
    """A file that the first import needs is broken: one line, stock's modules, and nothing of ours is left."""
    if not os.access("/dev/shm", os.W_OK) and sys.platform == "linux":
        pytest.skip("this machine has no semaphores, so stock multiprocessing does not work either")
    app = broken_app(str(tmp_path), file, body)
    done = run(bare, "-c", AFTER, env=environment([app], MPTHREAD_HOOK="1"))
    assert done.stdout == '[false, true, [], "off: the package cannot be loaded"]\n', done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith("; multiprocessing is the interpreter's own\n")


@pytest.mark.parametrize("flags", [[], ["-S"]])
@pytest.mark.parametrize("file", STAGE_TWO)
def test_a_broken_second_stage_that_comes_late(
    bare: str, tmp_path: Path, file: str, flags: list[str]
) -> None:
    """With multiprocessing imported before, a broken package is one line, and all stays the interpreter's."""
    if not os.access("/dev/shm", os.W_OK) and sys.platform == "linux":
        pytest.skip("this machine has no semaphores, so stock multiprocessing does not work either")
    app = broken_app(str(tmp_path), file, "raise SystemExit(3)")
    early = "import multiprocessing; early = multiprocessing\nimport mpthread_hook.auto\n"
    code = early + AFTER.replace("[served", "[multiprocessing is early, served")
    done = run(bare, *flags, "-c", code, env=environment([app], MPTHREAD_HOOK="1"))
    assert json.loads(done.stdout)[:4] == [True, False, True, []], done.stderr
    assert json.loads(done.stdout)[4].startswith("off: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_package_leaves_a_late_program_alone(bare: str, tmp_path: Path) -> None:
    """`enable()` in code raises, and everything is as it was before the call."""
    app = broken_app(str(tmp_path), "_backend/process.py", "raise SystemExit(3)")
    code = """
import json, os, sys, multiprocessing, mpthread_hook, mpthread_hook._hook.activation
before = list(sys.modules.items()), list(sys.meta_path), os.getpid, multiprocessing.Process.__bases__
try: mpthread_hook.enable(late="rebind")
except ImportError as error: text = str(error)
known = [item for item in sys.modules.items() if item[0].partition(".")[0] != "mpthread_hook"]
old = [item for item in before[0] if item[0].partition(".")[0] != "mpthread_hook"]
after = list(sys.meta_path), os.getpid, multiprocessing.Process.__bases__
print(json.dumps([known[: len(old)] == old, before[1:] == after, mpthread_hook.enabled(), text]))
"""
    found = answer(code, python=bare, env=environment([app], MPTHREAD_HOOK="0"))
    assert found[:3] == [True, True, False]
    assert "SystemExit: 3" in found[3]


@pytest.mark.parametrize("file", STAGE_TWO[1:])
def test_a_broken_second_stage_is_an_error_for_who_insists(bare: str, tmp_path: Path, file: str) -> None:
    """``strict``, and `enable()` in code, get an ImportError that names the fault, never a silent stock."""
    app = broken_app(str(tmp_path), file, "raise SystemExit(3)")
    for variable, code in (("1,strict", ""), ("0", "import mpthread_hook; mpthread_hook.enable()\n")):
        done = run(
            bare, "-c", code + "import multiprocessing", env=environment([app], MPTHREAD_HOOK=variable)
        )
        if file in ("_identity/life.py", "_table/served.py") and code:
            continue  # enable() itself needs them
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last.startswith("ImportError: mpthread_hook: the package cannot be loaded (")
        assert "SystemExit: 3" in last


def test_what_comes_with_the_first_process_is_broken(bare: str, tmp_path: Path) -> None:
    """The first start of a process raises an ImportError that names the fault, and does not end the program."""
    app = broken_app(str(tmp_path), "_emulation/streams.py", "raise SystemExit(3)")
    code = """
import multiprocessing
process = multiprocessing.Process(target=print)
for _ in range(2):
    try: process.start()
    except ImportError as error: print(error)
print(multiprocessing.active_children())
"""
    done = run(bare, "-c", code, env=environment([app], MPTHREAD_HOOK="1"))
    assert (done.returncode, done.stdout) == (0, "mpthread_hook: SystemExit: 3\n" * 2 + "[]\n"), done.stderr


#: What a module of ours looks like to those who ask, and whether its compiled file was taken as it is.
LOOKS = """
import inspect, json, sys, multiprocessing
import mpthread_hook._emulation.time as module
spec, plain, room = module.__spec__, sys.modules["mpthread_hook"].__spec__, sys.modules["mpthread_hook._emulation"]
print(json.dumps([
    module.sleep.__name__, type(module.sleep).__repr__.__code__.co_filename == module.__file__,
    type(spec.loader) is not type(plain.loader),
    [module.__file__, spec.origin, spec.has_location, module.__cached__ == spec.cached, module.__package__],
    inspect.getsource(type(module.sleep).__repr__).strip().splitlines()[0],
    spec.parent, spec.submodule_search_locations,
    room.__file__, room.__path__, room.__spec__.submodule_search_locations, room.__package__,
]))
"""


@pytest.mark.parametrize(
    "change", ["nothing", "moved", "newer", "longer", "broken cache", "no cache", "optimized", "cache elsewhere"]
)
def test_compiled_files_of_ours_are_taken_while_they_are_up_to_date(
    bare: str, tmp_path: Path, change: str
) -> None:
    """The shorter way to them finds what the import system would find, and looks like it."""
    tmp_path = tmp_path / "app"
    app = copy_package(str(tmp_path))
    place_sitecustomize(app)
    env = environment([app], MPTHREAD_HOOK="1")
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    answer(LOOKS, python=bare, env=env)
    if change == "moved":
        app = str(tmp_path.rename(tmp_path.with_name("elsewhere")))
        env = environment([app], MPTHREAD_HOOK="1")
    source = Path(app, "mpthread_hook", "_emulation", "time.py")
    (cache,) = (source.parent / "__pycache__").glob("time.*.pyc")
    before, text = source.stat(), source.read_text(encoding="utf-8")
    if change == "newer":  # as long as before
        source.write_text(text.replace('"sleep"', '"other"'), encoding="utf-8")
        os.utime(source, (before.st_atime, before.st_mtime + 2))
    elif change == "longer":  # as old as before
        source.write_text(text.replace('"sleep"', '"other" '), encoding="utf-8")
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "broken cache":
        cache.write_bytes(cache.read_bytes()[:12] + b"what a disk may hold")
    elif change == "no cache":
        cache.unlink()
        env["PYTHONDONTWRITEBYTECODE"] = "1"
    elif change == "cache elsewhere":
        env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "elsewhere")
    found = answer(LOOKS, *(["-O"] if change == "optimized" else []), python=bare, env=env)
    folder = str(source.parent)
    looks = [[str(source), str(source), True, True, "mpthread_hook._emulation"], "def __repr__(self) -> str:",
             "mpthread_hook._emulation", None,
             os.path.join(folder, "__init__.py"), [folder], [folder], "mpthread_hook._emulation"]  # fmt: skip
    name = "other" if change in ("newer", "longer") else "sleep"
    assert found == [name, True, change in ("nothing", "moved"), *looks]


def test_a_broken_policy_is_one_line(bare: str, tmp_path: Path) -> None:
    """An undecided hook whose probes are broken steps aside."""
    app = broken_app(str(tmp_path), "_hook/policy.py", "raise SystemExit(3)")
    done = run(bare, "-c", WHO, env=environment([app]))
    assert done.stdout == "false\n"
    assert len(done.stderr.splitlines()) == 1


def test_strict_raises_when_the_package_is_missing(bare: str, tmp_path: Path) -> None:
    """``strict``: a missing package is an ImportError of `import multiprocessing`, never of the start."""
    place_sitecustomize(str(tmp_path))
    env = environment([str(tmp_path)], MPTHREAD_HOOK="1,strict")
    assert run(bare, "-c", "pass", env=env).stderr == ""
    done = run(bare, "-c", "import multiprocessing", env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: mpthread_hook: the package cannot be loaded")


@pytest.mark.skipif(os.name != "posix", reason="the shell closes a descriptor")
@pytest.mark.parametrize("said", ["1,loud", "1,debug"])
def test_a_start_without_stderr_is_quiet(bare: str, app: str, said: str) -> None:
    """Where `sys.stderr` is None (a phone, pythonw) nothing that we say fails, or is written to stdout instead."""
    code = "import sys; assert sys.stderr is None; import multiprocessing, mpthread_hook; print(1)"
    env = environment([app], MPTHREAD_HOOK=said)
    done = run("sh", "-c", 'exec "$@" 2>&-', "sh", bare, "-c", code, env=env)
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_start_never_raises(bare: str, app: str) -> None:
    """`start()` turns its own faults into one line."""
    code = "import mpthread_hook._switch as s; s.install = None; print(int(s.start('pth')))"
    line = "mpthread_hook: pth could not start it (TypeError: 'NoneType' object is not callable)\n"
    assert answer(code, python=bare, env=environment([app], MPTHREAD_HOOK="1"), stderr=None) == 0
    assert run(bare, "-c", code, env=environment([app], MPTHREAD_HOOK="1")).stderr.endswith(line)


def test_ways_in_combine(bare: str, app: str) -> None:
    """Every way in may be used on top of every other; there is one finder, and one `disable()` for all."""
    code = """
import sys, json
import mpthread_hook.auto, mpthread_hook._switch as switch
switch.start("pth"); switch.start("pth")
with mpthread_hook.enable():
    inside = mpthread_hook.enabled()
found = [inside, mpthread_hook.enabled(), mpthread_hook.status()["ways_in"]]
found.append(sum("mpthread_hook" in repr(finder) for finder in sys.meta_path))
mpthread_hook.disable()
found += [mpthread_hook.enabled(), sum("mpthread_hook" in repr(finder) for finder in sys.meta_path)]
print(json.dumps(found))
"""
    found = answer(code, python=bare, env=environment([app], MPTHREAD_HOOK="1"))
    assert found == [True, True, ["sitecustomize", "auto", "pth", "code"], 1, False, 0]


# ---------------------------------------------------------------------------------------------------------
# Passing on

TELL = "import sys; vars(sys).setdefault('told', []).append({!r})\n"


def told(python: str, path: list[str], *, said: str = "1") -> tuple[list[str], str]:
    """Return what the hidden sitecustomize files told, and which of them is imported in the end."""
    code = "import json, sys; print(json.dumps([vars(sys).get('told', []), sys.modules['sitecustomize'].__file__]))"
    names, file = answer(code, python=python, env=environment(path, MPTHREAD_HOOK=said))
    assert "_mpthread_hook_ran" not in answer(
        "import json, sys; print(json.dumps(list(vars(sys))))", python=python, env=environment(path)
    )
    return names, file


def teller(folder: Path, name: str) -> str:
    """Write a sitecustomize that tells its name, and return its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(TELL.format(name))
    return str(folder)


@pytest.mark.parametrize("said", ["1", "0", "auto"])
def test_the_hidden_sitecustomize_runs_once(bare: str, app: str, tmp_path: Path, said: str) -> None:
    """The sitecustomize that ours hides runs once, also when we are off, and is the imported one."""
    theirs = teller(tmp_path / "theirs", "theirs")
    other = teller(tmp_path / "other", "other")
    assert told(bare, [app, theirs, other], said=said) == (["theirs"], f"{theirs}/sitecustomize.py")


def test_copies_do_not_call_each_other_for_ever(bare: str, app: str, tmp_path: Path) -> None:
    """Three copies, one twice on the path and one by another name, each pass on, and theirs runs once."""
    place_sitecustomize(str(tmp_path / "copy"))
    os.symlink(app, tmp_path / "link")
    (tmp_path / "file").mkdir()
    os.symlink(f"{app}/sitecustomize.py", tmp_path / "file" / "sitecustomize.py")
    theirs = teller(tmp_path / "theirs", "theirs")
    path = [app, str(tmp_path / "copy"), app, str(tmp_path / "link"), str(tmp_path / "file"), theirs]
    assert told(bare, path) == (["theirs"], f"{theirs}/sitecustomize.py")


def test_a_zip_passes_on_and_is_passed_to(bare: str, app: str, tmp_path: Path) -> None:
    """Ours in a zip file passes on, and a hidden one in a zip file is found."""
    with zipfile.ZipFile(tmp_path / "ours.zip", "w") as archive:
        archive.write(SITECUSTOMIZE, "sitecustomize.py")
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        archive.writestr("sitecustomize.py", TELL.format("zip"))
    ours, theirs = str(tmp_path / "ours.zip"), str(tmp_path / "theirs.zip")
    assert told(bare, [ours, theirs]) == (["zip"], f"{theirs}/sitecustomize.py")
    assert told(bare, [app, theirs]) == (["zip"], f"{theirs}/sitecustomize.py")


def test_one_of_the_distribution_runs(tmp_path: Path, app: str) -> None:
    """A sitecustomize that the distribution put into its own folders (Debian) runs after ours."""
    python = make_venv(str(tmp_path / "venv"))
    theirs = teller(tmp_path / "venv" / os.path.relpath(site_packages(python), tmp_path / "venv"), "theirs")
    assert told(python, [app]) == (["theirs"], f"{theirs}/sitecustomize.py")


NEIGHBOUR = """
import os, sys
vars(sys).setdefault("told", []).append("neighbour")
here = os.path.dirname(os.path.abspath(__file__))
path, mine = list(sys.path), sys.modules.pop("sitecustomize")
sys.path[:] = [entry for entry in path if os.path.abspath(entry) != here]
try:
    import sitecustomize
except ImportError:
    sys.modules["sitecustomize"] = mine
finally:
    sys.path[:] = path
"""


@pytest.mark.parametrize("ours_first", [True, False])
def test_a_neighbour_that_passes_on(bare: str, app: str, tmp_path: Path, ours_first: bool) -> None:
    """A neighbour that leaves out only its own folder (as tracers do) finds ours again: theirs runs once."""
    neighbour = tmp_path / "neighbour"
    neighbour.mkdir()
    (neighbour / "sitecustomize.py").write_text(NEIGHBOUR)
    theirs = teller(tmp_path / "theirs", "theirs")
    path = [app, str(neighbour), theirs] if ours_first else [str(neighbour), app, theirs]
    assert told(bare, path)[0] == ["neighbour", "theirs"]


@pytest.mark.parametrize("raised", ["ValueError('theirs')", "SystemExit(7)"])
def test_what_the_hidden_one_raises_shows_as_without_us(
    bare: str, app: str, tmp_path: Path, raised: str
) -> None:
    """An exception of the hidden sitecustomize ends as it does without us, and we are in place all the same."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text(f"raise {raised}\n")
    theirs = str(tmp_path / "theirs")
    without = run(bare, "-c", "pass", env=environment([theirs]))
    with_us = run(bare, "-c", "pass", env=environment([app, theirs], MPTHREAD_HOOK="1"))
    # A SystemExit is fatal to the interpreter, and its traceback shows the frames in between.
    lines = without.stderr.splitlines()
    assert with_us.returncode == without.returncode
    assert (with_us.stderr.splitlines()[0], with_us.stderr.splitlines()[-1]) == (lines[0], lines[-1])
    if without.returncode == 0:
        assert run(bare, "-c", WHO, env=environment([app, theirs], MPTHREAD_HOOK="1")).stdout == "true\n"


def test_the_finder_is_there_before_the_hidden_one_runs(bare: str, app: str, tmp_path: Path) -> None:
    """A hidden sitecustomize that imports multiprocessing gets ours."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("import multiprocessing\n")
    assert (
        answer(WHO, python=bare, env=environment([app, str(tmp_path / "theirs")], MPTHREAD_HOOK="1")) is True
    )


def test_a_pth_that_was_faster_is_put_right(app: str, tmp_path: Path) -> None:
    """A .pth line imported multiprocessing before sitecustomize ran: it is served all the same."""
    python = make_venv(str(tmp_path / "venv"))
    with open(os.path.join(site_packages(python), "aaa.pth"), "w", encoding="utf-8") as file:
        file.write("import multiprocessing.queues\n")
    code = "import json, mpthread_hook, multiprocessing; print(json.dumps(mpthread_hook.status()))"
    status = answer(code, python=python, env=environment([app], MPTHREAD_HOOK="1"))
    assert status["enabled"]
    assert "multiprocessing.queues" in status["early_modules"]
    assert answer(WHO, python=python, env=environment([app], MPTHREAD_HOOK="1")) is True
    assert answer(WHO, python=python, env=environment([app], MPTHREAD_HOOK="0")) is False


@pytest.mark.parametrize(
    ("options", "runs"), [(["-s"], True), (["-P"], True), (["-E"], False), (["-I"], False), (["-S"], False)]
)
def test_flags_of_the_interpreter(bare: str, app: str, options: list[str], runs: bool) -> None:
    """The sitecustomize on PYTHONPATH runs with -s and -P; -E and -I ignore the variable and -S leaves site out."""
    code = "import json, sys; print(json.dumps('sitecustomize' in sys.modules))"
    assert answer(code, *options, python=bare, env=environment([app])) is runs


def test_ours_is_importable_by_this_interpreter() -> None:
    """The file stands alone: it compiles for the running version, and imports nothing of ours at its top."""
    with open(SITECUSTOMIZE, encoding="utf-8") as file:
        code: Any = compile(file.read(), SITECUSTOMIZE, "exec")
    assert [name for name in code.co_names if "mpthread" in name] == []
    assert sys.version_info >= (3, 11)
