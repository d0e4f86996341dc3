"""Hooks of `sys` and `threading` that a process sets; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_HEAD = """
        import threading, unittest.mock
        os.environ["PYTHONBREAKPOINT"] = "0"
        SYS = "breakpointhook", "displayhook", "excepthook", "unraisablehook"
        HOOKS = [(sys, name) for name in SYS] + [(threading, "excepthook")]
        def which():
            named = [getattr(getattr(module, name), "title", "?") for module, name in HOOKS]
            own = [getattr(module, name) is getattr(module, f"__{name}__") for module, name in HOOKS]
            print(*named, *own, flush=True)
        def hook(title):
            def call(*args):
                print(title, *(type(arg).__name__ for arg in args), flush=True)
            call.title = title
            return call
        def put(title):
            for module, name in HOOKS:
                setattr(module, name, hook(title))
        class Bad:
            def __del__(self): int("x")
        def use():
            err, sys.stderr = sys.stderr, io.StringIO()
            Bad()
            t = threading.Thread(target=int, args=("x",))
            t.start()
            t.join()
            print(sys.stderr.getvalue().count("invalid literal"), flush=True)
            sys.stderr = err
            eval(compile("1 + 1", "typed", "single"))
            breakpoint()
"""

#: Programs that must do the same with and without the hook, by what they are about.
SAME = {
    "a child's own": """
        def grandchild():
            which()
            use()
        def child():
            which()
            put("child")
            which()
            use()
            alone(grandchild)
            sys.excepthook = sys.__excepthook__
            print(sys.excepthook is sys.__excepthook__, flush=True)
        def main():
            print(alone(child))
            which()
            put("main")
            use()
            print(alone(child))
            which()
            use()
    """,
    "the main program changes its own meanwhile": """
        def child(pipe):
            pipe.recv()
            which()
            use()
            put("child")
            pipe.send("put")
            pipe.recv()
            which()
            use()
        def main():
            put("early")
            ours, theirs = mp.Pipe()
            p = mp.Process(target=child, args=(theirs,))
            p.start()
            put("late")
            ours.send("")
            ours.recv()
            which()
            put("later")
            which()
            use()
            ours.send("")
            p.join()
            which()
            use()
            del sys.unraisablehook
            print(hasattr(sys, "unraisablehook"))
    """,
    "patched for a while": """
        def patched(title):
            with unittest.mock.patch("sys.unraisablehook", hook(title)):
                with unittest.mock.patch("threading.excepthook", hook(title)):
                    use()
            which()
        def child(pipe):
            patched("first")
            put("child")
            patched("second")
            pipe.send("ready")
            pipe.recv()
            patched("third")
        def early(pipe):
            pipe.recv()
            patched("early")
        def main():
            pipes, children = [], []
            for target in (early, child):
                ours, theirs = mp.Pipe()
                children.append(mp.Process(target=target, args=(theirs,)))
                children[-1].start()
                pipes.append(ours)
            pipes[1].recv()
            patched("main")
            for pipe, p in zip(pipes, children):
                pipe.send("")
                p.join()
            which()
    """,
    "none, and gone": """
        def child():
            sys.unraisablehook = None
            use()
            del sys.displayhook
            print(hasattr(sys, "displayhook"))
            try:
                sys.displayhook
            except AttributeError as error:
                print(error, flush=True)
        def main():
            print(alone(child))
            which()
    """,
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", SAME)
def test_as_with_real_processes(name: str, method: str, tmp_path: Path) -> None:
    """The program prints the same, and ends the same, as on real processes."""
    stock = run(tmp_path, _HEAD + SAME[name], hooked=False, method=method)
    hooked = run(tmp_path, _HEAD + SAME[name], hooked=True, method=method)
    assert hooked == stock


def test_the_modules_are_as_ever_without_processes(tmp_path: Path) -> None:
    """When no process is left, both modules are plain modules and hold what the main program has set."""
    program = """
        import threading, types
        def child():
            sys.excepthook = threading.excepthook = sys.displayhook = print
        def main():
            sys.excepthook = hook = lambda *args: None
            print(alone(child))
            print(type(sys) is types.ModuleType, type(threading) is types.ModuleType)
            print(vars(sys)["excepthook"] is hook, vars(sys)["displayhook"] is sys.__displayhook__)
            print(vars(threading)["excepthook"] is threading.__excepthook__)
    """
    assert facts(tmp_path, program) == ["0", "True True", "True True", "True"]
