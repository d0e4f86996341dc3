"""Threads of a thread process, and what ends with it; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import facts, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_HEAD = """
        import _thread, concurrent.futures, queue, threading, time
"""

#: Programs that must do the same with and without the hook, by what they are about.
SAME = {
    "main thread and its view": """
        def names():
            return sorted(thread.name for thread in threading.enumerate())
        def child():
            main = threading.main_thread()
            print(threading.current_thread() is main, main.name, main.is_alive(), main.daemon)
            print(type(main).__name__)
            print(main.ident == threading.get_ident(), main.native_id == threading.get_native_id())
            print(names(), threading.active_count())
            go, told = threading.Event(), threading.Event()
            def body():
                print(threading.main_thread() is main, threading.current_thread().name, names())
                told.set()
                go.wait()
            t = threading.Thread(target=body, name="sub")
            t.start()
            told.wait()
            print(names() == ["MainThread", "sub"], threading.active_count())
            go.set()
            t.join()
            print(names(), t.is_alive(), repr(main).startswith("<_MainThread(MainThread, started "))
            for call in (main.join, t.start):
                try:
                    call()
                except RuntimeError as error:
                    print(error)
            done = threading.Event()
            def show():
                print(type(threading.current_thread()).__name__)
                done.set()
            _thread.start_new_thread(show, ())
            done.wait()
            sys.stdout.flush()
        def main():
            go = threading.Event()
            t = threading.Thread(target=go.wait, name="parent's")
            if METHOD == "spawn":
                t.start()
            print(alone(child), names())
            go.set()
            print(threading.current_thread() is threading.main_thread())
    """,
    "threads that are no daemons are joined": """
        def late(text, before, after):
            before.wait(30)
            time.sleep(0.1)
            print(text, os.getpid() == pid[0], flush=True)
            after.set()
        pid = []
        def child():
            pid.append(os.getpid())
            go, first, second = threading.Event(), threading.Event(), threading.Event()
            threading.Thread(target=late, args=("thread", go, first)).start()
            threading.Thread(target=lambda: (time.sleep(0.4), print("never"))).daemon = True
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            pool = concurrent.futures.ThreadPoolExecutor(2)
            pool.submit(late, "executor", first, second)
            go.set()
            if METHOD == "never":
                pool.shutdown()
        def main():
            print(alone(child))
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                print(pool.submit(lambda: "still works").result())
    """,
    "the main thread waits for nobody else's": """
        def child():
            threading.Thread(target=threading.Event().wait).start()
            threading.Event().wait()
        def main():
            p = mp.Process(target=child)
            p.start()
            time.sleep(0.2)
            p.terminate()
            p.join()
            print(p.exitcode)
    """,
    "a program ends while a child works": """
        def child(reader):
            reader.recv()
            time.sleep(0.1)
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                print(pool.submit(len, "abc").result())
            t = threading.Thread(target=print, args=("thread",))
            t.start()
            t.join()
            sys.stdout.flush()
        def main():
            import atexit
            reader, writer = mp.Pipe()
            mp.Process(target=child, args=(reader,)).start()
            atexit.register(writer.send, "main ends")
            print("main ends", flush=True)
    """,
    "exceptions in threads": """
        def child():
            def fail():
                raise ValueError("in a thread")
            seen = []
            old = threading.excepthook
            threading.excepthook = lambda args: seen.append((args.exc_type.__name__, args.thread.name))
            for name in "ab":
                t = threading.Thread(target=fail, name=name)
                t.start()
                t.join()
            t = threading.Thread(target=sys.exit, args=(3,))
            t.start()
            t.join()
            print(seen)
            threading.excepthook = old
            out = io.StringIO()
            sys.stderr, old_err = out, sys.stderr
            t = threading.Thread(target=fail, name="c")
            t.start()
            t.join()
            sys.stderr = old_err
            text = out.getvalue()
            print("Exception in thread c:" in text, "ValueError: in a thread" in text, flush=True)
        def main():
            print(alone(child))
    """,
    "names": """
        def tell(*_):
            threading.Thread()
            print(threading.Thread().name, threading.current_thread().name, threading.main_thread().name)
            sys.stdout.flush()
        def child():
            tell()
            t = threading.Thread(target=tell, name="teller")
            t.start()
            t.join()
            threading.main_thread().name = "renamed"
            alone(tell)
            t = threading.Thread(target=alone, args=(tell,))
            t.start()
            t.join()
            tell()
        def main():
            for _ in range(2):
                threading.Thread()
                t = threading.Thread(target=alone, args=(child,))
                t.start()
                t.join()
            if METHOD == "fork":
                print(threading.Thread().name)
            print(threading.main_thread().name)
    """,
    "joining": """
        def child():
            go = threading.Event()
            t = threading.Thread(target=go.wait)
            try:
                t.join()
            except RuntimeError as error:
                print(error)
            t.start()
            start = time.monotonic()
            t.join(0.05)
            print(t.is_alive(), 0.04 < time.monotonic() - start < 30)
            t.join(-1)
            t.join(0)
            print(t.is_alive())
            go.set()
            t.join()
            print(t.is_alive())
            t.join()
            try:
                threading.current_thread().join()
            except RuntimeError as error:
                print(error)
            sys.stdout.flush()
        def main():
            print(alone(child))
    """,
    "joining the main thread": """
        def child():
            main = threading.main_thread()
            def follow():
                main.join()
                print("over", main.is_alive(), repr(main).split()[1], flush=True)
                main.join(0)
                print(threading.main_thread() is main, flush=True)
            def look():
                main.join(0.01)
                print("not yet", main.is_alive(), flush=True)
            t = threading.Thread(target=look)
            t.start()
            t.join()
            threading.Thread(target=follow).start()
        def main():
            print(alone(child), flush=True)
    """,
    "locks": """
        def child():
            lock = threading.Lock()
            print(lock.acquire(), lock.locked(), lock.acquire(False), lock.acquire(timeout=0.01))
            for call in (lambda: lock.acquire(False, 1), lambda: lock.acquire(True, -2)):
                try:
                    call()
                except ValueError as error:
                    print(error)
            lock.release()
            try:
                lock.release()
            except RuntimeError as error:
                print(error)
            with lock:
                print(lock.locked())
            counts = [0]
            def add():
                for _ in range(500):
                    with lock:
                        value = counts[0]
                        if value % 50 == 0:
                            time.sleep(0)
                        counts[0] = value + 1
            threads = [threading.Thread(target=add) for _ in range(8)]
            for t in threads: t.start()
            for t in threads: t.join()
            print(counts, lock.locked())
            box = queue.SimpleQueue()
            got = []
            def take():
                while (item := box.get()) is not None:
                    got.append(item)
            threads = [threading.Thread(target=take) for _ in range(4)]
            for t in threads: t.start()
            for number in range(1000): box.put(number)
            for t in threads: box.put(None)
            for t in threads: t.join()
            print(sorted(got) == list(range(1000)), box.empty(), box.qsize())
            print(isinstance(box, queue.SimpleQueue))
            for call in (box.get_nowait, lambda: box.get(timeout=0.01)):
                try:
                    call()
                except queue.Empty:
                    print("empty")
            sys.stdout.flush()
        def main():
            print(alone(child))
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


