"""Tasks of a pool that travel as they are."""

from __future__ import annotations

import os
import threading
import time
import warnings
from pickle import PicklingError

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit

LONG = 60.0


def keep(*args: Any, **kwargs: Any) -> Any:
    """Return the arguments."""
    return args, kwargs


def change(box: list[int]) -> list[int]:
    """Change the argument."""
    box.append(1)
    return box


def test_tasks_arrive_by_value(ctx: Any) -> None:
    """Keyword arguments, mutable arguments and atoms arrive equal, and nothing mutable is shared."""
    box = [0]
    with ctx.Pool(2) as pool:
        assert pool.apply(keep, (1, "a", (None, 2.5)), {"k": box}) == ((1, "a", (None, 2.5)), {"k": [0]})
        assert pool.apply(keep, (1,)) == ((1,), {})
        assert pool.apply(change, (box,)) == [0, 1]
        assert pool.map(abs, range(-3, 3)) == [3, 2, 1, 0, 1, 2]
    assert box == [0]


def test_a_function_that_no_module_has_is_refused(ctx: Any) -> None:
    """A local function fails as in the stdlib, although the same function could be called here."""

    def local() -> None:
        raise AssertionError("called")

    # From 3.14 on it is a PicklingError.
    with ctx.Pool(1) as pool, pytest.raises((AttributeError, PicklingError), match="local"):
        pool.apply(local)


def test_a_replaced_function_is_refused(mp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function whose name means another one by now cannot travel by name, so it does not travel."""
    import sys

    old = keep
    monkeypatch.setattr(sys.modules[__name__], "keep", change)
    with mp.get_context("fork").Pool(1) as pool, pytest.raises(PicklingError, match="not the same object"):
        pool.apply(old, (1,))


def identify(box: list[int]) -> tuple[int, list[int]]:
    """Return the caller's process, and the argument itself."""
    return os.getpid(), box


def fail_at(value: int) -> int:
    """Fail for one value."""
    if value == 3:
        raise ValueError(value)
    return value


def test_results_arrive_by_value_and_in_their_places(ctx: Any) -> None:
    """Each way to ask gives every result once, where it belongs, whether it went the short way or the long one."""
    numbers = list(range(200))
    with ctx.Pool(3) as pool:
        assert pool.map(abs, numbers, chunksize=1) == numbers
        assert pool.map(abs, iter(numbers), chunksize=7) == numbers
        assert list(pool.imap(str, numbers)) == [str(number) for number in numbers]
        assert sorted(pool.imap_unordered(abs, iter(numbers), chunksize=3)) == numbers
        assert [one.get() for one in [pool.apply_async(divmod, (n, 7)) for n in numbers]] == [
            divmod(number, 7) for number in numbers
        ]
        assert pool.map(change, [[number] for number in numbers], chunksize=1) == [[n, 1] for n in numbers]


def test_failures_arrive_among_results(ctx: Any) -> None:
    """What a task raises is raised where its result is asked for, and the others arrive."""
    with ctx.Pool(2) as pool:
        results = pool.imap(fail_at, range(6))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="3"):
            next(results)
        assert list(results) == [4, 5]
        with pytest.raises(ValueError, match="3"):
            pool.map(fail_at, range(6), chunksize=1)


def test_callbacks_run_in_one_thread_of_the_program(mp: Any) -> None:
    """A callback is called by the pool's own thread, never by a worker, with the pid of the program."""
    seen: list[tuple[int, int, int]] = []

    def note(value: int) -> None:
        seen.append((value, os.getpid(), threading.get_ident()))

    with mp.get_context("fork").Pool(3) as pool:
        for one in [pool.apply_async(abs, (number,), callback=note) for number in range(50)]:
            one.get()
        pool.map_async(abs, range(3), chunksize=1, callback=lambda values: note(sum(values))).get()
    assert sorted(value for value, _, _ in seen) == sorted([*range(50), 3])
    assert {pid for _, pid, _ in seen} == {os.getpid()}
    assert len({thread for _, _, thread in seen}) == 1


def test_a_worker_that_is_the_last_to_know_its_pool_does_not_wait_for_itself(mp: Any) -> None:
    """A pool of which only a result that is under way knows ends when that is there, and its workers with it."""
    pool = mp.get_context("fork").Pool(2)
    workers = list(pool._pool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # that nobody closed it, as in the stdlib
        result = pool.apply_async(time.sleep, (0.05,))
        del pool
        assert result.get(LONG) is None
        for worker in workers:
            worker.join(LONG)
    assert [worker.is_alive() for worker in workers] == [False, False]


def test_closing_waits_for_what_was_asked(ctx: Any) -> None:
    """close() and join() return when every result is there."""
    for _ in range(5):
        pool = ctx.Pool(2)
        results = [pool.apply_async(abs, (number,)) for number in range(20)]
        results.append(pool.apply_async(identify, ([5],)))
        pool.close()
        pool.join()
        assert all(one.ready() for one in results)
        assert results[-1].get()[1] == [5]
