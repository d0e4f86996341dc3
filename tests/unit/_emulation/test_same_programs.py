"""One and the same program does the same on thread processes and on real ones."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

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
            for action in (lambda fd: os.write(fd, b"x"), os.close, os.fstat, os.dup):
                try:
                    action(1)
                except OSError as error:
                    print(error.errno, error.strerror, file=sys.stderr)
            print(os.open(os.devnull, os.O_WRONLY), file=sys.stderr)
            print("lost")
        def main():
            print(alone(child))
    """,
    "each process closes its own copies": """
        def child(pipes, file, go):
            (first, then), (up, down) = pipes
            os.close(first)
            try:
                os.read(first, 1)
            except OSError as error:
                print(error)
            try:
                os.close(first)
            except OSError as error:
                print(error)
            go.wait()
            os.write(file, b"by the child")
            inner = mp.Process(target=grandchild, args=(then, down))
            inner.start()
            os.close(then)
            inner.join()
            print(inner.exitcode, flush=True)
            with os.fdopen(down, "wb") as last:
                last.write(b"1")
        def grandchild(then, down):
            os.close(down)
            os.closerange(then + 1, then + 50)
            with open(then, "wb") as last:
                last.write(b"by the grandchild")
        def main():
            pipes = os.pipe(), os.pipe()
            file = os.open("written", os.O_RDWR | os.O_CREAT)
            go = mp.Event()
            p = mp.Process(target=child, args=(pipes, file, go))
            p.start()
            for _, writer in pipes:
                os.close(writer)
            os.close(file)
            try:
                os.close(file)
            except OSError as error:
                print(error, flush=True)
            go.set()
            with os.fdopen(pipes[0][0]) as first, os.fdopen(pipes[1][0]) as second:
                print(first.read(), second.read(), flush=True)
            p.join()
            print(p.exitcode, open("written").read())
            reader, writer = os.pipe()
            p = mp.Process(target=mp.Event().wait)
            p.start()
            os.close(writer)
            print(os.get_blocking(reader))
            p.kill()
            print(os.read(reader, 1))
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
            subprocess.run(["sh", "-c", "echo by program"])
            subprocess.run(["sh", "-c", "echo by name"], stdout=sys.stdout)
            subprocess.run(["sh", "-c", "echo by err >&2"], stderr=1)
            subprocess.run(["sh", "-c", "echo joined >&2"], stderr=subprocess.STDOUT)
            os.system("echo by system")
            print("done")
        def main():
            print("first", flush=True)
            reader, writer = os.pipe()
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
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
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
        NAMES = ("OURS", "HOME", "BYTES", "BELOW")
        CODE = f"import os; print([os.environ.get(name) for name in {NAMES}])"
        def child():
            os.environ["OURS"] = "child"
            del os.environ["HOME"]
            os.environb[b"BYTES"] = b"child"
            os.putenv("BELOW", "child")
            print([os.environ.get(name) for name in NAMES], os.getenv("OURS"), flush=True)
            subprocess.run([sys.executable, "-c", CODE])
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
            print(os.environ is environ, [os.environ.get(name) for name in NAMES], flush=True)
            subprocess.run([sys.executable, "-c", CODE])
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
    "children of a real fork in a child end with their own codes": """
        def ends(how):
            pid = os.fork()
            if pid:
                print(how, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
                return False
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            print(multiprocessing.current_process().name.split("-")[0], len(multiprocessing.active_children()))
            if how == "raise":
                raise ValueError
            if how != "return":
                sys.exit(how)
            return True
        def child():
            multiprocessing.util.Finalize(None, print, ("finalized",), exitpriority=1)
            for how in (3, "a text", None, "raise", "return"):
                sys.stdout.flush()
                if ends(how):
                    return
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
FORK_ONLY = {
    "a descriptor redirected to a pipe",
    "a real fork in a child",
    "children of a real fork in a child end with their own codes",
    "directory and mask",
    "each process closes its own copies",
    "handlers of logging follow the child's descriptor",
    "variables",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize(
    ("name", "method"),
    [(name, "fork") for name in SAME] + [(name, "spawn") for name in SAME if name not in FORK_ONLY],
)
def test_as_with_real_processes(name: str, method: str, tmp_path: Path) -> None:
    """The program prints the same, to the same streams, and ends the same as on real processes."""
    if name == "directory and mask" and facts(tmp_path, PROBE) != ["True"]:
        pytest.skip("the kernel or the sandbox gives a thread no directory of its own")
    text = "a line of input\nanother\n"
    stock = run(tmp_path, SAME[name], hooked=False, method=method, text=text)
    hooked = run(tmp_path, SAME[name], hooked=True, method=method, text=text)
    assert [str(part).replace("hooked.py", "stock.py") for part in hooked] == [str(part) for part in stock]
