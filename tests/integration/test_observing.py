"""A running program is asked for its thread processes, and one writes a timeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(__import__("socket"), "AF_UNIX"), reason="there are no Unix sockets here"),
]

#: Says that its child waits, and ends when its input does.
WAITING = """
import multiprocessing, sys, threading, time
def work(queue, ready):
    helper = threading.Thread(target=lambda: time.sleep(600), name="helper", daemon=True)
    helper.start()
    ready.set()
    queue.get()
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    queue, ready = context.Queue(), context.Event()
    child = context.Process(target=work, args=(queue, ready), name="worker")
    child.start()
    over = context.Process(target=sys.exit, args=(3,), name="over")
    over.start()
    ready.wait()
    while not over._popen._record.ended or not any(t.parked for t in child._popen._record.threads.values()):
        time.sleep(0.01)
    print("ready", flush=True)
    sys.stdin.read()
    END
"""
REGULAR = "queue.put(1); child.join()"


@contextmanager
def waiting(folder: Path, end: str = REGULAR, **variables: str) -> Iterator[int]:
    """Run the program above; gives its pid when its child waits, and ends it."""
    program = folder / "waiting.py"
    program.write_text(WAITING.replace("END", end))
    env = environment(this_path(), TMPDIR=str(folder), **variables)
    command = [sys.executable, "-m", "mpthread_hook", "run", str(program)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            assert running.stdout.readline() == "ready\n", running.stderr.read()
            yield running.pid
            running.stdin.close()
            assert running.wait(30) == 0
        finally:
            running.kill()


def ps(folder: Path, *arguments: str) -> Any:
    """Run the command ``ps``."""
    env = environment(this_path(), TMPDIR=str(folder))
    return run(sys.executable, "-m", "mpthread_hook", "ps", *arguments, env=env)


def test_it_says_who_there_is_and_where_each_waits(tmp_path: Path) -> None:
    """Name, age, state and place of every process, in words and as JSON; with a line for each thread if asked."""
    with waiting(tmp_path, MPTHREAD_HOOK="1,ps") as pid:
        (answer,) = json.loads(ps(tmp_path, "--json").stdout)
        words = ps(tmp_path, str(pid), "--threads")
        stacks = ps(tmp_path, "--stacks").stdout
    main, worker, over = answer["processes"]
    assert (main["pid"], main["name"], main["state"]) == (pid, "MainProcess", "running")
    assert (worker["name"], worker["ppid"], worker["state"]) == ("worker", pid, "waiting")
    assert worker["threads"][0]["called"] == "Queue.get"
    assert worker["threads"][0]["at"].endswith(" in work")
    assert worker["threads"][1]["name"] == "helper"
    assert worker["threads"][1]["called"] == "time.sleep"
    assert 0 < worker["age"] < 60
    assert (over["name"], over["state"], over["exitcode"]) == ("over", "ended", 3)
    assert words.returncode == 0
    assert "Queue.get at waiting.py:" in words.stdout
    assert "ended, exit code 3" in words.stdout
    assert any(line.split()[0] == "helper" for line in words.stdout.splitlines())
    assert "queue.get()" in stacks


@pytest.mark.parametrize("end", [REGULAR, "import os; os._exit(0)", "sys.exit()"])
def test_nothing_is_left_of_a_program_that_has_ended(tmp_path: Path, end: str) -> None:
    """However it ended, its socket is gone, and `ps` says that nobody listens."""
    end = end.replace("sys.exit()", "child.terminate(); sys.exit()")
    with waiting(tmp_path, end, MPTHREAD_HOOK="1,ps"):
        folder = tmp_path / f"mpthread_hook-{os.getuid()}"
        assert len(os.listdir(folder)) == 1
        assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(folder) == []
    done = ps(tmp_path)
    assert done.returncode == 1
    assert "no program listens" in done.stderr


def test_it_listens_only_if_it_is_told_to(tmp_path: Path) -> None:
    """Without the word there is no socket."""
    with waiting(tmp_path, MPTHREAD_HOOK="1") as pid:
        assert not (tmp_path / f"mpthread_hook-{os.getuid()}").exists()
        done = ps(tmp_path, str(pid))
    assert done.returncode == 1
    assert f"{pid} does not listen" in done.stderr


def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    """The program says so, and runs."""
    folder = tmp_path / f"mpthread_hook-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with waiting(tmp_path, MPTHREAD_HOOK="1,ps") as pid:
        assert os.listdir(folder) == []
        for arguments in ([], [str(pid)]):
            done = ps(tmp_path, *arguments)
            assert done.returncode == 1
            assert "only this user may enter" in done.stderr


def test_what_a_killed_program_left_does_not_matter(tmp_path: Path) -> None:
    """A socket that nobody answers at is passed over, and taken over by who gets the pid next."""
    folder = tmp_path / f"mpthread_hook-{os.getuid()}"
    folder.mkdir(mode=0o700)
    import socket

    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "999999999"))
    with waiting(tmp_path, MPTHREAD_HOOK="1,ps"):
        assert len(json.loads(ps(tmp_path, "--json").stdout)) == 1


# ---------------------------------------------------------------------------------------------------------
# The timeline

TRACED = """
import multiprocessing, os, sys, time
def double(queue, results):
    while (item := queue.get()) is not None:
        results.put(item * 2)
