"""Signals of a child: its handlers, masks and timers, and what they do to a wait."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import queue
import select
import signal
import sys
import threading
import time
from typing import Any

from .stage import LIMIT, attempt, finish, flush, launch, only, receive, run, say, settle


def _handler(number: int, frame: Any) -> None:
    say(f"handled {signal.Signals(number).name}, frame {type(frame).__name__}")


def _handle_own() -> None:
    say(signal.signal(signal.SIGUSR1, _handler) == signal.SIG_DFL)
    say(signal.getsignal(signal.SIGUSR1) is _handler)
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    say(signal.signal(signal.SIGUSR1, signal.SIG_IGN) is _handler)
    os.kill(os.getpid(), signal.SIGUSR1)
    say(signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGUSR1)


def case_own_handlers() -> None:
    """A child sets, reads and removes handlers of its own; they run at once for its own signals."""
    run(_handle_own)
    say(signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL)


def _tell_handlers() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGALRM"):
        value = signal.getsignal(getattr(signal, name))
        say(name, getattr(value, "__name__", None) or str(value))


def case_defaults() -> None:
    """A child starts with Python's own handlers."""
    run(_tell_handlers)
    _tell_handlers()


def case_inherited_handlers() -> None:
    """What the parent handles is inherited by fork only; what it ignores by both."""
    signal.signal(signal.SIGUSR1, _handler)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        run(_tell_handlers)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)


