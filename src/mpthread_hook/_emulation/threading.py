"""`threading` as a thread process sees it: its own main thread, its own threads, its own shutdown.

A thread that is started in a thread process belongs to it, whatever starts it.  `Condition`, and so
everything in `threading` and `queue` that is built on it, waits on locks of ours there (`locks`), which
signals and the end of the process interrupt; waiting for an `RLock`, or for a lock that the main program
made, cannot be interrupted.
"""

from __future__ import annotations

import _thread
import sys
import threading as _real
from _thread import allocate_lock, get_ident

from .. import _identity
from .._identity import (
    ENDINGS,
    HERE,
    MAIN,
    ProcessExit,
    Thread,
    ThreadProcess,
    adopt,
    at_enter,
    at_leave,
    at_start,
    wait_thread,
)
from .._identity import real_start_new_thread as _start_anyhow
from . import presence
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

functions = Functions(__name__)

_real_start_new_thread = _thread.start_new_thread
_real_start_joinable_thread: Any = getattr(_thread, "start_joinable_thread", None)
_real_current_thread, _real_main_thread = _real.current_thread, _real.main_thread
_real_enumerate, _real_active_count = _real.enumerate, _real.active_count
_real_join = _real.Thread.join
_module: Any = _real  # its private names, which typeshed does not know
_real_shutdown, _real_register_atexit = _module._shutdown, _module._register_atexit
_real_newname: Any = getattr(_module, "_newname", None)
_real_set_tstate_lock: Any = getattr(_real.Thread, "_set_tstate_lock", None)

_identity.watch_program(_real_main_thread().ident)

#: Set on the `threading.Thread` objects of thread processes: the record of the thread.
_RECORD = "_mpthread_hook_thread"


def _owner(thread: _real.Thread) -> ThreadProcess:
    """Return the process that a thread object belongs to."""
    record: Thread | None = thread.__dict__.get(_RECORD)
    return MAIN if record is None else record.process


# ---------------------------------------------------------------------------------------------------------
# Thread objects

#: Keys in the state of a process: the name that its main thread starts with, if it is not the usual one,
#: and the counter that names its threads.
_MAIN_NAME = "name of the main thread"
_NAMES = "names of threads"

_set_event = _real.Event()
_set_event.set()


class _MainThread(_module._MainThread):  # type: ignore[misc]
    """The main thread of a thread process.

    Made at every start of a process, so it costs next to nothing: what the constructor of a thread object
    sets up is shared by all of them or made when somebody asks.
    """

    _initialized = True
    _name = "MainThread"
    _daemonic = False
    _started = _set_event
    _is_stopped = False
    _tstate_lock: Any = None
    _target = None
    _args = ()
    _kwargs: dict[str, Any] = {}  # noqa: RUF012 - the main thread has no target, so nothing is ever put in
    _stderr = None
    _context = None
    #: What threads that join this one wait for, once one does.
    _over: Thread | None = None

    def __init__(self, record: Thread) -> None:
        setattr(self, _RECORD, record)
        self._ident = record.ident
        name = record.process.state.pop(_MAIN_NAME, None)
        if name is not None:
            self._name = name
        if _module._HAVE_THREAD_NATIVE_ID:
            self._native_id = _real.get_native_id()

    def __getattr__(self, name: str) -> Any:
        if name in ("_handle", "_os_thread_handle") and hasattr(_module, "_make_thread_handle"):  # 3.13, 3.14
            handle = self.__dict__[name] = _module._make_thread_handle(self._ident)
            return handle
        if name == "_invoke_excepthook":
            self._invoke_excepthook = _module._make_invoke_excepthook()
            return self._invoke_excepthook
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        state = "started" if self.is_alive() else "stopped"
        return f"<{type(self).__name__}({self._name}, {state} {self._ident})>"

    def is_alive(self) -> bool:
        return not self._is_stopped and getattr(self, _RECORD).watchers is not None

    def join(self, timeout: float | None = None) -> None:
        if self is current_thread():
            raise RuntimeError("cannot join current thread")
        record: Thread = getattr(self, _RECORD)
        with record.process.mutex:
            if not self.is_alive():
                return
            over = self._over = self._over or Thread(record.process)
        wait_thread(over, -1.0 if timeout is None else max(0.0, timeout))

    def stop(self) -> None:
        """Count as ended, although the thread still waits for the others of its process, and tell who joins it."""
        with getattr(self, _RECORD).process.mutex:
            self._is_stopped = True
            over, self._over = self._over, None
            watchers: list[Callable[[], object]] = []
            if over is not None:
                watchers, over.watchers = over.watchers or [], None
        for watcher in watchers:
            watcher()

    def _after_fork(self, new_ident: int | None = None) -> None:
        """In the child of a real fork the forking thread is the main thread of a real process."""
        if new_ident is not None:
            self._ident = new_ident

    def _reset_internal_locks(self, is_alive: bool) -> None:
        """As `_after_fork`, until 3.12."""
        if is_alive:
            self._tstate_lock = allocate_lock()
            self._tstate_lock.acquire()