def square(x):
    time.sleep(0.001)
    return x * x
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    queue, results = context.Queue(), context.SimpleQueue()
    child = context.Process(target=double, args=(queue, results), name="doubler")
    child.start()
    for item in range(5):
        queue.put(item)
    assert [results.get() for _ in range(5)] == [0, 2, 4, 6, 8]
    with context.Pool(2) as pool:
        assert pool.map(square, range(6), chunksize=1) == [0, 1, 4, 9, 16, 25]
    queue.put(None)
    child.join()
    END
"""


def traced(folder: Path, end: str = "") -> tuple[Any, str]:
    """Run the program above with --trace; return what it did and the file."""
    (folder / "traced.py").write_text(TRACED.replace("END", end))
    file = folder / "trace.json"
    command = (sys.executable, "-m", "mpthread_hook", "run", "--trace", str(file), str(folder / "traced.py"))
    done = run(*command, env=environment(this_path()))
    return done, file.read_text()


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "os._exit(0)"])
def test_the_timeline_is_whole(tmp_path: Path, end: str) -> None:
    """Processes, tasks, waits and traffic are there, each in its process, nested as calls are."""
    done, text = traced(tmp_path, end)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    events = json.loads(text)
    names = {one["pid"]: one["args"]["name"] for one in events if one["name"] == "process_name"}
    pids = {name: pid for pid, name in names.items()}
    assert {"MainProcess", "doubler", "ForkPoolWorker-2", "ForkPoolWorker-3"} == set(pids)
    spans = [one for one in events if one["ph"] == "X"]
    assert sum(one["cat"] == "task" and one["name"] == "square" for one in spans) == 6
    taken = [one for one in spans if one["name"] == "Queue.get"]
    assert len(taken) == 6
    assert {one["pid"] for one in taken} == {pids["doubler"]}
    (life,) = [one for one in spans if one["cat"] == "process" and one["name"] == "doubler"]
    assert all(life["ts"] <= one["ts"] <= life["ts"] + life["dur"] for one in taken)
    assert any(one["name"] == "wait in BaseProcess.join" for one in spans)
    assert any(one["ph"] == "C" and one["args"]["items"] > 0 for one in events)
    tracks: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for one in spans:
        tracks.setdefault((one["pid"], one["tid"]), []).append((one["ts"], one["ts"] + one["dur"]))
    for track in tracks.values():
        open_until: list[float] = []
        for begin, until in sorted(track, key=lambda span: (span[0], -span[1])):
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            assert not open_until or until <= open_until[-1]
            open_until.append(until)


def test_a_killed_program_leaves_whole_lines(tmp_path: Path) -> None:
    """What was written before is a sequence of events, each on its line."""
    many = "[queue.put(n) or queue.get() for n in range(4000)]; os.kill(os.getpid(), 9)"
    done, text = traced(tmp_path, many)
    assert done.returncode == -9
    first, *lines, last = text.split("\n")
    assert (first, last) == ("[", "")
    assert len(lines) > 5000
    assert all(json.loads(line.removesuffix(","))["ph"] for line in lines)


def test_a_real_child_adds_nothing(tmp_path: Path) -> None:
    """The file is the parent's: a real fork does not write its copy of what is not written yet."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform cannot fork")
    code = "import warnings; warnings.simplefilter('ignore'); pid = os.fork(); pid and os.waitpid(pid, 0)"
    done, text = traced(tmp_path, code)
    assert done.returncode == 0, done.stderr
    events = json.loads(text)
    assert sum(one["name"] == "end" for one in events) == 1
    assert sum(one["name"] == "square" for one in events) == 6


def test_a_real_child_does_not_wait_for_a_thread_that_writes(tmp_path: Path) -> None:
    """The thread is not there to give the lock back, and the child ends all the same."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform cannot fork")
    code = f"""
import os, signal, sys
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from mpthread_hook._observe.trace import Trace
trace = Trace({str(tmp_path / "trace.json")!r})
trace.begin()
trace._writing.acquire()
pid = os.fork()
if pid:
    ended = os.waitpid(pid, 0)[1]
    trace._writing.release()
    sys.exit(ended != 0)
signal.alarm(5)  # rather than for ever
"""
    done = run(sys.executable, "-c", code, env=environment(this_path()))
    assert done.returncode == 0, done.stderr


def test_where_there_are_no_users_it_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: in a line, not a traceback."""
    import argparse

    from mpthread_hook._commands import ps as command

    monkeypatch.delattr(os, "getuid")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.main(parser.parse_args([])) == 1
    assert "getuid" in capsys.readouterr().err


def test_a_program_at_the_limit_of_its_files_stops_listening_silently(tmp_path: Path) -> None:
    """What it would connect by is one more."""
    code = """
import os, resource
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from mpthread_hook._observe import answering
listening = answering.start()
before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
listening.stop()
resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
"""
    env = environment(this_path(), TMPDIR=str(tmp_path))
    done = run(sys.executable, "-c", code, env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The program does not run then."""
    path = str(tmp_path / "missing" / "trace.json")
    done = run(
        sys.executable, "-m", "mpthread_hook", "run", "--trace", path, "-c", "print(1)", env=environment(this_path())
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--trace: [Errno 2]" in done.stderr