def _from_thread() -> None:
    def work() -> None:
        attempt(signal.signal, signal.SIGUSR1, _handler)
        attempt(signal.set_wakeup_fd, -1)
        say(signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def case_only_the_main_thread_sets_handlers() -> None:
    """signal.signal() is legal in a child's main thread and in no other."""
    run(_from_thread)


def case_wrong_arguments() -> None:
    """Wrong numbers and handlers are refused in a child as anywhere."""
    run(_wrong)


def _wrong() -> None:
    attempt(signal.signal, 0, signal.SIG_DFL)
    attempt(signal.signal, 1000, signal.SIG_DFL)
    attempt(signal.signal, signal.SIGKILL, signal.SIG_IGN)
    attempt(signal.signal, signal.SIGUSR1, "handler")
    attempt(os.kill, os.getpid(), 1000)
    attempt(os.kill, os.getpid(), 0)
    attempt(signal.getsignal, 1000)
    attempt(signal.raise_signal, 1000)


def _wait_in(what: str, connection: Any) -> None:
    """Set a handler, block; say that the wait went on after the handler."""
    reached: list[str] = []

    def handle(number: int, frame: Any) -> None:
        del number, frame
        reached.append(threading.current_thread().name)
        connection.send("handled")

    signal.signal(signal.SIGUSR1, handle)
    lock = multiprocessing.Lock()
    lock.acquire()
    thread_lock = threading.Lock()
    thread_lock.acquire()
    reader, _writer = os.pipe()
    blockers: dict[str, Any] = {
        "sleep": lambda: time.sleep(_WAIT),
        "Lock": lambda: lock.acquire(timeout=_WAIT),
        "threading.Lock": lambda: thread_lock.acquire(timeout=_WAIT),
        "threading.Event": lambda: threading.Event().wait(_WAIT),
        "threading.Condition": lambda: _condition_wait(_WAIT),
        "queue.Queue": lambda: _empty(queue.Queue()),
        "Queue": lambda: _empty(multiprocessing.Queue()),
        "poll": lambda: connection.poll(_WAIT),
        "select": lambda: select.select([reader], [], [], _WAIT),
        "Event": lambda: multiprocessing.Event().wait(_WAIT),
        "loop": lambda: _loop(_WAIT),
    }
    connection.send("ready")
    connection.recv()
    while True:  # a signal that is late finds the next wait
        began = time.monotonic()
        blockers[what]()
        whole = time.monotonic() - began > 0.9 * _WAIT
        if reached:
            break
    connection.send(whole)
    connection.send(reached)


def _condition_wait(seconds: float) -> None:
    condition = threading.Condition()
    with condition:
        condition.wait(seconds)


def _empty(queue_: Any) -> None:
    try:
        queue_.get(timeout=_WAIT)
    except queue.Empty:
        pass


def _loop(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


#: Seconds that each of them waits if nothing ends it.
_WAIT = 1.5
_WAITS = (
    "sleep",
    "Lock",
    "threading.Lock",
    "threading.Event",
    "threading.Condition",
    "queue.Queue",
    "Queue",
    "poll",
    "select",
    "Event",
    "loop",
)


def case_handler_during_a_wait() -> None:
    """A handler runs in the main thread soon after the signal, and the wait goes on to its end."""
    children = []
    for what in _WAITS:
        ours, theirs = multiprocessing.Pipe()
        children.append((what, launch(_wait_in, what, theirs, name=what), ours))
        receive(ours)
    for _, _, ours in children:
        ours.send("go")
    settle()
    for _, process, _ in children:
        os.kill(process.pid, signal.SIGUSR1)
    for what, process, ours in children:
        say(what, receive(ours), "went on:", receive(ours), receive(ours))
        finish(process)


class _Told(Exception):
    pass


def _raise_told(number: int, frame: Any) -> None:
    raise _Told(signal.Signals(number).name)


def _raise_in(what: str, connection: Any) -> None:
    signal.signal(signal.SIGUSR1, _raise_told)
    lock = multiprocessing.Lock()
    lock.acquire()
    thread_lock = threading.Lock()
    thread_lock.acquire()
    blockers: dict[str, Any] = {
        "sleep": lambda: time.sleep(60),
        "Lock": lock.acquire,
        "threading.Lock": thread_lock.acquire,
        "threading.Event": threading.Event().wait,
        "queue.Queue": queue.Queue().get,
        "Queue": multiprocessing.Queue().get,
        "SimpleQueue": multiprocessing.SimpleQueue().get,
        "recv": connection.recv,
        "Event": multiprocessing.Event().wait,
        "select": lambda: select.select([connection.fileno()], [], []),
        "loop": lambda: _loop(60),
    }
    try:
        connection.send("ready")
        blockers[what]()
    except _Told as error:
        say(what, "ended by", error)


def case_handler_that_raises() -> None:
    """What a handler raises comes out of whatever the main thread waits in."""
    children = []
    for what in _WAITS:
        if what not in ("threading.Condition", "poll"):
            ours, theirs = multiprocessing.Pipe()
            children.append((launch(_raise_in, what, theirs, name=what), ours))
            receive(ours)
    settle()
    for process, _ours in children:
        os.kill(process.pid, signal.SIGUSR1)
        finish(process)


def _terminates(how: str, connection: Any) -> None:
    def handle(number: int, frame: Any) -> None:
        del number, frame
        say("SIGTERM handled")
        if how == "return":
            connection.send("handled")
        if how == "exit":
            sys.exit(7)
        if how == "hard":
            flush()
            os._exit(8)
        if how == "raise":
            raise _Told

    signal.signal(signal.SIGTERM, signal.SIG_IGN if how == "ignore" else handle)
    try:
        # In one line, which the traceback shows wherever in it the child is.
        say(how, "received", connection.send("ready") or connection.recv())
    finally:
        say("finally")


def case_handlers_of_terminate() -> None:
    """terminate() calls the child's handler of SIGTERM, which decides."""
    for how in ("return", "exit", "hard", "raise", "ignore"):
        ours, theirs = multiprocessing.Pipe()
        process = launch(_terminates, how, theirs, name=how)
        say(receive(ours))
        settle()
        process.terminate()
        if how == "return":
            say(receive(ours))
        if how in ("return", "ignore"):
            process.join(0.1)
            say(process.is_alive())
            ours.send("go")
        finish(process)


def case_kill_has_no_handler() -> None:
    """kill() cannot be ignored."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_terminates, "ignore", theirs)
    say(receive(ours))
    process.terminate()
    process.kill()
    finish(process)


def _alarm() -> None:
    say(signal.alarm(0))
    reader, writer = multiprocessing.Pipe(duplex=False)
    seen: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if not seen:
            _handler(number, frame)
            writer.send("rang")
        seen.append(number)

    signal.signal(signal.SIGALRM, handle)
    # Rounded: of five times, once nothing holds it up for half a second.
    say(any(signal.alarm(100) or signal.alarm(0) == 100 for _ in range(5)))
    signal.setitimer(signal.ITIMER_REAL, 1000)
    say(500 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    say(receive(reader))
    say(signal.getitimer(signal.ITIMER_REAL), len(seen))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    while len(seen) < 4:  # it rings again and again: one that rings before the pause does no harm
        signal.pause()
    say(signal.setitimer(signal.ITIMER_REAL, 0)[1])
    attempt(signal.setitimer, signal.ITIMER_REAL, -1)


def _deadly_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    time.sleep(30)


def _alarm_breaks_sleep() -> None:
    signal.signal(signal.SIGALRM, _raise_told)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        time.sleep(60)
    except _Told as error:
        say("out of sleep by", error)


def case_timers() -> None:
    """alarm() and setitimer() of a child are its own: they signal it and nobody else."""
    run(_alarm, name="alarm")
    run(_deadly_alarm, name="deadly")
    run(_alarm_breaks_sleep, name="break")


def _tell_timer() -> None:
    say(signal.getitimer(signal.ITIMER_REAL), signal.alarm(0))


def case_timers_are_not_inherited() -> None:
    """A timer of the parent is not one of the child, and the child cannot stop it."""
    signal.signal(signal.SIGALRM, _handler)
    signal.setitimer(signal.ITIMER_REAL, 1000)
    run(_tell_timer)
    say(500 < signal.setitimer(signal.ITIMER_REAL, 0)[0] <= 1000)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _mask() -> None:
    signal.signal(signal.SIGUSR1, _handler)
    say(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}) == set())
    os.kill(os.getpid(), signal.SIGUSR1)
    say("blocked", [s.name for s in signal.sigpending()])
    say([signal.Signals(s).name for s in signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})])
    say("unblocked", signal.sigpending())
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM, signal.SIGUSR2})
    os.kill(os.getpid(), signal.SIGTERM)
    say(sorted(s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    os.kill(os.getpid(), signal.SIGUSR2)
    say(signal.sigwait({signal.SIGUSR2}).name)
    say([s.name for s in signal.sigpending()])
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    say("not reached")


def case_masks() -> None:
    """A blocked signal waits until it is unblocked or fetched."""
    run(_mask)
    say(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _fetch(connection: Any) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    connection.send("ready")
    say(signal.sigwait({signal.SIGUSR1}).name)
    say(signal.sigtimedwait({signal.SIGUSR1}, 0.02))
    connection.send("ready")
    info = signal.sigwaitinfo({signal.SIGTERM})
    say(info.si_signo, info.si_pid == os.getppid())


def case_signals_are_fetched() -> None:
    """sigwait() and its siblings fetch what the parent sends."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_fetch, theirs)
    say(receive(ours))
    settle()
    os.kill(process.pid, signal.SIGUSR1)
    say(receive(ours))
    os.kill(process.pid, signal.SIGTERM)
    finish(process)


def _wakeup() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    say(signal.set_wakeup_fd(writer))
    signal.signal(signal.SIGUSR1, _handler)
    os.kill(os.getpid(), signal.SIGUSR1)
    say(os.read(reader, 10) == bytes([signal.SIGUSR1]))
    say(signal.set_wakeup_fd(-1) == writer)


def case_wakeup_descriptor() -> None:
    """set_wakeup_fd() tells of signals of that child."""
    run(_wakeup)
    say(signal.set_wakeup_fd(-1))


async def _loop_handler() -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.add_signal_handler(signal.SIGUSR1, reached.set_result, "handled by the loop")
    os.kill(os.getpid(), signal.SIGUSR1)
    say(await asyncio.wait_for(reached, LIMIT))
    say(loop.remove_signal_handler(signal.SIGUSR1))


def _asyncio() -> None:
    import asyncio  # here, since every spawned child pays for the imports of the topic

    asyncio.run(_loop_handler())


def case_asyncio_handlers() -> None:
    """An event loop in a child's main thread handles signals."""
    run(_asyncio)


async def _ready_and_sleep(connection: Any) -> None:
    import asyncio

    connection.send("ready")  # from inside the loop, whose handler of SIGINT is in place then
    await asyncio.sleep(60)


def _interrupted(how: str, connection: Any) -> None:
    try:
        if how == "asyncio":
            import asyncio

            asyncio.run(_ready_and_sleep(connection))
        connection.send("ready")
        if how == "sleep":
            time.sleep(60)
        elif how == "recv":
            connection.recv()
        elif how == "loop":
            _loop(60)
    except KeyboardInterrupt:
        say(how, "interrupted")
        sys.exit(5)


def case_sigint_is_keyboard_interrupt() -> None:
    """SIGINT sent to a child is a KeyboardInterrupt there, and nowhere else."""
    for how in ("sleep", "recv", "loop", "asyncio"):
        ours, theirs = multiprocessing.Pipe()
        process = launch(_interrupted, how, theirs, name=how)
        say(receive(ours))
        settle()
        os.kill(process.pid, signal.SIGINT)
        finish(process)


def _signal_parent() -> None:
    os.kill(os.getppid(), signal.SIGUSR1)


def case_signal_to_the_parent() -> None:
    """A child can signal its parent."""
    ours, theirs = multiprocessing.Pipe()
    signal.signal(signal.SIGUSR1, lambda *_: theirs.send("signalled"))
    run(_signal_parent)
    say(receive(ours))
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def _signal_sibling(pid: int, number: int) -> None:
    os.kill(pid, number)


def _told(connection: Any) -> None:
    signal.signal(signal.SIGUSR2, lambda *_: connection.send("signalled"))
    connection.send("ready")
    connection.recv()


def case_signal_to_a_sibling() -> None:
    """A child can signal and end its siblings by their pids."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_told, theirs, name="sibling")
    say(receive(ours))
    run(_signal_sibling, process.pid, int(signal.SIGUSR2))
    say(receive(ours))
    run(_signal_sibling, process.pid, int(signal.SIGTERM))
    finish(process)


def case_child_ended_signal() -> None:
    """The parent gets SIGCHLD when a child ends."""
    ours, theirs = multiprocessing.Pipe()
    signal.signal(signal.SIGCHLD, lambda *_: theirs.send("ended"))
    run(int)
    say(receive(ours))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _child_ended() -> None:
    ours, theirs = multiprocessing.Pipe()
    signal.signal(signal.SIGCHLD, lambda *_: theirs.send("ended"))
    run(int, name="grandchild")
    say(receive(ours))


def case_child_ended_signal_in_a_child() -> None:
    """A child gets SIGCHLD when its own child ends."""
    run(_child_ended)


def _many(connection: Any) -> None:
    seen: list[int] = []
    signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    signal.signal(signal.SIGUSR2, lambda *_: seen.append(2))
    connection.send("ready")
    connection.recv()
    say(set(seen) == {1, 2}, len(seen) >= 2)


def case_many_signals() -> None:
    """Signals in quick succession are all noticed, though equal ones may merge."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_many, theirs)
    say(receive(ours))
    for _ in range(20):
        os.kill(process.pid, signal.SIGUSR1)
        os.kill(process.pid, signal.SIGUSR2)
    ours.send("go")
    finish(process)


def _nested_handler() -> None:
    def first(number: int, frame: Any) -> None:
        del number, frame
        say("first begins")
        os.kill(os.getpid(), signal.SIGUSR2)
        say("first ends")

    signal.signal(signal.SIGUSR1, first)
    signal.signal(signal.SIGUSR2, _handler)
    os.kill(os.getpid(), signal.SIGUSR1)


def case_handler_inside_a_handler() -> None:
    """A signal sent in a handler is handled inside of it."""
    run(_nested_handler)


@only("fork")
def case_mask_is_inherited() -> None:
    """A forked child has the mask of the thread that started it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    run(_tell_mask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


def _tell_mask() -> None:
    say([signal.Signals(s).name for s in signal.pthread_sigmask(signal.SIG_BLOCK, ())])


def _stop_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    sys.exit(3)


def case_stop_and_continue() -> None:
    """A child that is stopped does nothing until it is continued."""
    process = launch(_stop_itself)
    status = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    say(status is not None and status.si_code == os.CLD_STOPPED)
    attempt(os.kill, process.pid, signal.SIGCONT)
    finish(process)


def _interrupt() -> None:
    signal.signal(signal.SIGUSR1, _handler)
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        thread = threading.Thread(target=_thread.interrupt_main, args=(number,))
        try:
            thread.start()
            thread.join()
            settle()
        except KeyboardInterrupt:
            say("interrupted")
    attempt(_thread.interrupt_main, 0)
    attempt(_thread.interrupt_main, 1000)


def case_interrupt_main() -> None:
    """interrupt_main() is about the main thread of the process that calls it."""
    run(_interrupt)
