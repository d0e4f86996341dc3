"""What the fork server does beforehand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.unit


@pytest.fixture
def context(mp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the context of forkserver, with two modules on the path that nobody has imported."""
    (tmp_path / "preloaded_one.py").write_text("print('one')\n")
    (tmp_path / "preloaded_two.py").write_text("import nothing_of_that_name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    context = mp.get_context("forkserver")
    server = __import__("multiprocessing.forkserver").forkserver._forkserver
    server._stop()
    yield context
    server._stop()
    context.set_forkserver_preload(["__main__"])
    sys.modules.pop("preloaded_one", None)


def start(context: Any) -> None:
    """Start a child, and wait for its end."""
    child = context.Process(target=int)
    child.start()
    child.join()
    assert child.exitcode == 0


def test_modules_are_there_before_the_first_child(context: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Each is imported once; one that cannot be is passed over."""
    context.set_forkserver_preload(["__main__", "preloaded_two", "preloaded_one"])
    assert "preloaded_one" not in sys.modules
    start(context)
    assert "preloaded_one" in sys.modules
    sys.modules.pop("preloaded_one")
    start(context)
    assert "preloaded_one" not in sys.modules
    assert capfd.readouterr().out == "one\n"


def test_a_failure_can_be_told(context: Any) -> None:
    """By a warning, or because no child starts; after that the next start tries again."""
    server = __import__("multiprocessing.forkserver").forkserver
    server.set_forkserver_preload(["preloaded_two"], on_error="warn")
    with pytest.warns(ImportWarning, match="Failed to preload module 'preloaded_two'"):
        start(context)
    server._forkserver._stop()
    server.set_forkserver_preload(["preloaded_two"], on_error="fail")
    for _ in range(2):
        with pytest.raises(EOFError, match="preloaded_two"):
            start(context)
    with pytest.raises(ValueError, match="on_error must be"):
        server.set_forkserver_preload([], on_error="other")
    with pytest.raises(TypeError, match="list of strings"):
        server.set_forkserver_preload([1])
