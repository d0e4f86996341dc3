"""Tasks of a pool that travel as they are."""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.unit


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

    with ctx.Pool(1) as pool, pytest.raises(AttributeError, match="local"):
        pool.apply(local)


def test_a_replaced_function_is_refused(mp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function whose name means another one by now cannot travel by name, so it does not travel."""
    import sys
    from pickle import PicklingError

    old = keep
    monkeypatch.setattr(sys.modules[__name__], "keep", change)
    with mp.get_context("fork").Pool(1) as pool, pytest.raises(PicklingError, match="not the same object"):
        pool.apply(old, (1,))
