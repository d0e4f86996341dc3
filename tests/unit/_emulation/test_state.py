"""What a thread process has for itself, and what the main program notices of that."""

from __future__ import annotations

import os
import textwrap

import pytest

from tests.unit._emulation.comparing import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


ALIVE = """
@contextlib.contextmanager
def alive():
    go = mp.Event()
    p = mp.Process(target=go.wait)
    p.start()
    try:
        yield p
    finally:
        go.set()
        p.join()
"""


def test_main_program_keeps_its_streams(tmp_path: Path) -> None:
    """With a child alive, assignments, redirections and patches of the main program work and are undone."""
    program = """
        from unittest import mock
        def main():
            real = sys.stdout
            with alive():
                assert sys.stdout is real and sys.__stdout__ is real
                assert isinstance(sys.stdout, io.TextIOWrapper)
                with contextlib.redirect_stdout(io.StringIO()) as one:
                    print("one")
                    sys.stdout.write("one")
                with mock.patch("sys.stdout", new=io.StringIO()) as two:
                    print("two")
                    with mock.patch("sys.stdout", new=io.StringIO()) as three:
                        print("three")
                    print("two")
                assert sys.stdout is real
                with mock.patch.object(sys.stdout, "write") as write:
                    print("four")
                sys.stdout = None
                print("nobody")
                del sys.stdout
                try:
                    print("nobody")
                except RuntimeError as error:
                    lost = str(error)
                assert not hasattr(sys, "stdout")
                sys.stdout = real
                sys.stdout = five = io.StringIO()
            print("five")
            assert sys.stdout is five
            with alive():
                print("five")
                sys.stdout = real
            print([x.getvalue() for x in (one, two, three, five)], len(write.call_args_list), lost)
    """
    lines = facts(tmp_path, ALIVE + textwrap.dedent(program))
    assert lines == [r"['one\none', 'two\ntwo\n', 'three\n', 'five\nfive\n'] 2 lost sys.stdout"]


def test_nothing_is_laid_on_without_thread_processes(tmp_path: Path) -> None:
    """Before the first and after the last thread process `sys`, `os.environ` and `open` are the originals."""
    program = """
        import types
        def plain():
            return [type(sys) is types.ModuleType, type(vars(sys)["stdout"]).__name__, type(open).__name__,
                    open is io.open, type(os.environ).__mro__[1].__name__]
        def main():
            before = plain()
            with alive():
                assert plain() != before
                with alive():
                    pass
                assert plain() != before
            print(plain() == before, before[:4], [type(m) is types.ModuleType for m in (sys, os)])
    """
    assert facts(tmp_path, ALIVE + textwrap.dedent(program)) == [
        "True [True, 'TextIOWrapper', 'builtin_function_or_method', True] [True, True]"
    ]


def test_class_of_sys_is_not_taken_for_more(tmp_path: Path) -> None:
    """Modules made, imported and subclassed through `type(sys)` while a child is alive are plain modules."""
    program = """
        import types
        def main():
            with alive():
                kind = type(sys)
                import colorsys
                class Lazy(kind):
                    pass
                made = kind("made", "doc")
                module = types.ModuleType
                print(type(colorsys) is module, type(made) is module, made.__doc__)
                print(Lazy.__mro__[1] is module, hasattr(Lazy("x"), "stdout"), type(Lazy("x")) is Lazy)
                print(isinstance(os, kind), isinstance(sys, module), isinstance(1, kind), type(os) == kind)
                print(issubclass(Lazy, kind), repr(kind), kind == type(os), len({kind, type(os)}))
    """
    assert facts(tmp_path, ALIVE + textwrap.dedent(program)) == [
        "True True doc",
        "True False True",
        "True True False True",
        "True <class 'module'> True 1",
    ]


