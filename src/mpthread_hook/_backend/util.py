"""Finalizers, after-fork functions and exit functions that belong to a process (`multiprocessing.util`).

In the stdlib each process has its own copy of these registries; here they are one object that answers for
the process that asks.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
from _weakref import ref
from collections import deque
from collections.abc import MutableMapping

from .._identity import (
    HERE,
    MAIN,
    Mutex,
    ThreadProcess,
    acting_as,
    deliver,
    on_the_threshold,
    real_start_new_thread,
    report_unraisable,
    shield,
)
from .._served import MODULES, served

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType
    from typing import Any


def counter(start: int) -> Callable[[], int]:
    """Return a function that gives one number after the other, no number twice, to any thread that calls it.

    A count() does so itself where there is a GIL, and may give one twice on 3.13 where there is none.
    """
    step = itertools.count(start).__next__
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        return step
    lock = Mutex()  # the collector may run a finalizer that wants a number, too

    def locked() -> int:
        with lock:
            return step()

    return locked


_next_key = counter(0)


class FinalizerRegistry(MutableMapping):  # type: ignore[type-arg]
    """The finalizers of the calling process, as the mapping that the stdlib keeps in a global."""

    @staticmethod
    def of(process: ThreadProcess) -> dict[Any, Finalize]:
        """Return the finalizers of one process by their keys."""
        registry: dict[Any, Finalize] | None = process.state.get("finalizers")
        if registry is None:
            registry = process.state.setdefault("finalizers", {})
        return registry

    def __getitem__(self, key: Any) -> Finalize:
        return self.of(HERE.process)[key]

    def __setitem__(self, key: Any, value: Finalize) -> None:
        self.of(HERE.process)[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.of(HERE.process)[key]

    def __iter__(self) -> Iterator[Any]:
        # Over a copy, because a finalizer that runs meanwhile takes itself out.
        return iter(list(self.of(HERE.process)))

    def __len__(self) -> int:
        return len(self.of(HERE.process))

    def clear(self) -> None:
        """Forget the finalizers of the calling process."""
        self.of(HERE.process).clear()

    def copy(self) -> dict[Any, Finalize]:
        """Return the finalizers of the calling process as a dict."""
        return self.of(HERE.process).copy()


registry = FinalizerRegistry()


class Finalize:
    """Call a function once: when an object is collected, at the exit of the process, or when called.

    As `multiprocessing.util.Finalize`.  The garbage collector is shared by all thread processes, so an object
    may be collected in a thread of another process, in the middle of anything: the function then runs in a
    thread of its own, as the process that made the finalizer - or not at all if that process has ended,
    whose memory would be gone with it.  In a thread of its own it also runs where the collector interrupts code of
    ours, which may hold a lock that somebody needs for whom the function waits (a manager's server).
    """

    def __init__(
        self,
        obj: object,
        callback: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        exitpriority: int | None = None,
    ) -> None:
        if exitpriority is not None and not isinstance(exitpriority, int):
            raise TypeError(
                f"Exitpriority ({exitpriority!r}) must be None or int, not {type(exitpriority)!s}"
            )
        if obj is None and exitpriority is None:
            raise ValueError("Without object, exitpriority cannot be None")
        self._weakref: Any = None if obj is None else ref(obj, self)
        self._callback: Any = callback
        self._args: Any = args
        self._kwargs: Any = kwargs or {}
        self._key: Any = (exitpriority, _next_key())
        self._process = HERE.process
        self._pid = self._process.pid
        registry.of(self._process)[self._key] = self

    def __call__(self, wr: object = None, _finalizing: Any = sys.is_finalizing) -> Any:
        """Run the function unless it has run already, was cancelled, or belongs to another process."""
        if wr is not None and _finalizing():
            return None  # exit functions have run; at the very end this module is empty already
        if wr is None and self._process is not HERE.process:
            _log("sub_debug", "finalizer ignored because different process")
            return None
        if registry.of(self._process).pop(self._key, None) is None:
            _log("sub_debug", "finalizer no longer registered")
            return None
        # The collector may run in a thread that its process waits for: between its start and its first line.  Or in one
        # of another process that acts as this one for a moment, and may be about to end.
        if self._process is not HERE.process or (
            wr is not None and (_interrupts_us() or self._is_strange() or on_the_threshold())
        ):
            _elsewhere.run(self)
            return None
        return self._run()

    def _is_strange(self) -> bool:
        thread = HERE.thread
        return thread is not None and thread.process is not self._process

    def _run(self) -> Any:
        callback, args, kwargs = self._callback, self._args, self._kwargs
        _log("sub_debug", "finalizer calling %s with args %s and kwargs %s", callback, args, kwargs)
        try:
            return callback(*args, **kwargs)
        finally:
            self._forget()

    def _forget(self) -> None:
        self._weakref = self._callback = self._args = self._kwargs = self._key = None

    def cancel(self) -> None:
        """Take the finalizer back."""
        if registry.of(self._process).pop(self._key, None) is not None:
            self._forget()

    def still_active(self) -> bool:
        """Return whether the function is still going to be called."""
        return self._key in registry.of(self._process)

    def __repr__(self) -> str:
        obj = self._weakref() if self._weakref is not None else None
        if obj is None:
            return f"<{type(self).__name__} object, dead>"
        text = (
            f"<{type(self).__name__} object, callback={getattr(self._callback, '__name__', self._callback)}"
        )
        if self._args:
            text += f", args={self._args}"
        if self._kwargs:
            text += f", kwargs={self._kwargs}"
        if self._key[0] is not None:
            text += f", exitpriority={self._key[0]}"
        return text + ">"


def _interrupts_us() -> bool:
    """Return whether what the finalizer that calls this interrupts is code of ours."""
    interrupted = sys._getframe(1).f_back  # none at the very end of the program
    return interrupted is not None and str(interrupted.f_globals.get("__name__")).startswith("mpthread_hook.")


class _Elsewhere:
    """Runs finalizers as their own process, from a thread that exists only while there are some."""

    def __init__(self) -> None:
        self._waiting: deque[Finalize] = deque()
        self._lock = Mutex()
        self._running = False

    def run(self, finalizer: Finalize) -> None:
        """Have a finalizer run; returns at once."""
        if self._is_too_late(finalizer):
            finalizer._forget()
            return
        with shield, self._lock:
            self._waiting.append(finalizer)
            if self._running:
                return
            self._running = True
        try:
            real_start_new_thread(self._begin, ())
        except RuntimeError:  # at the end of the program: nothing can need it any more
            self._running = False

    @staticmethod
    def _is_too_late(finalizer: Finalize) -> bool:
        """Return whether the process of a finalizer has died, with its memory; what is ours is done all the same."""
        home = getattr(finalizer._callback, "__module__", None) or ""
        return finalizer._process.status is not None and not home.startswith("mpthread_hook.")

    def finish(self, process: ThreadProcess) -> None:
        """Run what waits on behalf of the calling process, which ends: later its memory is gone."""
        if not self._waiting:  # without the lock: when thousands end at once, they would all stand in line for it
            return
        with shield, self._lock:
            own = [one for one in self._waiting if one._process is process]
            for one in own:
                self._waiting.remove(one)
        for one in own:
            try:
                one._run()
            except Exception as error:
                self._report(error, one)

    def _begin(self) -> None:
        # A thread that can be joined, as a finalizer may ask for the current one; not started where the collector ran,
        # in the middle of anything, since starting it waits.
        import threading  # noqa: PLC0415 - there already, and not for us to load at start-up

        try:
            threading.Thread(target=self._loop, name="finalizers", daemon=True).start()
        except RuntimeError:  # no thread to be had
            self._loop()

    def _loop(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                finalizer = self._waiting.popleft()
            if self._is_too_late(finalizer):  # it was killed meanwhile
                finalizer._forget()
                continue
            try:
                with acting_as(finalizer._process):
                    finalizer._run()
            except BaseException as error:
                self._report(error, finalizer)

    @staticmethod
    def _report(error: BaseException, finalizer: Finalize) -> None:
        # As for any weakref callback: reported, not raised.
        if sys.version_info >= (3, 14):
            report_unraisable(error, f"Exception ignored while calling weakref callback {finalizer!r}", None)
        else:
            report_unraisable(error, "Exception ignored in", finalizer)


_elsewhere = _Elsewhere()


def _log(level: str, message: str, *args: object) -> None:
    # Finalizers run late, perhaps when nothing can be imported any more: look it up.
    module: Any = MODULES.get("multiprocessing.util")
    if module is not None and module._logger:
        getattr(module, level)(message, *args)


def is_exiting() -> bool:
    """Return whether the calling process is shutting down."""
    return bool(HERE.process.state.get("exiting"))


def _exit_function(*args: object, **kwargs: object) -> None:
    """Run finalizers, end daemonic children and wait for the others; the stdlib's order, once a process.

    The keyword arguments that the stdlib's function binds are accepted and not needed.
    """
    state = HERE.process.state
    if state.get("exiting"):
        return
    state["exiting"] = True
    util = served("multiprocessing.util")
    process = served("multiprocessing.process")
    util.info("process shutting down")
    util.debug('running all "atexit" finalizers with priority >= 0')
    _elsewhere.finish(HERE.process)
    if state.get("finalizers"):
        util._run_finalizers(0)
    if process.current_process() is not None:
        for child in process.active_children():
            if child.daemon:
                util.info("calling terminate() for daemon %s", child.name)
                child._popen.terminate()
        if HERE.process is MAIN and _interrupted():
            _pass_on()
        for child in process.active_children():
            util.info("calling join() for process %s", child.name)
            child.join()
    util.debug('running the remaining "atexit" finalizers')
    if state.get("finalizers"):
        util._run_finalizers()
    if HERE.process is MAIN and _interrupted():
        try:
            # The interpreter ends by SIGINT then, which shells look at, but forgets it when text is executed
            # meanwhile (any named tuple does that).  So it is reminded.
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            pass


_SIGINT = 2


def _interrupted() -> bool:
    """Return whether the main program ends because of a `KeyboardInterrupt` that nobody caught."""
    return getattr(sys, "last_type", None) is KeyboardInterrupt


def _pass_on() -> None:
    """Send SIGINT to children where it came from the terminal, which sends it to all in the foreground.

    Of ours the terminal knows the main program alone, and that would wait for the others.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
        try:
            ours = os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    except (OSError, AttributeError):  # no terminal
        return
    for record in list(MAIN.children):
        if ours and record.pgid == MAIN.pgid:
            deliver(record, _SIGINT)


def _run_after_forkers() -> None:
    """Run the functions that programs registered with `register_after_fork`.

    Those of multiprocessing itself re-initialise copies of objects; here the objects are shared with the
    parent, which still uses them, so they must not run.
    """
    util = served("multiprocessing.util")
    registry = util._afterfork_registry
    # Of the keys first: nearly always all of them are ours, and going through the values takes a guard.
    keys = [key for key in list(registry.data) if not _is_ours(key[2])]
    for key in sorted(keys, key=lambda key: key[:2]):
        obj, function = registry.get(key), key[2]
        if obj is None:
            continue
        try:
            function(obj)
        except Exception as error:
            util.info("after forker raised exception %s", error)


def _is_ours(function: object) -> bool:
    home: str = getattr(function, "__module__", None) or ""
    return home.partition(".")[0] in ("multiprocessing", "mpthread_hook")


class _NullInput(io.TextIOBase):
    """What a child reads from: always at its end, and without a descriptor until somebody asks."""

    name = os.devnull
    mode = "r"
    encoding = "utf-8"
    errors = "strict"

    def __init__(self) -> None:
        self._file: Any = None

    def _open(self) -> Any:
        if self._file is None:
            self._file = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - closed by close()
        return self._file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> str:
        self._check()
        return ""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        self._check()
        return ""

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        self._check()
        return self._open().fileno()  # type: ignore[no-any-return]

    @property
    def buffer(self) -> Any:
        return self._open().buffer

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def _close_stdin() -> None:
    """Give the calling process an empty standard input; the parent's, which is the same object, stays open."""
    inherited = getattr(HERE.process.streams, "inherited", None)
    if inherited is None:
        if sys.stdin is not None:
            sys.stdin = _NullInput()
    elif inherited.get("stdin") is not None:
        # Not looked at, which would make the child's own: most children read nothing.
        inherited["stdin"] = _null_input


class _NullInputToBe:
    """An empty standard input, made for the process that looks at it (see `_emulation.streams`)."""

    @staticmethod
    def for_process() -> _NullInput:
        return _NullInput()


_null_input = _NullInputToBe()


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.util`: the exit function that runs at the end of the program is ours."""
    import atexit  # noqa: PLC0415 - only here

    atexit.unregister(module._exit_function)
    atexit.register(_free_what_is_left)  # first, and so last at exit
    atexit.register(_exit_function)


def _free_what_is_left() -> None:
    """Do what the process of the stdlib's resource tracker does when the program is gone."""
    module: Any = MODULES.get("multiprocessing.resource_tracker")
    if module is not None:
        module._resource_tracker._stop()
