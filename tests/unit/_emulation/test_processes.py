"""Who a thread process is, how it ends, and who may signal and wait for it; against real processes."""

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
    "identity": """
        def child(queue, parent):
            queue.put(os.getpid())
            sub = []
            import threading
            t = threading.Thread(target=lambda: sub.append(os.getpid()))
            t.start(); t.join()
            print(os.getppid() == parent, os.getpid() != parent, sub == [os.getpid()])
            print(os.getpgrp() == os.getpgid(parent), os.getpgid(0) == os.getpgrp())
            print(os.getsid(0) == os.getsid(parent))
            os.setpgid(0, 0)
            print(os.getpgrp() == os.getpid() == os.getpgid(os.getpid()), os.getsid(0) == os.getsid(parent))
            try:
                os.setsid()
            except PermissionError as error:
                print(error)
            sys.stdout.flush()
        def leader():
            os.setsid()
            print(os.getsid(0) == os.getpgrp() == os.getpid())
            for change in (os.setpgrp, os.setsid):
                try:
                    change()
                except PermissionError as error:
                    print(error)
            sys.stdout.flush()
        def main():
            queue = mp.SimpleQueue()
            group = os.getpgrp()
            p = mp.Process(target=child, args=(queue, os.getpid()))
            p.start()
            pid = queue.get()
            p.join()
            print(pid == p.pid, p.exitcode, alone(leader), os.getpgrp() == group)
            for missing in (os.getpgid, os.getsid):
                try:
                    missing(p.pid)
                except ProcessLookupError as error:
                    print(error)
    """,
    "hooks of fork that are none": """
        def child():
            for arguments, hooks in (
                ((), {}),
                ((print,), {}),
                ((), {"before": None}),
                ((), {"after_in_child": 1}),
                ((), {"after_in_parent": print, "before": "text"}),
                ((), {"after": print}),
            ):
                try:
                    os.register_at_fork(*arguments, **hooks)
                except TypeError as error:
                    print(str(error).replace("posix.", ""), flush=True)
        def main():
            child()
            print(alone(child))
    """,
    "endings": """
        import threading, signal
        def returns(): pass
        def exits(code): sys.exit(code)
        def raises(): raise ValueError("x")
        def hard(code): os._exit(code)
        def hard_in_thread():
            threading.Thread(target=os._exit, args=(9,)).start()
            threading.Event().wait()
        def exit_in_thread():
            t = threading.Thread(target=sys.exit, args=(4,)); t.start(); t.join()
        def aborts(): os.abort()
        def signals(number): os.kill(os.getpid(), number)
        def raises_signal(number): signal.raise_signal(number)
        def main():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            print(alone(returns), *[alone(exits, value) for value in (3, None, "text", 257)])
            print(alone(raises), alone(hard, 5), alone(hard, 300))
            print(alone(hard_in_thread), alone(exit_in_thread), alone(aborts))
            print(*[alone(signals, number) for number in (9, 15, 10)], alone(raises_signal, 1))
            print(alone(signals, 0), alone(signals, 17), alone(raises_signal, 28))
    """,
    "nothing runs after _exit": """
        def child():
            try:
                os._exit(3)
            finally:
                print("never seen", flush=True)
        def main():
            print(alone(child))
    """,
    "killing from outside": """
        import signal, time
        def child(queue):
            queue.put(None)
            time.sleep(60)
        def main():
            for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1, signal.SIGUSR2):
                queue = mp.SimpleQueue()  # a new one: who is killed may still hold its lock
                p = mp.Process(target=child, args=(queue,))
                p.start()
                queue.get()
                os.kill(p.pid, 0)
                os.kill(p.pid, signal.SIGWINCH)
                os.kill(p.pid, number)
                p.join()
                print(p.exitcode)
            for pid, number in ((p.pid, 15), (os.getpid(), 99)):
                try:
                    os.kill(pid, number)
                except OSError as error:
                    print(type(error).__name__, error)
    """,
    "waiting by pid": """
        def child(code, go):
            go.acquire()
            if code < 0:
                os.kill(os.getpid(), -code)
            os._exit(code)
        def start(code, begin=1):
            go = mp.Semaphore(begin)
            p = mp.Process(target=child, args=(code, go))
            p.start()
            started.append(go)
            return p.pid
        started = []
        def describe(status):
            parts = [os.WIFEXITED(status), os.WIFSIGNALED(status), os.waitstatus_to_exitcode(status)]
            return parts + [os.WEXITSTATUS(status) if parts[0] else os.WTERMSIG(status)]
        def main():
            pid = start(3, 0)
            print(os.waitpid(pid, os.WNOHANG))
            started[0].release()
            found, status = os.waitpid(pid, 0)
            print(found == pid, describe(status))
            try:
                os.waitpid(pid, 0)
            except ChildProcessError as error:
                print(error)
            pid = start(-15)
            found, status = os.waitpid(-1, 0)
            print(found == pid, describe(status))
            pid = start(0)
            found, status, usage = os.wait4(pid, 0)
            print(found == pid, describe(status), len(usage))
            pid = start(7)
            info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            print(info.si_pid == pid, info.si_status, info.si_code == os.CLD_EXITED, info.si_signo)
            info = os.waitid(os.P_ALL, 0, os.WEXITED)
            print(info.si_pid == pid, info.si_status)
            for wait in (os.wait, lambda: os.waitpid(-1, os.WNOHANG), lambda: os.wait3(0),
                         lambda: os.waitid(os.P_ALL, 0, os.WEXITED)):
                try:
                    wait()
                except ChildProcessError as error:
                    print(error)
    """,
    "waiting for children of both kinds": """
        import time
        def child():
            time.sleep(0.2)
            os._exit(3)
        def both():
            p = mp.Process(target=child)
            p.start()
            program = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(5)"])
            seen = dict([os.waitpid(-1, 0), os.wait()])
            print([os.waitstatus_to_exitcode(seen[pid]) for pid in (p.pid, program.pid)])
            program.returncode = 5
            p = mp.Process(target=child)
            p.start()
            program = subprocess.Popen([sys.executable, "-S", "-c", "input(); raise SystemExit(6)"],
                                       stdin=subprocess.PIPE)
            print(os.wait()[0] == p.pid, os.waitpid(-1, os.WNOHANG))
            program.stdin.close()
            print(os.waitstatus_to_exitcode(os.waitpid(0, 0)[1]))
            program.returncode = 6
            try:
                os.wait()
            except ChildProcessError as error:
                print(error)
            sys.stdout.flush()
        def main():
            both()
            print(alone(both))
    """,
    "a child does not wait for its siblings": """
        import time
        def sleeper():
            time.sleep(60)
        def child(pid):
            try:
                os.waitpid(pid, 0)
            except ChildProcessError as error:
                print(error, flush=True)
        def main():
            p = mp.Process(target=sleeper)
            p.start()
            print(alone(child, p.pid))
            p.kill()
            p.join()
    """,
    "an orphan": """
        import time
        def grandchild(queue, parent):
            while os.getppid() == parent:
                time.sleep(0.01)
            queue.put(os.getppid() in (1, int(os.environ.get("SUBREAPER", "1"))) or "reaped by another")
        def child(queue):
            mp.Process(target=grandchild, args=(queue, os.getpid())).start()
            os._exit(0)
        def main():
            queue = mp.SimpleQueue()
            print(alone(child, queue), bool(queue.get()))
    """,
    "groups": """
        import signal, time
        def member(queue):
            queue.put(os.getpid())
            time.sleep(60)
        def leader(queue):
            os.setpgid(0, 0)
            mp.Process(target=member, args=(queue,)).start()
            member(queue)
        def main():
            queue = mp.SimpleQueue()
            p = mp.Process(target=leader, args=(queue,))
            p.start()
            pids = {queue.get(), queue.get()} - {p.pid}
            print(os.getpgid(pids.pop()) == p.pid)
            os.killpg(p.pid, signal.SIGTERM)
            p.join()
            print(p.exitcode)
            try:
                while True:
                    os.killpg(p.pid, 0)
                    time.sleep(0.01)
            except ProcessLookupError as error:
                print(error)
    """,
    "a group reaches the programs of its members": """
        import signal, time
        def leader(queue, setup):
            getattr(os, setup)()
            code = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
            # A shell between them: the program is a grandchild.
            program = subprocess.Popen(["/bin/sh", "-c", f"{sys.executable} -S -c '{code}'; exit $?"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            queue.put(int(program.stdout.readline()))
            program.wait()
        def gone(pid):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    return file.read().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                return True
        def main():
            for setup in ("setsid", "setpgrp"):
                queue = mp.SimpleQueue()  # a new one: who is killed may still hold its lock
                p = mp.Process(target=leader, args=(queue, setup))
                p.start()
                pid = queue.get()
                os.killpg(p.pid, signal.SIGTERM)
                p.join()
                while not gone(pid):
                    time.sleep(0.01)
                print(p.exitcode, "gone")
    """,
    "programs are in the session of who starts them": """
        def child(setup, session):
            getattr(os, setup)()
            code = "import os, sys; sys.exit(os.getsid(0) == int(sys.argv[1]))"
            command = [sys.executable, "-S", "-c", code, str(session)]
            print(subprocess.run(command).returncode, flush=True)
            pid = os.posix_spawn(sys.executable, command, os.environ)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        def main():
            for setup in ("setsid", "setpgrp"):
                print(alone(child, setup, os.getsid(0)))
    """,
    "SIGCHLD": """
        import signal, time
        def child(): pass
        def parent():
            seen = []
            signal.signal(signal.SIGCHLD, lambda number, frame: seen.append(number))
            p = mp.Process(target=child)
            p.start()
            p.join()
            deadline = time.monotonic() + 30
            while not seen and time.monotonic() < deadline:
                time.sleep(0.01)
            print(seen == [signal.SIGCHLD], flush=True)
        def main():
            print(alone(parent))
            parent()
    """,
    "fork hooks": """
        log = []
        def note(text):
            return lambda: log.append((text, os.getpid()))
        def broken():
            raise ValueError("broken hook")
        def child(parent):
            print([(text, pid == parent) for text, pid in log if not text.startswith("parent")], flush=True)
        def main():
            for number in "12":
                os.register_at_fork(before=note("before " + number), after_in_parent=note("parent " + number),
                                    after_in_child=note("child " + number))
            p = mp.Process(target=child, args=(os.getpid(),))
            p.start()
            p.join()
            print([text for text, pid in log if pid == os.getpid()])
    """,
    "exit functions": """
        import atexit
        def hello(text="main"): print(text, flush=True)
        def child():
            atexit._clear()
            for text in "abc":
                atexit.register(hello, text)
            atexit.unregister(len)
            print(atexit._ncallbacks())
            atexit._run_exitfuncs()
            atexit.register(hello, "dropped")
            atexit._clear()
            atexit._run_exitfuncs()
            print(atexit._ncallbacks(), flush=True)
            def late():
                atexit.unregister(hello)
                atexit.register(hello, "never")
            atexit.register(hello, "unregistered too late, since 3.14")
            atexit.register(late)
            atexit._run_exitfuncs()
            print(atexit._ncallbacks(), flush=True)
        def main():
            atexit.register(hello)
            atexit.register(hello, "unregistered")
            print(alone(child))
            atexit.unregister(hello)
            atexit.register(hello, "main")
    """,
}