def test_code_that_has_run_often_still_asks_for_its_process(tmp_path: Path) -> None:
    """Interpreters specialise what is hot, and from 3.14 on would read attributes past the class of a module."""
    program = """
        import threading
        def read():
            return [sys.argv, sys.stdout, sys.excepthook, threading.excepthook]
        def often():
            return [read() for _ in range(5000)]
        def child(queue):
            sys.argv, sys.stdout, sys.excepthook, threading.excepthook = own = [["child"], io.StringIO(), print, repr]
            found = often()
            queue.put([all(one[i] is own[i] for one in found) for i in range(4)])
        def main():
            before = often()[0]
            queue = mp.SimpleQueue()
            p = mp.Process(target=child, args=(queue,))
            p.start()
            print(queue.get())
            p.join()
            with alive():
                print([all(one[i] is before[i] for one in often()) for i in range(4)])
                try:
                    sys.nothing
                except AttributeError as error:
                    print(error, error.name, error.obj is sys)
            print([one is two for one, two in zip(read(), before)])
    """
    assert facts(tmp_path, ALIVE + textwrap.dedent(program)) == [
        "[True, True, True, True]",
        "[True, True, True, True]",
        "module 'sys' has no attribute 'nothing' nothing True",
        "[True, True, True, True]",
    ]


def test_disable_restores_everything_with_a_child_alive(tmp_path: Path) -> None:
    """`disable()` gives the real `sys`, `os` and `subprocess` back although a thread process is left over."""
    program = """
        import mpthread_hook._hook.activation as activation
        def main():
            names = ("write", "dup2", "chdir", "putenv", "system")
            go = mp.Event()
            p = mp.Process(target=go.wait)
            p.start()
            try:
                activation.disable(0.1)
            except Exception as error:
                print(type(error).__name__)
            print(type(sys).__mro__[0] is type(os), [type(getattr(os, name)).__name__[:7] for name in names])
            print(type(vars(sys)["stdout"]).__name__, subprocess.Popen._execute_child.__module__, flush=True)
            os._exit(0)  # the child that is left over has lost what it needs to end as a process
    """
    assert facts(tmp_path, program) == [
        "LeftoverProcessError",
        "True ['builtin', 'builtin', 'builtin', 'builtin', 'builtin']",
        "TextIOWrapper subprocess",
    ]


