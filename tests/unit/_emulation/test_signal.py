"""Signals of a thread process: handlers, masks, timers; against real processes."""

from __future__ import annotations

import os

import pytest

from tests.unit._emulation.comparing import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

_HEAD = """
        import queue, select, signal, socket, threading, time
        class Alarm(Exception): pass
        def ring(number, frame): raise Alarm(signal.Signals(number).name)
        def within(seconds, wait, *args):
            start = time.monotonic()
            signal.signal(signal.SIGALRM, ring)
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                wait(*args)
            except Alarm as alarm:
                took = time.monotonic() - start
                print(alarm, seconds * 0.9 < took < seconds + 30)
            else:
                print("not interrupted")
            sys.stdout.flush()
"""

#: Programs that must do the same with and without the hook, by what they are about.
SAME = {
    "handlers": """
        def child():
            print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
            print(signal.getsignal(signal.SIGTERM))
            print(signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGHUP))
            seen = []
            note = lambda number, frame: seen.append((number, frame.f_code.co_name))
            print(signal.signal(signal.SIGTERM, note))
            os.kill(os.getpid(), signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            print(seen, callable(signal.signal(signal.SIGTERM, signal.SIG_IGN)))
            os.kill(os.getpid(), signal.SIGTERM)
            print(len(seen), signal.signal(signal.SIGTERM, signal.SIG_DFL))
            for arguments in ((signal.SIGTERM, 7), (0, signal.SIG_IGN), (999, signal.SIG_IGN),
                              (signal.SIGKILL, signal.SIG_IGN), (signal.SIGTERM, "x")):
                try:
                    signal.signal(*arguments)
                except (TypeError, ValueError, OSError) as error:
                    print(type(error).__name__, error)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                print("interrupted")
            sys.stdout.flush()
        def main():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            print(alone(child))
            print(signal.getsignal(signal.SIGTERM))
    """,
    "handlers are inherited by a fork": """
        def handler(number, frame):
            print("handled", flush=True)
        def child():
            print(signal.getsignal(signal.SIGUSR1) is handler, signal.getsignal(signal.SIGUSR2))
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        def main():
            signal.signal(signal.SIGUSR1, handler)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            print(alone(child))
            print(signal.getsignal(signal.SIGUSR1) is handler)
    """,
    "only in the main thread": """
        def child():
            def body():
                for call in (lambda: signal.signal(15, signal.SIG_IGN), lambda: signal.set_wakeup_fd(-1)):
                    try:
                        call()
                    except ValueError as error:
                        print(error)
                print(signal.getsignal(signal.SIGTERM))
            t = threading.Thread(target=body)
            t.start()
            t.join()
            sys.stdout.flush()
        def main():
            print(alone(child))
    """,
    "a handler from outside while it waits": """
        def child(ready, how):
            signal.signal(signal.SIGUSR1, ring)
            made.append(mp.Event())  # before: half a semaphore would be reported as leaked
            try:
                ready.put(None)
                how_to_wait[how]()
            except Alarm as alarm:
                print(how, alarm, flush=True)
        def spin():
            while True:
                len("x")
        def never(): return threading.Event().wait()
        def from_pipe():
            ours, theirs = mp.Pipe()
            ours.recv()
        made = []
        how_to_wait = {
            "sleep": lambda: time.sleep(60), "event": never, "queue": lambda: queue.Queue().get(),
            "spin": spin, "select": lambda: select.select([], [], [], 60),
            "pipe": from_pipe, "process": lambda: made[0].wait(),
        }
        def main():
            for how in how_to_wait:
                ready = mp.SimpleQueue()
                p = mp.Process(target=child, args=(ready, how))
                p.start()
                ready.get()
                for _ in range(6):
                    # A real process sleeps through one that comes between its last look and its wait.
                    os.kill(p.pid, signal.SIGUSR1)
                    p.join(5)
                    if p.exitcode is not None:
                        break
                print(p.exitcode, flush=True)
    """,
    "a wait after an exception out of a handler": """
        def child(ready):
            signal.signal(signal.SIGUSR1, ring)
            seen = []
            signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm"))
            try:
                ready.put(None)
                while True:
                    len("x")
            except Alarm as alarm:
                print(alarm, flush=True)
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)  # again: the first may come before the pause
            signal.pause()
            took = time.monotonic() - start
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(seen[:1], took > 0.15, flush=True)
        def main():
            ready = mp.SimpleQueue()
            p = mp.Process(target=child, args=(ready,))
            p.start()
            ready.get()
            os.kill(p.pid, signal.SIGUSR1)
            p.join()
            print(p.exitcode)
    """,
    "a handler that returns does not end the wait": """
        def child(ready, handled):
            seen = []
            signal.signal(signal.SIGUSR1, lambda *_: (seen.append(1), handled.put("handled")))
            ready.put("ready")
            while True:  # a signal that is late finds the next wait
                start = time.monotonic()
                time.sleep(0.6)
                took = time.monotonic() - start
                if seen:
                    break
            print(seen, 0.6 <= took < 30)
            signal.signal(signal.SIGALRM, lambda *_: seen.append(2))
            def whole(wait, *args):
                due = len(seen) + 1
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                while True:
                    start = time.monotonic()
                    result = wait(*args)
                    took = time.monotonic() - start
                    if len(seen) == due:
                        break
                print(result, seen, took > 0.15, flush=True)
            def get():
                try:
                    return queue.Queue().get(timeout=0.2)
                except queue.Empty:
                    return "empty"
            whole(select.select, [], [], [], 0.2)
            whole(threading.Event().wait, 0.2)
            whole(get)
        def main():
            ready, handled = mp.SimpleQueue(), mp.SimpleQueue()
            p = mp.Process(target=child, args=(ready, handled))
            p.start()
            print(ready.get())
            os.kill(p.pid, signal.SIGUSR1)
            print(handled.get())
            p.join()
            print(p.exitcode)
    """,
    "an exit from a handler": """
        def child(ready):
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
            try:
                ready.put(None)
                time.sleep(60)
            finally:
                print("finally", flush=True)
        def main():
            ready = mp.SimpleQueue()
            p = mp.Process(target=child, args=(ready,))
            p.start()
            ready.get()
            p.terminate()
            p.join()
            print(p.exitcode)
    """,
    "a timeout by alarm": """
        def child():
            within(0.1, time.sleep, 60)
            within(0.1, threading.Event().wait)
            within(0.1, queue.Queue().get)
            within(0.1, select.select, [], [], [])
            within(0.5, subprocess.run, ["sleep", "60"])
            within(0.1, subprocess.Popen(["sleep", "60"], stdout=-1, stderr=-1).communicate)
            within(0.1, signal.pause)
            lock = threading.Lock()
            lock.acquire()
            within(0.1, lock.acquire)
            t = threading.Thread(target=time.sleep, args=(60,), daemon=True)
            t.start()
            within(0.1, t.join)
            def spin():
                while True:
                    len("x")
            within(0.1, spin)
        def main():
            warnings.simplefilter("ignore")
            print(alone(child))
    """,
    "timers": """
        def child():
            for _ in range(5):  # they round: of five times, once nothing holds it up for half a second
                left = [signal.alarm(100), signal.alarm(200), signal.alarm(0), signal.alarm(0)]
                if left == [0, 100, 200, 0]:
                    break
            print(left)
            print(signal.setitimer(signal.ITIMER_REAL, 50, 3), signal.getitimer(signal.ITIMER_VIRTUAL))
            left, interval = signal.getitimer(signal.ITIMER_REAL)
            print(25 < left <= 50, interval, 25 < signal.alarm(0) <= 50)
            print(signal.getitimer(signal.ITIMER_REAL))
            for arguments in ((signal.ITIMER_REAL, -1), (99, 1)):
                try:
                    signal.setitimer(*arguments)
                except OSError as error:
                    print(type(error) is signal.ItimerError, error)
            seen = []
            ours, theirs = socket.socketpair()
            def tick(*_):
                seen.append(1)
                if len(seen) == 3:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    theirs.send(b"x")
            signal.signal(signal.SIGALRM, tick)
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            print(ours.recv(1), seen[:3])  # on a busy machine one more may be under way
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            sys.stdout.flush()
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            time.sleep(60)
        def main():
            print(alone(child))
            print(signal.getitimer(signal.ITIMER_REAL))
    """,
    "masks": """
        def end(code):
            if code < 0:
                os.kill(os.getpid(), -code)
            sys.exit(code)
        def child():
            print(signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM]))
            seen = []
            signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
            print(seen, sorted(signal.sigpending()))
            print(signal.sigwait([signal.SIGTERM, signal.SIGHUP]), signal.sigpending())
            print(sorted(signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])), seen)
            print(signal.sigtimedwait([signal.SIGTERM], 0.01))
            os.kill(os.getpid(), signal.SIGTERM)
            print(signal.sigtimedwait([signal.SIGTERM], 10).si_signo, signal.sigpending())
            t = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
            t.start()
            info = signal.sigwaitinfo([signal.SIGTERM])
            print(info.si_signo, info.si_code, info.si_pid == os.getpid(), info.si_uid == os.getuid())
            print(info.si_errno, info.si_status, info.si_band == info.si_pid | info.si_uid << 32)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGCHLD])
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            print(tuple(signal.sigwaitinfo([signal.SIGALRM])))
            for code in 3, -9:
                p = mp.Process(target=end, args=(code,))
                p.start()
                p.join()
                info = signal.sigwaitinfo([signal.SIGCHLD])
                print(info.si_signo, info.si_code, info.si_pid == p.pid, info.si_status, p.exitcode)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM, signal.SIGCHLD])
            print(signal.pthread_sigmask(signal.SIG_SETMASK, []))
            t.join()
            sys.stdout.flush()
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            print("not reached", flush=True)
        def main():
            print(alone(child), signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """,
    "a wakeup descriptor": """
        def child():
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            print(signal.set_wakeup_fd(theirs.fileno()))
            signal.signal(signal.SIGUSR1, lambda *_: None)
            os.kill(os.getpid(), signal.SIGUSR1)
            print(ours.recv(10) == bytes([signal.SIGUSR1]), signal.set_wakeup_fd(-1) == theirs.fileno())
            sys.stdout.flush()
        def main():
            print(alone(child), signal.set_wakeup_fd(-1))
    """,
    "to a thread of it": """
        def child():
            seen = []
            here = lambda *_: seen.append(threading.current_thread() is threading.main_thread())
            signal.signal(signal.SIGUSR1, here)
            main = threading.main_thread().ident
            t = threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGUSR1))
            t.start()
            t.join()
            while not seen:
                time.sleep(0.01)
            signal.pthread_kill(threading.get_ident(), 0)
            print(seen, flush=True)
            threading.Thread(target=signal.raise_signal, args=(signal.SIGTERM,)).start()
            time.sleep(60)
        def main():
            print(alone(child))
    """,
    "asyncio": """
        import asyncio
        async def talk():
            loop = asyncio.get_running_loop()
            got = loop.create_future()
            loop.add_signal_handler(signal.SIGUSR1, got.set_result, "handled")
            loop.call_later(0.05, os.kill, os.getpid(), signal.SIGUSR1)
            print(await asyncio.wait_for(got, 30))
            program = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
            print(await program.communicate(b"text"), program.returncode)
            print(await asyncio.to_thread(lambda: threading.current_thread() is threading.main_thread()))
            try:
                await asyncio.wait_for(asyncio.sleep(60), 0.05)
            except TimeoutError:
                print("timeout")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)
        def child():
            try:
                asyncio.run(talk())
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        def main():
            print(alone(child))
    """,
}
#: What the main program set, a new program does not have.
FORK_ONLY = {"handlers are inherited by a fork"}


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
