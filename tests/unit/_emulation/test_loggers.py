"""What is set at a logger while a module is imported; the rest is compared (`consumers` of the comparison)."""

from __future__ import annotations

import pytest

from tests.unit._emulation.comparing import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_MODULE = """
import logging
logger = logging.getLogger("library")
logger.addHandler(logging.NullHandler())
logger.setLevel(logging.ERROR)
logger.propagate = False
"""
_PROGRAM = """
        import logging
        def told():
            logger = logging.getLogger("library")
            return (logger.handlers, logger.level, logger.propagate, logger.isEnabledFor(30))
        def other(begun, go, queue):
            queue.put(told())
            begun.set()
            go.wait()
            queue.put(told())
        def child():
            import library
            logging.getLogger("library").addHandler(logging.StreamHandler())
        def main():
            queue, begun, go = mp.SimpleQueue(), mp.Event(), mp.Event()
            print(told())
            p = mp.Process(target=other, args=(begun, go, queue))
            p.start()
            begun.wait()
            alone(child)
            print(told())
            go.set()
            p.join()
            print(queue.get())
            print(queue.get())
            print(alone(child), told(), sorted(vars(logging.Logger)) == before)
        before = sorted(vars(logging.Logger))
"""


def test_what_a_module_sets_is_set_for_all(tmp_path: Path) -> None:
    """The process that happens to import a module first sets up its logger for every other one, too."""
    (tmp_path / "library.py").write_text(_MODULE, encoding="utf-8")
    before = "([], 0, True, True)"
    after = "([<NullHandler (NOTSET)>], 40, False, False)"
    assert facts(tmp_path, _PROGRAM) == [before, after, before, after, f"0 {after} True"]