#: Ways to wait that a kill must end at once; the last one cannot be.
_KILLS = """
        import fcntl, queue, select, selectors, signal, socket, threading, time
        def ways():
            event, condition = threading.Event(), threading.Condition()
            lock, semaphore = threading.Lock(), threading.Semaphore(0)
            lock.acquire()
            barrier = threading.Barrier(2)
            ours, theirs = socket.socketpair()
            t = threading.Thread(target=threading.Event().wait)
            poll = select.poll()
            poll.register(ours)
            poll.modify(ours, select.POLLIN)
            selector = selectors.DefaultSelector()
            selector.register(ours, selectors.EVENT_READ)
            chosen = selectors.SelectSelector()
            chosen.register(ours, selectors.EVENT_READ)
            polled = selectors.PollSelector()
            polled.register(ours, selectors.EVENT_READ)
            program = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            def waits():
                with condition:
                    condition.wait()
            def spins():
                while True:
                    len("x")
            def sub():
                # Its child is an orphan afterwards, which nobody else kills.
                p = mp.Process(target=time.sleep, args=(60,))
                p.start()
                program.kill()
                program.wait()
                os.wait()
            t.start()
            return {
                "sleep": lambda: time.sleep(60), "event": event.wait, "condition": waits,
                "lock": lock.acquire, "semaphore": semaphore.acquire, "barrier": barrier.wait,
                "queue": queue.Queue().get, "simple": queue.SimpleQueue().get, "join": t.join,
                "select": lambda: select.select([ours], [], []), "poll": poll.poll,
                "selector": selector.select, "chosen": chosen.select, "polled": polled.select,
                "program": program.wait, "communicate": program.communicate,
                "pid": lambda: os.waitpid(program.pid, 0),
                "pause": signal.pause, "spin": spins, "timed": lambda: event.wait(60),
                "sub": sub,
            }
        def child(how, ready, unwound, inside):
            try:
                wait = ways()[how]
                def body():
                    try:
                        ready.put(None)
                        wait()
                    finally:
                        if inside:
                            notes.append(how)
                if inside:
                    threading.Thread(target=body).start()
                    threading.Event().wait()
                body()
            finally:
                notes.append(how)
        notes = []
"""


HOWS = (
    "sleep event condition lock semaphore barrier queue simple join select poll selector chosen polled "
    "program communicate pid pause spin timed sub"
)


@pytest.mark.parametrize("inside", [False, True], ids=["main thread", "other thread"])
def test_kill_ends_every_wait(tmp_path: Path, inside: bool) -> None:
    """A process that waits in any of these is gone at once when killed; finally blocks of its threads ran."""
    program = (
        _KILLS
        + f"""
        def main():
            import warnings
            warnings.simplefilter("error", mpthread_hook.errors.AbandonedThreadWarning)
            slow = []
            for number in range(3):
                for how in HOWS:
                    ready = mp.SimpleQueue()
                    p = mp.Process(target=child, args=(how, ready, None, {inside}))
                    p.start()
                    ready.get()
                    if number:
                        time.sleep(0.002 * number)
                    start = time.monotonic()
                    p.kill()
                    p.join()
                    # One that does not notice would be abandoned, which is an error here.
                    if time.monotonic() - start > 30 or p.exitcode != -9:
                        slow.append((how, p.exitcode, time.monotonic() - start))
            print(slow)
            deadline = time.monotonic() + 30
            due = {2 if inside else 1} * 3 * len(HOWS)
            while len(notes) < due and time.monotonic() < deadline:
                time.sleep(0.01)
            print(len(notes) == due, sorted(set(HOWS) - set(notes)))
            for pid in list(_identity.PROCESSES):
                os.kill(pid, 9)
            while _thread._count() > 0 and time.monotonic() < deadline:
                time.sleep(0.01)
            print(_thread._count(), threading.enumerate() == [threading.main_thread()])
            print(len(threading._active))
        import _thread
        import mpthread_hook.errors
        from mpthread_hook import _identity
        HOWS = [how for how in {HOWS!r}.split() if not ({inside} and how == "pause")]
    """
    )
    assert facts(tmp_path, program) == ["[]", "True []", "0 True", "1"]
