"""``status``, ``table``, ``doctor`` and ``vendor``: for people, as JSON, and by exit status."""

# ruff: noqa: E501 - programs in strings

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import (
    bare_python,
    copy_package,
    environment,
    place_package,
    place_sitecustomize,
    run,
    this_path,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration]


def command(
    *arguments: str,
    cwd: str | None = None,
    flags: tuple[str, ...] = (),
    path: list[str] | None = None,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m mpthread_hook`` with these arguments."""
    variables = environment([*(path or []), *this_path()], **env)
    return run(bare_python(), *flags, "-m", "mpthread_hook", *arguments, env=variables, cwd=cwd)


@pytest.fixture
def app(tmp_path: Path) -> str:
    """Return a folder with sitecustomize and the package beside it."""
    place_package(str(tmp_path / "app"))
    place_sitecustomize(str(tmp_path / "app"))
    return str(tmp_path / "app")


# ---------------------------------------------------------------------------------------------------------
# status, table


def test_status(app: str) -> None:
    """It is one JSON object, and the exit status says whether the hook is on."""
    off = command("status", MPTHREAD_HOOK="0")
    on = command("status", path=[app], MPTHREAD_HOOK="1")
    assert (off.returncode, on.returncode, off.stderr, on.stderr) == (1, 0, "", "")
    assert json.loads(off.stdout)["enabled"] is False
    assert json.loads(on.stdout)["ways_in"] == ["sitecustomize"]


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes of a shell")
@pytest.mark.parametrize("arguments", [("table",), ("table", "--json"), ("status",)])
def test_a_reader_that_has_seen_enough(arguments: tuple[str, ...]) -> None:
    """When the reader is gone (``table | head``) a command ends quietly, as tools that SIGPIPE ends do."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        (bare_python(), "-m", "mpthread_hook", *arguments),
        env=environment(this_path()),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_table() -> None:
    """Every row of a module is there, in both forms, and the forms agree."""
    people = command("table", "multiprocessing.util")
    rows = json.loads(command("table", "multiprocessing.util", "--json").stdout)
    assert people.returncode == 0
    assert people.stdout.splitlines()[0] == "multiprocessing.util"
    assert people.stdout.splitlines()[-1].startswith(f"{len(rows)} rows: ")
    assert {row["module"] for row in rows} == {"multiprocessing.util"}
    assert {"module", "name", "status", "home", "attr", "since", "until", "note"} == set(rows[0])


def test_table_chooses() -> None:
    """Status, version and a package choose rows; no row at all is exit status 1."""
    inert = json.loads(command("table", "--status", "inert", "--json").stdout)
    assert {row["status"] for row in inert} == {"inert"}
    package = json.loads(command("table", "multiprocessing", "--version", "all", "--json").stdout)
    assert {row["module"].partition(".")[0] for row in package} == {"multiprocessing"}
    old, new = (
        {row["name"] for row in json.loads(command("table", "--version", version, "--json").stdout)}
        for version in ("3.11", "3.14")
    )
    assert old != new
    assert command("table", "nothing.of.this.name").returncode == 1
    assert command("table", "--version", "soon").returncode == 1


# ---------------------------------------------------------------------------------------------------------
# doctor


def diagnosis(*arguments: str, code: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the JSON of `doctor`, after some code in the same interpreter."""
    if not code:
        done = command("doctor", "--json", *arguments, **more)
    else:
        call = "from mpthread_hook.__main__ import main; import sys; sys.exit(main(['doctor', '--json']))"
        path = [*more.pop("path", []), *this_path()]
        flags = more.pop("flags", ())
        done = run(bare_python(), *flags, "-c", f"{code}\n{call}", env=environment(path, **more))
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_doctor_finds_nothing_wrong(app: str) -> None:
    """A hook that is on, through sitecustomize, is in order: facts, and exit status 0."""
    status, facts = diagnosis(path=[app], MPTHREAD_HOOK="1")
    assert (status, facts["problems"]) == (0, [])
    assert facts["status"]["ways_in"] == ["sitecustomize"]
    assert facts["status"]["sitecustomize"] == [os.path.join(app, "sitecustomize.py")]
    assert facts["start_up_files"][0] == {"file": os.path.join(app, "sitecustomize.py"), "ours": True}
    assert facts["versions"]["python"].startswith("3.")
    assert 10 < facts["modules_before"] < 200
    assert all(set(probe) == {"works", "says"} for probe in facts["probes"].values())
    assert "ansible" in {adapter["package"] for adapter in facts["adapters"]}


def test_doctor_for_people(app: str) -> None:
    """Every section is there in words, and each problem has one thing to do."""
    good = command("doctor", path=[app], MPTHREAD_HOOK="1").stdout
    for word in (
        "Versions:",
        "Platform:",
        "Flags:",
        "Hook: on",
        "Ways in that ran: sitecustomize",
        "Imported before them: ",
        "Taken early from multiprocessing: nothing",
        "Probes:",
    ):
        assert word in good
    assert good.splitlines()[-1] == "Nothing is wrong."
    bad = command("doctor", AWS_LAMBDA_FUNCTION_NAME="resize", MPTHREAD_HOOK="0")
    assert bad.returncode == 1
    assert bad.stdout.count("Problem: ") == bad.stdout.count("  Do this: ") == 1
    assert "remove MPTHREAD_HOOK from the environment" in bad.stdout


def test_doctor_lists_what_was_taken_early() -> None:
    """Every early reference is listed with its module, file and fate, the redirected ones too, which are no problem."""
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from multiprocessing import Process\nfrom os import getpid\n"
        "import mpthread_hook; mpthread_hook.enable(); import multiprocessing\n"
        "from mpthread_hook.__main__ import main; main(['doctor'])"
    )
    lines = run(bare_python(), "-c", code, env=environment(this_path())).stdout.splitlines()
    start = lines.index("Taken early from multiprocessing:")
    assert lines[start + 1 : start + 3] == [
        "  __main__.Process is multiprocessing.context.Process (<no file>): redirected to threads",
        "  __main__.getpid: follows",
    ]
    assert lines[-1] == "Nothing is wrong."


@pytest.mark.skipif(os.name != "posix", reason="the current folder cannot be removed")
def test_doctor_without_a_current_folder(tmp_path: Path) -> None:
    """A current folder that was removed is no reason to fail."""
    code = "import os, sys; os.rmdir(os.getcwd()); from mpthread_hook.__main__ import main; sys.exit(main(['doctor']))"
    done = run(bare_python(), "-c", code, env=environment(this_path(), MPTHREAD_HOOK="0"), cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_imports_no_multiprocessing(app: str) -> None:
    """Looking changes nothing: `multiprocessing` is not imported by it."""
    code = (
        "import atexit, sys; atexit.register(lambda: sys.stderr.write(str('multiprocessing' in sys.modules)))"
    )
    call = "from mpthread_hook.__main__ import main; main(['doctor'])"
    done = run(
        bare_python(), "-c", f"{code}\n{call}", env=environment([app, *this_path()], MPTHREAD_HOOK="1")
    )
    assert done.stderr == "False"


PROBLEMS = {
    "no way in": ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, "", (), "no way in ran", "import mpthread_hook.auto"),
    "switched off": (
        {"AWS_LAMBDA_FUNCTION_NAME": "f", "MPTHREAD_HOOK": "0"},
        "",
        (),
        "MPTHREAD_HOOK is 0, although",
        "remove MPTHREAD_HOOK",
    ),
    "unknown word": ({"MPTHREAD_HOOK": "1,loud"}, "import mpthread_hook.auto", (), "'loud'", "mend"),
    "late": (
        {"MPTHREAD_HOOK": "1"},
        "import multiprocessing.queues, mpthread_hook.auto",
        (),
        "multiprocessing was imported before the first way in ran (auto)",
        "sorts earlier",
    ),
    "early reference": (
        {},
        "import warnings; warnings.simplefilter('ignore'); from multiprocessing.queues import Queue; import mpthread_hook; mpthread_hook.enable()",
        (),
        "__main__.Queue (<no file>) holds multiprocessing.queues.Queue",
        "late='rebind'",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_doctor_finds_problems(name: str) -> None:
    """What is wrong is a sentence with a remedy, and exit status 1."""
    variables, code, flags, problem, remedy = PROBLEMS[name]
    status, facts = diagnosis(code=code, flags=flags, **variables)
    assert status == 1
    assert [one for one in facts["problems"] if problem in one["problem"] and remedy in one["do"]], facts[
        "problems"
    ]


def test_doctor_names_a_sitecustomize_that_hides_ours(app: str, tmp_path: Path) -> None:
    """Somebody else's sitecustomize in front of ours, which does not pass on, is named with the remedy."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("")
    status, facts = diagnosis(path=[str(tmp_path / "theirs"), app], MPTHREAD_HOOK="1")
    assert status == 1
    assert "hides" in facts["problems"][-1]["problem"]
    assert facts["problems"][-1]["do"] == f"put {app} before {tmp_path / 'theirs'} on the path"


def test_doctor_names_what_was_passed_on(app: str, tmp_path: Path) -> None:
    """The sitecustomize that ours passed on to is listed after it."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("")
    _, facts = diagnosis(path=[app, str(tmp_path / "theirs")], MPTHREAD_HOOK="1")
    assert facts["status"]["sitecustomize"][1] == str(tmp_path / "theirs" / "sitecustomize.py")


# ---------------------------------------------------------------------------------------------------------
# vendor


def test_vendor_makes_an_app_that_works(tmp_path: Path) -> None:
    """What it writes runs alone, with nothing else on the path, and prints the lines for Briefcase."""
    done = command("vendor", "app", cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert '"app/mpthread_hook",' in done.stdout
    assert '"app/sitecustomize.py",' in done.stdout
    app = str(tmp_path / "app")
    code = "import multiprocessing as m; p = m.Process(target=print, args=(5,)); p.start(); p.join(); print(p.exitcode)"
    ran = run(bare_python(), "-s", "-c", code, env=environment([app], MPTHREAD_HOOK="1"))
    assert (ran.stdout, ran.stderr) == ("5\n0\n", "")


def test_vendor_can_be_repeated_and_checked(tmp_path: Path) -> None:
    """A second run writes nothing; --check notices what is missing, changed or left over; it is put right."""
    app = str(tmp_path / "app")
    assert command("vendor", app, "--check").returncode == 1
    assert json.loads(command("vendor", app, "--json").stdout)["written"]
    assert json.loads(command("vendor", app, "--json").stdout)["written"] == []
    assert command("vendor", app, "--check").returncode == 0
    with open(f"{app}/mpthread_hook/errors.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    os.remove(f"{app}/mpthread_hook/auto.py")
    with open(f"{app}/mpthread_hook/of_an_older_version.py", "w", encoding="utf-8") as file:
        file.write("")
    checked = command("vendor", app, "--check")
    assert checked.returncode == 1
    assert sorted(line.partition(" ")[2] for line in checked.stdout.splitlines()) == [
        "is missing",
        "is not part of this version",
        "is not up to date",
    ]
    assert command("vendor", app).returncode == 0
    assert command("vendor", app, "--check").returncode == 0


def test_a_vendored_copy_can_vendor(tmp_path: Path) -> None:
    """The copy makes a copy that is the same."""
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert command("vendor", one).returncode == 0
    done = run(bare_python(), "-m", "mpthread_hook", "vendor", two, env=environment([one]), cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (
        run(bare_python(), "-m", "mpthread_hook", "vendor", two, "--check", env=environment([one])).returncode
        == 0
    )


def test_vendor_spares_a_foreign_sitecustomize(tmp_path: Path) -> None:
    """It overwrites no sitecustomize of somebody else, unless it is told to, and never itself."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "sitecustomize.py").write_text("theirs = 1\n")
    done = command("vendor", str(tmp_path / "app"))
    assert done.returncode == 1
    assert "is not ours" in done.stderr
    assert os.listdir(tmp_path / "app") == ["sitecustomize.py"]
    assert command("vendor", str(tmp_path / "app"), "--force").returncode == 0
    place_package(str(tmp_path / "here"))
    assert "where this package is" in command("vendor", str(tmp_path / "here")).stderr


@pytest.mark.skipif(os.name != "posix", reason="the messages are those of POSIX")
def test_vendor_says_what_is_in_the_way(tmp_path: Path) -> None:
    """A destination that cannot be written is one sentence that names it, and no traceback."""
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mpthread_hook").write_text("")
    for destination in ("file", "file/below", "taken"):
        done = command("vendor", destination, cwd=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"mpthread_hook vendor: {destination}")
        assert done.stderr.endswith(": Not a directory\n")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("destination", ["src/libs", "{}/src/libs", "./src/../src/libs/"])
def test_vendor_prints_sources_that_count_from_the_project(tmp_path: Path, destination: str) -> None:
    """However the destination is written, the lines for Briefcase are relative to the project."""
    done = command("vendor", destination.format(tmp_path), "--json", cwd=str(tmp_path))
    assert json.loads(done.stdout)["sources"] == ["src/libs/mpthread_hook", "src/libs/sitecustomize.py"]


def test_commands_of_a_zip_file(tmp_path: Path) -> None:
    """From a zip file `doctor` finds the start-up file in it, and `vendor` says that it cannot copy from there."""
    app = copy_package(str(tmp_path / "app"))
    place_sitecustomize(app)
    archive = shutil.make_archive(app, "zip", app)
    call = (bare_python(), "-m", "mpthread_hook")
    env = environment([archive], MPTHREAD_HOOK="1")
    facts = json.loads(run(*call, "doctor", "--json", env=env).stdout)
    assert facts["start_up_files"][0] == {"file": f"{archive}/sitecustomize.py", "ours": True}
    assert facts["problems"] == []
    done = run(*call, "vendor", "target", env=env, cwd=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "archive" in done.stderr
    assert not (tmp_path / "target").exists()
