"""Syntax trees that several thread processes make at the same time."""

from __future__ import annotations

import sys

import pytest

from tests.unit._emulation.comparing import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: The collector runs finalizers in the middle of making a tree, and the threads take turns in them.
_TOGETHER = """
        import ast, gc, inspect
        class Cycle:
            def __init__(self): self.me = self
            def __del__(self):
                for _ in range(200): pass
        with open(ast.__file__) as file:
            source = file.read()
        expected = ast.dump(ast.parse(source))
        def child(faults):
            try:
                for _ in range(6):
                    for _ in range(300): Cycle()
                    assert ast.dump(ast.parse(source, "name", mode="exec")) == expected
                    assert ast.literal_eval("[1, {2: (3, 4)}]") == [1, {2: (3, 4)}]
            except BaseException as error:
                faults.append(repr(error))
        def main():
            sys.setswitchinterval(1e-5)
            gc.set_threshold(50, 5, 5)
            faults = []
            children = [mp.Process(target=child, args=(faults,)) for _ in range(4)]
            for p in children: p.start()
            for p in children: p.join()
            print(faults, [p.exitcode for p in children])
            try:
                ast.parse("1 +", "there")
            except SyntaxError as error:
                print(error.filename, inspect.signature(ast.parse))
"""


def test_trees_made_at_the_same_time_are_right(tmp_path: Path) -> None:
    """Until 3.11 the interpreter itself fails at this; no thread process may notice."""
    ends, rest = facts(tmp_path, _TOGETHER)
    assert ends == "[] [0, 0, 0, 0]"
    assert rest.startswith("there (source, filename='<unknown>', mode='exec', *, type_comments=False")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from 3.12 on nothing is laid over ast")
def test_a_tree_is_made_again_only_for_that_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other SystemError, and the fault that stays, reach the caller."""
    from mpthread_hook._emulation import syntax  # the module is imported by its row

    calls: list[str] = []
    for message, attempts in (
        ("AST constructor recursion depth mismatch (before=18, after=10)", syntax._ATTEMPTS + 1),
        ("unknown opcode", 1),
    ):

        def fail(source: str, message: str = message) -> None:
            calls.append(source)
            raise SystemError(message)

        calls.clear()
        monkeypatch.setattr(syntax, "_real_parse", fail)
        with pytest.raises(SystemError, match=message.split()[0]):
            syntax.parse("pass")
        assert len(calls) == attempts