def test_killed_process_writes_nothing_any_more(tmp_path: Path) -> None:
    """Once `kill()` has returned, neither print() nor write() of the child reaches the output."""
    program = """
        import threading
        def child(path, ready):
            out = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.dup2(out, 1)
            kept = sys.stdout
            def loop(write):
                while True:
                    try:
                        write()
                    except Exception:
                        pass
            by_write = lambda: os.write(1, b"x")
            by_print = lambda: print("x", flush=True)
            by_object = lambda: (kept.write("x"), kept.flush())
            for write in (by_write, by_print, by_object):
                threading.Thread(target=loop, args=(write,), daemon=True).start()
            ready.set()
            loop(lambda: sys.stdout.flush())
        def main():
            path = tempfile.mktemp()
            ready = mp.Event()
            p = mp.Process(target=child, args=(path, ready))
            p.start()
            ready.wait()
            while not os.stat(path).st_size:
                pass
            p.kill()
            size = os.stat(path).st_size
            p.join()
            print(p.exitcode, os.stat(path).st_size - size < 3)
            os.unlink(path)
    """
    assert facts(tmp_path, program) == ["-9 True"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_descriptors_of_dead_processes_are_released(tmp_path: Path) -> None:
    """However often children redirect and end, the program has as many descriptors as before."""
    program = """
        def child(how):
            reader, writer = os.pipe()
            os.dup2(writer, 1)
            os.dup2(reader, 0)
            os.close(reader)
            os.close(writer)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 2)
            os.close(null)
            if how == 1:
                p = mp.Process(target=child, args=(0,))
                p.start()
                p.join()
            if how == 2:
                mp.Event().wait()
        def main():
            sizes = []
            for _ in range(3):
                for how in (0, 1, 2):
                    p = mp.Process(target=child, args=(how,))
                    p.start()
                    if how == 2:
                        p.terminate()
                    p.join()
                sizes.append(len(os.listdir("/proc/self/fd")))
            print(sizes[0] == sizes[2], sizes[2] < 12)
    """
    assert facts(tmp_path, program) == ["True True"]


def test_pipe_ends_when_a_killed_child_held_it(tmp_path: Path) -> None:
    """The reader of a pipe that was a child's standard output sees its end as soon as the child is killed."""
    program = """
        def child(writer, ready):
            os.dup2(writer, 1)
            os.close(writer)
            ready.set()
            mp.Event().wait()
        def main():
            reader, writer = os.pipe()
            ready = mp.Event()
            p = mp.Process(target=child, args=(writer, ready))
            p.start()
            os.close(writer)
            ready.wait()
            p.kill()
            print(os.read(reader, 1))
            p.join()
    """
    assert facts(tmp_path, program) == ["b''"]


def test_directory_is_probed_without_moving_the_caller(tmp_path: Path) -> None:
    """`possible()` answers, twice the same, and the calling thread still shares its directory."""
    program = """
        from mpthread_hook._emulation import directory
        import threading
        def main():
            first = directory.possible()
            os.chdir("/")
            seen = []
            thread = threading.Thread(target=lambda: seen.append(os.getcwd()))
            thread.start()
            thread.join()
            print(first is directory.possible(), seen)
    """
    assert facts(tmp_path, program) == ["True ['/']"]


def test_shared_directory_where_the_system_refuses(tmp_path: Path) -> None:
    """Where the call is refused, processes still start, and the directory is the program's."""
    program = """
        from mpthread_hook._emulation import directory
        def child():
            os.chdir("/")
        def main():
            directory._unshare = lambda: False
            print(alone(child), os.getcwd(), directory.possible())
    """
    assert facts(tmp_path, program) == ["0 / False"]


def test_reloaded_variables_are_those_below(tmp_path: Path) -> None:
    """`os.reload_environ` (3.14) of a child takes what putenv() set there, and nothing from the program."""
    program = """
        from mpthread_hook._emulation.environment import reload_environ
        def child():
            os.environ["KEPT"] = "one"
            os.putenv("PUT", "two")
            os.unsetenv("GONE")
            print(os.environ.get("PUT"), os.environ.get("GONE"))
            reload_environ()
            print(os.environ["KEPT"], os.environ["PUT"], os.environ.get("GONE"), os.environ["LEFT"], flush=True)
        def main():
            os.environ.update(GONE="here", LEFT="here")
            print(alone(child), os.environ["GONE"], os.environ.get("PUT"), os.environ.get("KEPT"))
    """
    assert facts(tmp_path, program) == ["None here", "one two None here", "0 here None None"]


def test_functions_stand_in_as_functions_of_c(tmp_path: Path) -> None:
    """Kept in a class they are no methods; they pickle by name; `os` still says what it can do."""
    program = """
        import pickle, shutil
        class Keeper:
            write, close, fstat, open = os.write, os.close, os.fstat, os.open
        def main():
            keeper = Keeper()
            fd = keeper.open(os.devnull, os.O_WRONLY)
            print(keeper.write(fd, b"x"), keeper.fstat(fd) == os.fstat(fd=fd), keeper.close(fd))
            print(all(pickle.loads(pickle.dumps(x)) is x for x in (os.write, os.system)), os.write.__name__)
            print(os.open in os.supports_dir_fd, os.chdir in os.supports_fd)
            print(shutil.rmtree.avoids_symlink_attacks)
            with alive():
                print(pickle.loads(pickle.dumps(open)) is open, open.__name__)
    """
    assert facts(tmp_path, ALIVE + textwrap.dedent(program)) == [
        "1 True None",
        "True write",
        "True True",
        "True",
        "True open",
    ]
