"""loky's resource tracker and workers, in the program."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_PROGRAM = """
import os
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from joblib import Parallel, delayed

def work(number):
    if number == 3:
        raise ValueError(number)
    return number * 2, os.getpid()

def nested(number):
    return Parallel(n_jobs=2, backend="loky")(delayed(abs)(-one) for one in range(number))

def end():
    os._exit(3)

if __name__ == "__main__":
    for backend in ("multiprocessing", "loky"):
        done = Parallel(n_jobs=2, backend=backend)(delayed(work)(number) for number in range(3))
        print([result for result, _ in done], os.getpid() in {pid for _, pid in done})
        try:
            Parallel(n_jobs=2, backend=backend)(delayed(work)(number) for number in range(4))
        except ValueError as error:
            print(repr(error))
    print(Parallel(n_jobs=2, backend="loky")(delayed(nested)(number) for number in range(3)))
    try:
        Parallel(n_jobs=2)(delayed(end)() for _ in range(2))
    except Exception as error:
        print(type(error).__name__)
    process = multiprocessing.Process(target=print, args=("forked",), kwargs={"flush": True})
    process.start()
    process.join()
    print(Parallel(n_jobs=2)(delayed(abs)(number) for number in (-1, -2)))
"""


@pytest.mark.skipif(find_spec("joblib") is None, reason="joblib is no dependency")
def test_joblib_works_on_its_workers(tmp_path: Path) -> None:
    """Results, exceptions and the death of a worker arrive; other children and the end are undisturbed."""
    script = tmp_path / "script.py"
    script.write_text(_PROGRAM, encoding="utf-8")
    done = run(sys.executable, str(script), env=environment(this_path()))
    results = ["[0, 2, 4] False", "ValueError(3)"]
    rest = ["[[], [0], [0, 1]]", "TerminatedWorkerError", "forked", "[1, 2]"]
    assert done.stdout.splitlines() == [*results, *results, *rest]
    assert done.stderr == ""


def test_tracker_frees_after_the_last_user() -> None:
    """A resource is freed once its last user is gone, and no more when it was unregistered."""
    from mpthread_hook._adapters.loky import Tracker  # it is imported by its row

    freed: list[str] = []
    tracker = Tracker({"file": freed.append})
    for name in ("one", "one", "two"):
        tracker.register(name, "file")
    tracker.unregister("two", "file")
    for name in ("one", "two", "unknown"):
        tracker.maybe_unlink(name, "file")
    assert freed == []
    tracker.maybe_unlink("one", "file")
    assert freed == ["one"]


def test_tracker_frees_what_is_left_with_a_warning() -> None:
    """At the end, leaked resources are freed, folders last; one that cannot be freed does not stop it."""
    from mpthread_hook._adapters.loky import Tracker  # it is imported by its row

    freed: list[str] = []
    tracker = Tracker({"folder": freed.append, "file": lambda name: freed.append(str(1 // len(name)))})
    tracker.register("folder", "folder")
    tracker.register("", "file")
    tracker.register("a", "file")
    with pytest.warns(UserWarning, match="resource_tracker") as seen:
        tracker.stop()
    tracker.stop()
    assert freed == ["1", "folder"]
    assert [str(warning.message).count("leaked") for warning in seen] == [1, 0, 1]
