"""How `ansible.executor.module_common` reads modules in workers."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.interpreters import environment, run, this_path

pytestmark = pytest.mark.unit

pytest.importorskip("ansible", reason="ansible-core is an extra")

_PROGRAM = """
import ast, builtins
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from ansible.executor import module_common
own = vars(module_common).get("compile", builtins.compile)
tree = own("x = 1", "name", "exec", ast.PyCF_ONLY_AST)
print(ast.unparse(tree), eval(own("1 + 1", "name", "eval")), own is builtins.compile)
mpthread_hook.disable()
print("compile" in vars(module_common))
"""


def test_trees_of_modules_are_made_by_ast() -> None:
    """Until 3.11 the module has a `compile` that makes trees safely, and anything else as ever."""
    done = run(sys.executable, "-c", _PROGRAM, env=environment(this_path()))
    assert done.stdout.splitlines() == [f"x = 1 2 {sys.version_info >= (3, 12)}", "False"]


def test_only_trees_take_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks for a tree alone goes to `ast.parse`, everything else to the builtin function."""
    from mpthread_hook._adapters import ansible_compile  # it is imported by its row

    asked: list[object] = []
    monkeypatch.setattr(ast, "parse", lambda *args: asked.append(args))
    ansible_compile.compile("a", "b", "exec", ast.PyCF_ONLY_AST)
    assert asked == [("a", "b", "exec")]
    assert eval(ansible_compile.compile("1 + 1", "b", "eval")) == 2
    assert isinstance(ansible_compile.compile("1", "b", "eval", ast.PyCF_ONLY_AST, True), ast.Expression)
    assert len(asked) == 1
