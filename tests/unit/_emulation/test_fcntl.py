"""Record locks between thread processes; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_HEAD = """
        import fcntl, signal, struct, time
        def attempt(file, *arguments):
            try:
                fcntl.lockf(file, *arguments)
            except OSError as error:
                return type(error).__name__
            return "locked"
        def probe(*arguments):
            with open("locked", "r+b") as file:
                print(attempt(file, *arguments), flush=True)
        NB = fcntl.LOCK_NB
"""

#: Programs that must do the same with and without the hook, by what they are about.
SAME = {
    "a lock of the parent": """
        def main():
            with open("locked", "w+b") as file:
                mp.Process(target=time.sleep, args=(0,)).start()
                print(attempt(file, fcntl.LOCK_EX, 10, 0), flush=True)
                alone(probe, fcntl.LOCK_EX | NB)
                alone(probe, fcntl.LOCK_SH | NB, 1, 9)
                alone(probe, fcntl.LOCK_EX | NB, 5, 10)
                fcntl.lockf(file, fcntl.LOCK_UN, 5, 5)
                alone(probe, fcntl.LOCK_EX | NB, 5, 5)
                alone(probe, fcntl.LOCK_EX | NB, 5, 4)
                print(attempt(file, fcntl.LOCK_SH, 10, 0), flush=True)
                alone(probe, fcntl.LOCK_EX | NB, 1, 0)
                alone(probe, fcntl.LOCK_SH | NB, 1, 0)
                fcntl.lockf(file, fcntl.LOCK_UN)
                alone(probe, fcntl.LOCK_EX | NB)
    """,
    "they exclude each other": """
        def add(number):
            with open("locked", "r+b") as file:
                for _ in range(number):
                    fcntl.lockf(file, fcntl.LOCK_EX)
                    file.seek(0)
                    value = int(file.read() or b"0")
                    time.sleep(0)
                    file.seek(0)
                    file.write(b"%d" % (value + 1))
                    file.flush()
                    fcntl.lockf(file, fcntl.LOCK_UN)
        def main():
            open("locked", "wb").close()
            children = [mp.Process(target=add, args=(50,)) for _ in range(6)]
            for p in children: p.start()
            for p in children: p.join()
            print(open("locked").read(), [p.exitcode for p in children])
    """,
    "who dies loses it, who waits gets it": """
        def hold(ready, locked):
            file = open("locked", "r+b")
            if ready is not None:
                ready.put(None)
            fcntl.lockf(file, fcntl.LOCK_EX)
            locked.put(os.getpid())
            time.sleep(60)
        def main():
            open("locked", "wb").close()
            first, second = mp.SimpleQueue(), mp.SimpleQueue()
            a = mp.Process(target=hold, args=(None, first))
            a.start()
            print(first.get() == a.pid)
            ready = mp.SimpleQueue()
            b = mp.Process(target=hold, args=(ready, second))
            b.start()
            ready.get()
            alone(probe, fcntl.LOCK_EX | NB)
            time.sleep(0.1)
            print(second.empty())
            a.kill()
            a.join()
            print(second.get() == b.pid, flush=True)
            alone(probe, fcntl.LOCK_EX | NB)
            b.kill()
            b.join()
            alone(probe, fcntl.LOCK_EX | NB)
            print(a.exitcode, b.exitcode)
    """,
    "waiting is interruptible": """
        class Alarm(Exception): pass
        def ring(*_): raise Alarm
        def wait(seconds, lock, *arguments):
            signal.signal(signal.SIGALRM, ring)
            with open("locked", "r+b") as file:
                try:
                    signal.setitimer(signal.ITIMER_REAL, seconds)
                    lock(file, *arguments)
                except Alarm:
                    print("interrupted", flush=True)
        def main():
            with open("locked", "w+b") as file:
                mp.Process(target=time.sleep, args=(0,)).start()
                fcntl.lockf(file, fcntl.LOCK_EX)
                alone(wait, 0.1, fcntl.lockf, fcntl.LOCK_EX)
                fcntl.lockf(file, fcntl.LOCK_UN)
                alone(wait, 60, fcntl.lockf, fcntl.LOCK_EX)
                fcntl.flock(file, fcntl.LOCK_EX)
                alone(wait, 0.1, fcntl.flock, fcntl.LOCK_EX)
                fcntl.flock(file, fcntl.LOCK_UN)
                alone(wait, 60, fcntl.flock, fcntl.LOCK_EX)
                # Not LOCK_NB: under the hook the call that was interrupted gets the lock for a moment when it is free.
                print(fcntl.flock(file, fcntl.LOCK_EX))
    """,
    "other programs": """
        lock = "import fcntl, sys; f = open('locked', 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); "
        code = lock + "print(1, flush=True); sys.stdin.read()"
        def child(tried):
            with open("locked", "r+b") as file:
                print(attempt(file, fcntl.LOCK_EX | NB))
                tried.put(None)
                program.stdin.close()
                print(attempt(file, fcntl.LOCK_EX), flush=True)
                probe_elsewhere()
        def probe_elsewhere():
            text = "import fcntl; f = open('locked', 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"
            done = subprocess.run([sys.executable, "-S", "-c", text], stderr=subprocess.DEVNULL)
            print(done.returncode, flush=True)
        program = None
        def main():
            global program
            open("locked", "wb").close()
            program = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=-1, stdout=-1)
            program.stdout.readline()
            tried = mp.SimpleQueue()
            p = mp.Process(target=child, args=(tried,))
            p.start()
            tried.get()
            program.stdin.close()
            p.join()
            program.wait()
            program.stdout.close()
            print(p.exitcode, flush=True)
            probe_elsewhere()
    """,
    "by fcntl": """
        FORMAT = "hhqqi"
        def request(kind, start, length): return struct.pack(FORMAT, kind, os.SEEK_SET, start, length, 0)
        def child(parent):
            with open("locked", "r+b") as file:
                try:
                    fcntl.fcntl(file, fcntl.F_SETLK, request(fcntl.F_WRLCK, 0, 1))
                except OSError as error:
                    print(type(error).__name__)
                answer = struct.unpack(FORMAT, fcntl.fcntl(file, fcntl.F_GETLK, request(fcntl.F_WRLCK, 0, 1)))
                print(answer[0] == fcntl.F_WRLCK, answer[2:4], answer[4] == parent)
                fcntl.fcntl(file, fcntl.F_SETLKW, request(fcntl.F_WRLCK, 20, 1))
                free = struct.unpack(FORMAT, fcntl.fcntl(file, fcntl.F_GETLK, request(fcntl.F_WRLCK, 20, 1)))
                print(free[0] == fcntl.F_UNLCK, fcntl.fcntl(file, fcntl.F_GETFD), flush=True)
        def main():
            with open("locked", "w+b") as file:
                mp.Process(target=time.sleep, args=(0,)).start()
                fcntl.fcntl(file, fcntl.F_SETLK, request(fcntl.F_WRLCK, 0, 10))
                print(alone(child, os.getpid()))
    """,
}
#: What a new program does not have.
FORK_ONLY = {"other programs"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", SAME)
def test_as_with_real_processes(name: str, method: str, tmp_path: Path) -> None:
    """The program prints the same, and ends the same, as on real processes."""
    if name in FORK_ONLY:
        method = "fork"
    stock = run(tmp_path, _HEAD + SAME[name], hooked=False, method=method)
    hooked = run(tmp_path, _HEAD + SAME[name], hooked=True, method=method)
    assert hooked == stock
