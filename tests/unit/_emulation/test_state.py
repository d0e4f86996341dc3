"""What a thread process has for itself: streams, descriptors, variables, directory; against real processes."""

from __future__ import annotations

import os
import textwrap

import pytest

from tests.unit._emulation.comparing import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Programs that must do the same with and without the hook, by what they are about.
SAME = {
    "assigned streams are the child's": """
        def child():
            sys.stdout = io.StringIO()
            print("lost")
            sys.stderr = sys.stdout
            warnings.warn("lost too")
            seen = sys.stdout.getvalue()
            print("lost\\n" in seen, "lost too" in seen, file=sys.__stdout__, flush=True)
        def main():
            before = sys.stdout
            print(alone(child), sys.stdout is before, sys.__stdout__ is before)
    """,
    "a worker that detaches itself": """
        def child(queue):
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.close(null)
            print("lost")
            sys.stdout.flush()
            os.write(2, b"lost")
            sys.stdin.close()
            sys.stdout = sys.stderr = io.StringIO()
            print("lost")
            queue.put((os.getsid(0) == os.getpid(), sys.stdout.getvalue()))
        def main():
            queue = mp.SimpleQueue()
            print("before")
            print(alone(child, queue), queue.get())
            print("after", file=sys.stderr)
            print(input(), sys.stdin.closed)
    """,
    "closing the streams": """
        def child():
            print("child")
            sys.stdout.close()
            sys.stderr.close()
            sys.stdin.close()
        def main():
            print(alone(child))
            print(sys.stdout.closed, sys.stderr.closed, sys.stdin.closed, input())
    """,
    "None and deleted streams": """
        def child():
            sys.stdout = None
            print("lost")
            del sys.stdout
            try:
                print("lost")
            except RuntimeError as error:
                print(error, file=sys.stderr)
            print(hasattr(sys, "stdout"), sys.__stdout__ is not None, file=sys.stderr)
            sys.stdout = sys.stderr
            print("here")
        def main():
            print(alone(child))
    """,
    "closed descriptors": """
        def child():
            os.close(1)
            for action in (lambda: os.write(1, b"x"), lambda: os.close(1), lambda: os.fstat(1), lambda: os.dup(1)):
                try:
                    action()
                except OSError as error:
                    print(error.errno, error.strerror, file=sys.stderr)
            print(os.open(os.devnull, os.O_WRONLY), file=sys.stderr)
            print("lost")
        def main():
            print(alone(child))
    """,
    "a descriptor redirected to a pipe": """
        def child(reader, writer):
            os.close(reader)
            os.dup2(writer, 1)
            os.close(writer)
            print("by print")
            sys.stdout.flush()
            os.write(1, b"by write\\n")
            os.writev(1, [b"by ", b"writev\\n"])
            sys.stdout.buffer.write(b"by buffer\\n")
            sys.stdout.flush()
            with os.fdopen(1, "w", closefd=False) as file:
                file.write("by fdopen\\n")
            with open(1, "wb", closefd=False, buffering=0) as file:
                file.write(b"by open\\n")
            copy = os.dup(1)
            os.write(copy, b"by dup\\n")
            os.close(copy)
            subprocess.run([sys.executable, "-c", "print('by program', flush=True)"])
            subprocess.run([sys.executable, "-c", "print('by name', flush=True)"], stdout=sys.stdout)
            subprocess.run([sys.executable, "-c", "import sys; print('by err', file=sys.stderr)"], stderr=1)
            subprocess.run([sys.executable, "-c", "import sys; print('joined', file=sys.stderr)"], stderr=subprocess.STDOUT)
            os.system("echo by system")
            print("done")
        def main():
            print("first", flush=True)
            reader, writer = os.pipe()
            if "mpthread_hook" in sys.modules:
                # Descriptors above 2 are shared by the program: the child gets its own pair.
                p = mp.Process(target=child, args=(os.dup(reader), os.dup(writer)))
            else:
                p = mp.Process(target=child, args=(reader, writer))
            p.start()
            os.close(writer)
            with open(reader) as file:
                print(file.read().split("\\n"))
            p.join()
            print(p.exitcode)
    """,
    "a traceback goes to the child's stderr": """
        def child(path):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), 2)
            raise ValueError("told")
        def main():
            path = tempfile.mktemp()
            print(alone(child, path))
            with open(path) as file:
                print("ValueError: told" in file.read())
            os.unlink(path)
    """,
    "handlers of logging follow the child's descriptor": """
        import logging
        logging.basicConfig(format="%(message)s")
        def child(path):
            logging.error("child before")
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), 2)
            logging.error("child after")
        def main():
            logging.error("parent before")
            path = tempfile.mktemp()
            print(alone(child, path))
            logging.error("parent after")
            with open(path) as file:
                print(file.read())
            os.unlink(path)
    """,
    "redirecting in the child": """
        from unittest import mock
        def child():
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
                print("a")
                print("b", file=sys.stderr)
            print(repr(out.getvalue()), repr(err.getvalue()))
            with mock.patch("sys.stdout", new=io.StringIO()) as one:
                print("c")
                with mock.patch("sys.stdout", new=io.StringIO()) as two:
                    print("d")
                print("e")
            print(repr(one.getvalue()), repr(two.getvalue()), sys.stdout is sys.__stdout__)
            with mock.patch.object(sys.stdout, "write") as write:
                print("f")
            print(write.call_args_list)
            sys.stdout.reconfigure(line_buffering=True, errors="replace")
            print(sys.stdout.line_buffering, sys.stdout.errors, type(sys.stdout).__name__)
        def main():
            print(alone(child), sys.stdout.line_buffering, sys.stdout.errors)
    """,
    "variables": """
        def child():
            os.environ["OURS"] = "child"
            del os.environ["HOME"]
            os.environb[b"BYTES"] = b"child"
            os.putenv("BELOW", "child")
            print(sorted(os.environ.get(name, "") for name in ("OURS", "HOME", "BYTES", "BELOW")), os.getenv("OURS"))
            code = "import os; print([os.environ.get(name) for name in ('OURS', 'HOME', 'BYTES', 'BELOW')], flush=True)"
            sys.stdout.flush()
            subprocess.run([sys.executable, "-c", code])
            os.system("echo $OURS $BELOW")
            p = mp.Process(target=grandchild)
            p.start()
            p.join()
            print("OURS" in os.environ, len(os.environ) > 3, dict(os.environ) == os.environ.copy())
        def grandchild():
            print("grandchild", os.environ["OURS"], "HOME" in os.environ, flush=True)
            os.environ["OURS"] = "grandchild"
        def main():
            os.environ["HOME"] = "/parent"
            environ = os.environ
            print(alone(child), flush=True)
            print(os.environ is environ, [os.environ.get(name) for name in ("OURS", "HOME", "BYTES", "BELOW")])
            code = "import os; print([os.environ.get(name) for name in ('OURS', 'HOME', 'BYTES', 'BELOW')])"
            subprocess.run([sys.executable, "-c", code])
    """,
    "illegal variables": """
        def child():
            for name, value in (("A=B", "x"), ("", "x"), ("A", "x\\0y"), ("A", 1), (1, "A")):
                try:
                    os.environ[name] = value
                except Exception as error:
                    print(type(error).__name__, flush=True)
                else:
                    print("accepted", name, value, flush=True)
        def main():
            print(alone(child))
    """,
    "arguments": """
        def child():
            sys.argv.append("child")
            print(sys.argv[1:])
            sys.argv = ["other"]
            print(sys.argv)
        def main():
            sys.argv.append("parent")
            print(alone(child), sys.argv[1:])
    """,
    "reading the parent's input": """
        def child():
            sys.stdin = open(0)
            print(input(), flush=True)
            sys.stdin.close()
        def main():
            print(alone(child), flush=True)
            print(sys.stdin.closed, os.fstat(0).st_mode > 0)
    """,
    "directory and mask": """
        def child(go, done):
            go.wait()
            print(os.getcwd() == START, oct(os.umask(0o27)))
            os.chdir("/")
            print(os.getcwd())
            sys.stdout.flush()
            subprocess.run(["pwd"])
            done.set()
        START = os.getcwd()
        def main():
            os.umask(0o22)
            go, done = mp.Event(), mp.Event()
            p = mp.Process(target=child, args=(go, done))
            p.start()
            where = os.path.realpath(tempfile.gettempdir())
            os.chdir(where)
            os.umask(0o77)
            go.set()
            done.wait()
            print(os.getcwd() == where, oct(os.umask(0)), flush=True)
            p.join()
            print(p.exitcode)
    """,
    "a real fork in a child": """
        def child():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.environ["OURS"] = "child"
            sys.stdout.flush()
            pid = os.fork()
            if not pid:
                print("forked", os.getenv("OURS"), flush=True)
                os.write(2, b"lost")
                print("lost", file=sys.stderr, flush=True)
                os.execl("/bin/sh", "sh", "-c", "echo $OURS; echo lost >&2")
            os.waitpid(pid, 0)
        def main():
            print(alone(child))
    """,
    "buffers are the process's own": """
        def child():
            sys.stdout.write("lost with the process")
            os._exit(3)
        def other():
            sys.stdout.write("flushed at exit\\n")
        def main():
            print(alone(child), alone(other))
    """,
}
PROBE = """
from mpthread_hook._emulation import directory
def main():
    print(directory.possible())
"""
#: Of these, the ones whose child needs what only a fork gives it (descriptors above 2, patched modules).
FORK_ONLY = {"a descriptor redirected to a pipe", "variables", "handlers of logging follow the child's descriptor"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", SAME)
def test_as_with_real_processes(name: str, method: str, tmp_path: Path) -> None:
    """The program prints the same, to the same streams, and ends the same as on real processes."""
    if method == "spawn" and name in FORK_ONLY:
        method = "fork"
    if name == "directory and mask" and facts(tmp_path, PROBE) != ["True"]:
        pytest.skip("the kernel or the sandbox gives a thread no directory of its own")
    text = "a line of input\nanother\n"
    stock = run(tmp_path, SAME[name], hooked=False, method=method, text=text)
    hooked = run(tmp_path, SAME[name], hooked=True, method=method, text=text)
    assert [str(part).replace("hooked.py", "stock.py") for part in hooked] == [str(part) for part in stock]


def facts(tmp_path: Path, program: str) -> list[str]:
    """Return the lines that a program prints under the hook; it must end well and complain about nothing."""
    status, output, errors = run(tmp_path, program, hooked=True)
    assert (status, errors) == (0, "")
    return output.splitlines()


ALIVE = """
@contextlib.contextmanager
def alive():
    go = mp.Event()
    p = mp.Process(target=go.wait)
    p.start()
    yield p
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
                assert sys.stdout is real and sys.__stdout__ is real and isinstance(sys.stdout, io.TextIOWrapper)
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
    """Before the first and after the last thread process `sys`, `os.environ` and `open` are the interpreter's."""
    program = """
        import types
        def plain():
            return [type(sys) is types.ModuleType, type(vars(sys)["stdout"]).__name__, type(open).__name__,
                    open is io.open, vars(os.environ)["_data"] is os.environ._data, type(os.environ).__mro__[1].__name__]
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
                print(type(colorsys) is types.ModuleType, type(made) is types.ModuleType, made.__doc__)
                print(Lazy.__mro__[1] is types.ModuleType, hasattr(Lazy("x"), "stdout"), type(Lazy("x")) is Lazy)
                print(isinstance(os, kind), isinstance(sys, types.ModuleType), isinstance(1, kind), type(os) == kind)
                print(issubclass(Lazy, kind), repr(kind), kind == type(os), len({kind, type(os)}))
    """
    assert facts(tmp_path, ALIVE + textwrap.dedent(program)) == [
        "True True doc",
        "True False True",
        "True True False True",
        "True <class 'module'> True 1",
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
            print(type(vars(sys)["stdout"]).__name__, subprocess.Popen._execute_child.__module__)
            go.set()
            p.join()
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
            threading.Thread(target=loop, args=(lambda: os.write(1, b"x"),), daemon=True).start()
            threading.Thread(target=loop, args=(lambda: print("x", flush=True),), daemon=True).start()
            threading.Thread(target=loop, args=(lambda: (kept.write("x"), kept.flush()),), daemon=True).start()
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