#: There is nothing to compare with under spawn: fork hooks do not run, and its helper is a child as well.
FORK_ONLY = {"fork hooks", "waiting by pid", "waiting for children of both kinds"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="compares with real processes")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", SAME)
def test_as_with_real_processes(name: str, method: str, tmp_path: Path) -> None:
    """The program prints the same, and ends the same, as on real processes."""
    if name in FORK_ONLY and method != "fork":
        method = "fork"
    stock = run(tmp_path, SAME[name], hooked=False, method=method)
    hooked = run(tmp_path, SAME[name], hooked=True, method=method)
    assert hooked == stock


_PROGRAM = """
        import signal, time
        class Alarm(Exception): pass
        def ring(*_): raise Alarm
        def child(done):
            from mpthread_hook._emulation import waiting
            waiting._pidfd_open = None
            program = subprocess.Popen([sys.executable, "-S", "-c", "input(); raise SystemExit(5)"], stdin=-1)
            signal.signal(signal.SIGALRM, ring)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                program.wait()
            except Alarm:
                print("interrupted")
            program.stdin.write(b"x\\n")
            program.stdin.close()
            print(program.wait(), flush=True)
            done.put(None)
            time.sleep(60)
        def main():
            done = mp.SimpleQueue()
            p = mp.Process(target=child, args=(done,))
            p.start()
            done.get()
            p.terminate()
            p.join()
            print(p.exitcode, threading.active_count())
        import threading
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts real programs")
def test_waiting_for_programs_without_their_descriptors(tmp_path: Path) -> None:
    """Where the kernel makes no descriptors of processes, waiting for a program can be interrupted as well."""
    assert facts(tmp_path, _PROGRAM) == ["interrupted", "5", "-15 1"]


def test_a_signal_just_before_the_program_waits_is_not_slept_through(tmp_path: Path) -> None:
    """A signal that a child sends after the program's last look at signals, and before it sleeps, wakes it."""
    program = """
        import _thread, signal
        from mpthread_hook import _identity
        def locked():
            lock = _thread.allocate_lock()
            lock.acquire()
            return lock
        class Window:
            def __init__(self):
                self.begun, self.sent, self.over = locked(), locked(), locked()
            def acquire(self, blocking, timeout):
                self.begun.release()
                self.sent.acquire()  # the handler has been told by now: no system call is interrupted any more
                return self.over.acquire(True, 60)
            def release(self):
                self.over.release()
        def child(window, signum):
            window.begun.acquire()
            os.kill(os.getppid(), signum)
            window.sent.release()
        def main():
            signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
            for _ in range(3):
                window = Window()
                p = mp.Process(target=child, args=(window, signal.SIGUSR1))
                p.start()
                print(_identity.park(window))
                p.join()
    """
    assert facts(tmp_path, program) == ["handled", "True"] * 3