@at_start
def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    """After a fork the thread that called it is the main thread, by its name, and threads are counted on."""
    if child.method == "fork":
        caller = _module._active.get(get_ident())
        if caller is not None and caller._name != _MainThread._name:
            child.state[_MAIN_NAME] = caller._name
        child.state[_NAMES] = _next_number() if parent is MAIN else parent.state.get(_NAMES, 1)


def _next_number() -> int:
    """Return the number that the next thread of the main program is going to have in its name."""
    # What a count() is at can only be seen by looking at it.
    text = repr(getattr(_module._counter, "__self__", None))
    return int(text[6:-1]) if text.startswith("count(") and text[6:-1].isdigit() else 1


@functions
def _newname(_: object, name_template: str) -> str:
    """As `threading._newname`: each process counts for itself."""
    process = HERE.process
    if process is MAIN:
        return _real_newname(name_template)  # type: ignore[no-any-return]
    with process.mutex:
        number = process.state.get(_NAMES, 1)
        process.state[_NAMES] = number + 1
    return str(name_template % number)


@at_enter
def _entered(record: Thread) -> None:
    if record is record.process.main:
        record.object = _MainThread(record)
        _module._active[record.ident] = record.object
        # As `threading` does in what it starts: coverage and debuggers follow into child processes.
        if _module._trace_hook is not None:
            sys.settrace(_module._trace_hook)
        if _module._profile_hook is not None:
            sys.setprofile(_module._profile_hook)
    elif record.stands_for is not None:
        # A signal handler runs in the main thread, as far as it can tell.
        record.object = record.stands_for.object
        _module._active[record.ident] = record.object


@at_leave
def _left(record: Thread) -> None:
    if record.object is not None:
        if record.stands_for is None and isinstance(record.object, _MainThread):
            record.object.stop()
        if _module._active.get(record.ident) is record.object:
            _module._active.pop(record.ident, None)
        _module._limbo.pop(record.object, None)  # ended before it began


@functions
def current_thread(_: object) -> _real.Thread:
    """As `threading.current_thread`."""
    record = HERE.thread
    if record is None:
        return _real_current_thread()
    if record.object is None:
        # Not started by `threading`.  What its number stands for, if anything, is a thread of the past.
        _module._active.pop(record.ident, None)
        record.object = _real_current_thread()
        setattr(record.object, _RECORD, record)
    return record.object  # type: ignore[no-any-return]


@functions
def main_thread(_: object) -> _real.Thread:
    """As `threading.main_thread`: of the calling process."""
    process = HERE.process
    main = process.main
    if process is MAIN or main is None:
        return _real_main_thread()
    return main.object or _real_main_thread()


@functions
def enumerate(_: object) -> list[_real.Thread]:
    """As `threading.enumerate`: the threads of the calling process."""
    threads = _real_enumerate()
    if HERE.process is MAIN and not presence.present():
        return threads
    return list(dict.fromkeys(thread for thread in threads if _owner(thread) is HERE.process))


@functions
def active_count(_: object) -> int:
    """As `threading.active_count`: of the calling process."""
    if HERE.process is MAIN and not presence.present():
        return _real_active_count()
    return len(enumerate())


# ---------------------------------------------------------------------------------------------------------
# Starting and joining


def _new_record(function: Callable[..., object]) -> Thread:
    """Return the record for a thread that is going to run ``function``, which is a method of `Thread`'s."""
    record = Thread(HERE.process)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, _real.Thread):
        record.object = owner
        setattr(owner, _RECORD, record)
        owner._invoke_excepthook = _quiet(owner._invoke_excepthook)  # type: ignore[attr-defined]
    return record


def _quiet(invoke: Callable[[_real.Thread], object]) -> Callable[[_real.Thread], object]:
    def invoke_excepthook(thread: _real.Thread) -> None:
        # `threading.excepthook` is silent for SystemExit itself, but not for what derives from it.
        if not isinstance(sys.exception(), ProcessExit):
            invoke(thread)

    return invoke_excepthook


