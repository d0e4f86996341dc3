"""What is left open or running when the main program ends, or when the hook is taken away."""

from __future__ import annotations

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Programs that must say the same with and without the hook, and end: each leaves something to its end.
SAME = {
    "an open manager": """
        def main():
            global manager, numbers
            manager = multiprocessing.Manager()
            numbers = manager.dict(a=1)
            waiting = manager.Queue()
            waiting.put(numbers["a"])
            print(waiting.get())
        """,
    "an open manager of shared memory": """
        def main():
            global manager, memory, numbers
            from multiprocessing.managers import SharedMemoryManager
            manager = SharedMemoryManager()
            manager.start()
            memory, numbers = manager.SharedMemory(size=100), manager.ShareableList([1, 2])
            memory.buf[0] = numbers[1]
            print(memory.buf[0])
        """,
    "a child that starts threads": """
        def child(reader):
            reader.recv()
            t = threading.Thread(target=print, args=("thread",))
            t.start()
            t.join()
            _thread.start_new_thread(reader.send, ("second",))
            print(reader.recv())
            def fail():
                raise SystemExit(3)
            t = threading.Thread(target=fail)
            t.start()
            t.join()
            print(threading.active_count(), t.is_alive(), flush=True)
        def main():
            import atexit
            global reader, writer
            reader, writer = multiprocessing.Pipe()
            mp.Process(target=child, args=(reader,)).start()
            @atexit.register
            def go():
                writer.send("main is over")
                writer.send(writer.recv())
        """,
    "a child that starts a child": """
        def grandchild(q):
            q.put("from the grandchild")
        def child(reader):
            reader.recv()
            q = mp.Queue()
            p = mp.Process(target=grandchild, args=(q,))
            p.start()
            print(q.get())
            p.join()
            print(p.exitcode, flush=True)
        def main():
            import atexit
            reader, writer = multiprocessing.Pipe()
            mp.Process(target=child, args=(reader,)).start()
            atexit.register(writer.send, "main is over")
        """,
    "a child with executors": """
        def child(reader):
            reader.recv()
            with concurrent.futures.ThreadPoolExecutor(2) as executor:
                print(list(executor.map(abs, [-1, 2])))
            with concurrent.futures.ProcessPoolExecutor(1, mp) as executor:
                print(list(executor.map(abs, [-3, 4])))
            with mp.Pool(1) as pool:
                print(pool.map(abs, [-5, 6]))
            print(subprocess.run(["echo", "program"], capture_output=True, text=True).stdout, flush=True)
        def main():
            import atexit
            reader, writer = multiprocessing.Pipe()
            mp.Process(target=child, args=(reader,)).start()
            atexit.register(writer.send, "main is over")
        """,
}
_HEAD = """
        import _thread, concurrent.futures, threading
"""
_DISABLED = """
        import threading
        def child():
            begun.set()
            go.wait()
            inner = threading.Thread(target=print, args=("thread",))
            inner.start()
            inner.join()
            print("child is over", flush=True)
        def main():
            global begun, go
            import atexit
            atexit.register(print, "main is over")
            begun, go = threading.Event(), threading.Event()
            p = mp.Process(target=child)
            p.start()
            begun.wait()
            try:
                mpthread_hook.disable(0.01)
            except mpthread_hook.errors.LeftoverProcessError:
                print("left over")
            go.set()
            p.join()
            print(p.exitcode, threading.main_thread().is_alive(), flush=True)
        """


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("what", SAME)
def test_what_is_left_open_ends_with_the_program(tmp_path: Path, what: str, method: str) -> None:
    """The program's end neither waits for ever nor refuses threads to what still runs, as with processes."""
    program = _HEAD + SAME[what]
    hooked = run(tmp_path, program, hooked=True, method=method)
    assert hooked == run(tmp_path, program, hooked=False, method=method)
    assert hooked[0] == 0


def test_a_child_that_outlives_the_hook_ends_as_ever(tmp_path: Path) -> None:
    """After disable() a child that is still alive ends: by its own threads and functions, not the program's."""
    lines = facts(tmp_path, _DISABLED)
    assert lines[:3] == ["left over", "thread", "child is over"]
    assert "0 True" in lines
    assert lines.count("main is over") == 1
    assert lines.index("main is over") > lines.index("0 True")