@functions
def start_new_thread(_: object, function: Callable[..., object], args: tuple[Any, ...], *kwargs: Any) -> int:
    """As `_thread.start_new_thread`: the thread belongs to the calling process."""
    if HERE.process is MAIN or not callable(function) or not isinstance(args, tuple):
        return _real_start_new_thread(function, args, *kwargs)
    return _start_anyhow(adopt, (_new_record(function), function, args, kwargs[0] if kwargs else {}))


@functions
def start_joinable_thread(_: object, function: Callable[[], object], /, *args: Any, **options: Any) -> Any:
    """As `_thread.start_joinable_thread` (3.13): the thread belongs to the calling process."""
    if HERE.process is MAIN or not callable(function):
        return _real_start_joinable_thread(function, *args, **options)
    record = _new_record(function)
    # The program's end waits for all threads that are no daemons: for ours, their process does.
    options["daemon"] = True
    return _real_start_joinable_thread(lambda: adopt(record, function, (), {}), *args, **options)


def _join(self: _real.Thread, timeout: float | None = None) -> None:
    """As `threading.Thread.join`."""
    if HERE.thread is None:
        return _real_join(self, timeout)
    _real_join(self, 0)  # raises for one that cannot be joined
    if not self.is_alive() or (timeout is not None and timeout <= 0):
        return None
    record: Thread | None = self.__dict__.get(_RECORD)
    if record is None:  # a thread of the main program
        from . import foreign  # noqa: PLC0415 - rare

        foreign.call(lambda: _real_join(self, timeout))
    elif wait_thread(record, -1.0 if timeout is None else timeout):
        _real_join(self, None)  # what is left of it takes no time
    return None


def _set_tstate_lock(self: Any) -> None:
    """Until 3.12: keep the program's end from waiting for threads of thread processes."""
    _real_set_tstate_lock(self)
    if HERE.thread is not None and not self.daemon:
        with _module._shutdown_locks_lock:
            _module._shutdown_locks.discard(self._tstate_lock)


# ---------------------------------------------------------------------------------------------------------
# The end of a process


class _Ending:
    """What a process does before it joins its threads."""

    def __init__(self) -> None:
        self.begun = False
        self.calls: list[Callable[[], object]] = []


def _ending(process: ThreadProcess) -> _Ending:
    ending: _Ending | None = process.state.get("threading")
    if ending is None:
        ending = process.state.setdefault("threading", _Ending())
    return ending


@functions
def _register_atexit(_: object, func: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """As `threading._register_atexit`: for the calling process."""
    from . import futures  # noqa: PLC0415 - only the modules of concurrent.futures come here

    ours = futures.exit_function(func)
    if ours is not None:
        # Registered by a module that all processes share, when the first of them imports it.
        if not _module._SHUTTING_DOWN:
            _real_register_atexit(ours)
        return
    if HERE.process is MAIN:
        _real_register_atexit(func, *args, **kwargs)
        return
    ending = _ending(HERE.process)
    if ending.begun:
        raise RuntimeError("can't register atexit after shutdown")
    ending.calls.append(lambda: func(*args, **kwargs))


@functions
def _shutdown(_: object) -> None:
    """As `threading._shutdown`: call what was registered, then join the threads of the calling process."""
    process = HERE.process
    if process is MAIN:
        _real_shutdown()
        return
    ending = _ending(process)
    if ending.begun:
        return
    ending.begun = True
    for call in reversed(ending.calls):
        call()
    end_executors = ENDINGS.get("executors")  # there as soon as somebody imports `concurrent.futures`
    if end_executors is not None:
        end_executors()
    main = main_thread()
    if isinstance(main, _MainThread):
        main.stop()
    ours = get_ident()
    while len(process.threads) > 1:  # else there is only the caller
        alive = [
            thread
            for thread in enumerate()
            if not thread.daemon and thread.ident != ours and not isinstance(thread, _MainThread)
        ]
        if not alive:
            return
        for thread in alive:
            thread._started.wait()  # type: ignore[attr-defined]  # another thread is just starting it
            thread.join()


def install(journal: Any) -> None:
    """Lay the methods over `threading.Thread`."""
    journal.set(_real.Thread, "join", _join)
    if _real_set_tstate_lock is not None:
        journal.set(_real.Thread, "_set_tstate_lock", _set_tstate_lock)


ENDINGS["threads"] = _shutdown

_MainThread.__name__ = _MainThread.__qualname__ = "_MainThread"
_MainThread.__module__ = "threading"
_join.__name__ = _join.__qualname__ = "join"
