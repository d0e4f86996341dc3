"""`BaseProcess` and the functions around it (`multiprocessing.process`), on the records of `_identity`.

What the stdlib keeps in module globals, because each process has its own copy of them, is kept in the
record of the process here: its children, its counter, the object that `current_process()` returns.
"""

from __future__ import annotations

import itertools
import sys

from .. import _served
from .._identity import ENDINGS, HERE, MAIN, ThreadProcess, poll, wait
from .._served import served

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Any

# What multiprocessing.process of the interpreter holds and we use; filled by install().
_stock: Any = None


def _children(process: ThreadProcess) -> set[BaseProcess]:
    """Return the children of a process that were started and not yet joined."""
    children: set[BaseProcess] | None = process.state.get("children")
    if children is None:
        children = process.state.setdefault("children", set())
    return children


def _next_number(process: ThreadProcess) -> int:
    counter = process.state.get("counter")
    if counter is None:
        counter = process.state.setdefault("counter", itertools.count(1))
    return next(counter)  # type: ignore[no-any-return]


def current_process() -> BaseProcess:
    """Return the process object of the calling process."""
    return HERE.process.object  # type: ignore[no-any-return]


def active_children() -> list[BaseProcess]:
    """Return the live children of the calling process; joins those that have ended."""
    _cleanup()
    return list(_children(HERE.process))


def parent_process() -> Any:
    """Return the process object of the parent of the calling process; None in the main program."""
    return HERE.process.state.get("parent_process")


def _cleanup() -> None:
    here = HERE.process
    children = here.state.get("children")
    if not children or not here.stirred:
        return
    here.stirred = False  # before the look: who ends meanwhile says so again
    for child in list(children):
        popen = child._popen
        if popen is None:
            continue
        if popen.poll() is not None:
            children.discard(child)
        elif _tells_nobody(popen):
            here.stirred = True


def _tells_nobody(popen: Any) -> bool:
    """Return whether nobody says when a child ends: one that is being killed may have to be abandoned, by who asks."""
    record = getattr(popen, "_record", None)
    return record is None or record.status is not None


#: What stands for no keyword arguments; only the one of the running version is accepted.
_NO_KWARGS: Mapping[str, Any] | None = None if sys.version_info >= (3, 14) else {}


def _made_anew(cls: Any, *args: Any) -> Any:
    return cls.__new__(cls, *args)


class BaseProcess:
    """A process, made of threads; see `multiprocessing.Process` in the stdlib documentation.

    ``start()`` copies the process object shallowly for the child, as a fork would: attributes that
    ``run()`` assigns are the child's own, the objects they refer to are shared.
    """

    def _Popen(self) -> Any:
        raise NotImplementedError

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = _NO_KWARGS,
        *,
        daemon: bool | None = None,
    ) -> None:
        assert group is None, "group argument must be None for now"
        here = HERE.process
        current = here.object
        self._identity: tuple[int, ...] = (*current._identity, _next_number(here))
        self._config: dict[str, Any] = current._config.copy()
        self._parent_pid: int | None = here.pid
        self._parent_name = current.name
        self._popen: Any = None
        self._closed = False
        self._target = target
        self._args = tuple(args)
        self._kwargs = {} if kwargs is None and sys.version_info >= (3, 14) else dict(kwargs)  # type: ignore[arg-type]
        self._name = name or type(self).__name__ + "-" + ":".join(str(number) for number in self._identity)
        if daemon is not None:
            self.daemon = daemon
        _stock._dangling.add(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Travel as one of the served class, also if it is of a class that was taken before the hook was on."""
        reduced, cls = super().__reduce_ex__(protocol), type(self)
        served = getattr(sys.modules.get(cls.__module__), cls.__name__, cls)
        if served is cls or not cls.__module__.startswith("multiprocessing.") or type(reduced) is not tuple:
            return reduced
        # Not by copyreg.__newobj__, for which pickle insists on the class of the object.
        function = _made_anew if reduced[0].__name__ == "__newobj__" else reduced[0]
        return (function, tuple(served if one is cls else one for one in reduced[1]), *reduced[2:])

    def _check_closed(self) -> None:
        if self._closed:
            raise ValueError("process object is closed")

    def run(self) -> None:
        """Do the work of the process; called in the child, may be overridden."""
        if self._target:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Start the child; returns before it has begun to run."""
        self._check_closed()
        assert self._popen is None, "cannot start a process twice"
        if not _served.on and not _served.is_ready():
            from ..errors import ActivationError  # noqa: PLC0415 - errors are loaded where one is raised

            raise ActivationError(
                f"process {self.name!r} cannot be started: the hook is off (disable() was called), and what it "
                "does to itself would be done to the program; start it before, or call enable() again"
            )
        here = HERE.process
        assert self._parent_pid == here.pid, "can only start a process object created by current process"
        assert not here.object._config.get("daemon"), "daemonic processes are not allowed to have children"
        _cleanup()
        self._popen = self._Popen(self)  # type: ignore[call-arg]
        # The child has its own copy of these; the parent must not keep what they refer to alive (bpo-30775).
        del self._target, self._args, self._kwargs
        _children(here).add(self)
        if _tells_nobody(self._popen):
            here.stirred = True

    def interrupt(self) -> None:
        """Send SIGINT to the process (new in 3.14, served on every version)."""
        self._check_closed()
        self._popen.interrupt()

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        self._check_closed()
        self._popen.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the process."""
        self._check_closed()
        self._popen.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the process has ended, at most ``timeout`` seconds."""
        self._check_closed()
        here = HERE.process
        assert self._parent_pid == here.pid, "can only join a child process"
        assert self._popen is not None, "can only join a started process"
        if self._popen.wait(timeout) is not None:
            _children(here).discard(self)

    def is_alive(self) -> bool:
        """Return whether the process is alive."""
        self._check_closed()
        here = HERE.process
        if self is here.object:
            return True
        assert self._parent_pid == here.pid, "can only test a child process"
        if self._popen is None:
            return False
        if self._popen.poll() is None:
            return True
        _children(here).discard(self)
        return False

    def close(self) -> None:
        """Release what the process object holds; ValueError while the process runs."""
        if self._popen is not None:
            if self._popen.poll() is None:
                raise ValueError(
                    "Cannot close a process while it is still running. "
                    "You should first call join() or terminate()."
                )
            self._popen.close()
            self._popen = None
            _children(HERE.process).discard(self)
        self._closed = True

    @property
    def name(self) -> str:
        """The name of the process, a string without meaning."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), "name must be a string"
        self._name = name
        record = HERE.process
        if record.object is self:
            record.name = name

    @property
    def daemon(self) -> bool:
        """Whether the process is ended with its parent."""
        return self._config.get("daemon", False)  # type: ignore[no-any-return]

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        assert self._popen is None, "process has already started"
        self._config["daemon"] = daemonic

    @property
    def authkey(self) -> bytes:
        """The key that listeners, clients and managers of this process authenticate with."""
        return self._config["authkey"]  # type: ignore[no-any-return]

    @authkey.setter
    def authkey(self, authkey: bytes) -> None:
        self._config["authkey"] = _stock.AuthenticationString(authkey)

    @property
    def exitcode(self) -> int | None:
        """The exit code, minus the signal that ended the process, or None while it runs."""
        self._check_closed()
        return None if self._popen is None else self._popen.poll()

    @property
    def ident(self) -> int | None:
        """The pid, None before the start."""
        self._check_closed()
        here = HERE.process
        if self is here.object:
            return here.pid
        return self._popen and self._popen.pid  # type: ignore[no-any-return]

    pid = ident

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process ends; made when first asked for."""
        self._check_closed()
        if self._popen is None:
            raise ValueError("process not started")
        return self._popen.sentinel  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        here = HERE.process
        exitcode = None
        if self is here.object:
            status = "started"
        elif self._closed:
            status = "closed"
        elif self._parent_pid != here.pid:
            status = "unknown"
        elif self._popen is None:
            status = "initial"
        else:
            exitcode = self._popen.poll()
            status = "started" if exitcode is None else "stopped"
        info = [type(self).__name__, f"name={self._name!r}"]
        if self._popen is not None:
            info.append(f"pid={self._popen.pid}")
        info += [f"parent={self._parent_pid}", status]
        if exitcode is not None:
            info.append(f"exitcode={_stock._exitcode_to_name.get(exitcode, exitcode)}")
        if self.daemon:
            info.append("daemon")
        return f"<{' '.join(info)}>"

    # -- in the child --------------------------------------------------------------------------------------

    def _bootstrap(self, parent_sentinel: object = None) -> int:
        """Run the process, in its main thread; returns the exit code.

        ``parent_sentinel`` is accepted for code that overrides this and passes it on.
        """
        util = served("multiprocessing.util")
        exitcode = 1
        try:
            if self._start_method is not None:  # type: ignore[attr-defined]
                served("multiprocessing.context")._force_start_method(self._start_method)  # type: ignore[attr-defined]
            util._close_stdin()
            record = HERE.process
            record.object = self
            parent = record.parent
            assert parent is not None
            record.state["parent_process"] = _ParentProcess(self._parent_name, self._parent_pid, parent)
            self._after_fork()
            util.info("child process calling self.run()")
            try:
                self.run()
                exitcode = 0
            finally:
                if _stock.exits_in_bootstrap:
                    util._exit_function()
        except SystemExit as error:
            if record_is_fenced():
                raise
            exitcode = _code_of(error)
        except BaseException:
            exitcode = 1
            import traceback  # noqa: PLC0415 - only when a process fails

            sys.stderr.write(f"Process {self.name}:\n")
            traceback.print_exc()
        finally:
            if not record_is_fenced():
                ENDINGS["threads"]()
                util.info("process exiting with exitcode %d", exitcode)
                flush_streams(HERE.process)
        return exitcode

    @staticmethod
    def _after_fork() -> None:
        served("multiprocessing.util")._run_after_forkers()


def flush_streams(process: ThreadProcess) -> None:
    """Flush standard output and error of a process, as `multiprocessing.util._flush_std_streams` does.

    Streams that the process has never looked at are still its parent's, and hold nothing of its own.
    """
    to_flush = getattr(process.streams, "to_flush", None)
    if to_flush is None:
        served("multiprocessing.util")._flush_std_streams()
        return
    for name in ("stdout", "stderr"):
        try:
            to_flush(name).flush()
        except (AttributeError, ValueError):
            pass


def record_is_fenced() -> bool:
    """Return whether the calling process was ended while it ran."""
    return HERE.process.status is not None


def _code_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        if HERE.process.method == "fork" and not -(1 << 31) <= error.code < 1 << 31:
            sys.stderr.write("OverflowError: Python int too large to convert to C int\n")  # as of os._exit()
            return 1
        return error.code
    sys.stderr.write(str(error.code) + "\n")
    return 1


class _ParentProcess(BaseProcess):
    """What `parent_process()` returns in a child."""

    def __init__(self, name: str, pid: int | None, record: ThreadProcess) -> None:
        self._identity = ()
        self._name = name
        self._pid = pid
        self._parent_pid = None
        self._popen = None
        self._closed = False
        self._config = {}
        self._record = record

    def is_alive(self) -> bool:
        return self._record is MAIN or poll(self._record) is None

    @property
    def ident(self) -> int | None:
        return self._pid

    pid = ident

    @property
    def sentinel(self) -> int:
        return served("mpthread_hook._backend.popen").sentinel_of(self._record)  # type: ignore[no-any-return]

    def join(self, timeout: float | None = None) -> None:
        """Wait until the parent has ended."""
        wait(self._record, timeout)


class _MainProcess(BaseProcess):
    """The program itself."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._identity = ()
        self._name = "MainProcess"
        self._parent_pid = None
        self._popen = None
        self._closed = False
        self._config = config

    def close(self) -> None:
        pass


# Module globals of the stdlib that are per process here; served through the module's __getattr__.
_PER_PROCESS = {
    "_current_process": current_process,
    "_parent_process": parent_process,
    "_children": lambda: _children(HERE.process),
    "_process_counter": lambda: HERE.process.state.setdefault("counter", itertools.count(1)),
}


def _module_getattr(name: str) -> Any:
    function: Callable[[], Any] | None = _PER_PROCESS.get(name)
    if function is None:
        raise AttributeError(f"module 'multiprocessing.process' has no attribute {name!r}")
    return function()


class _Stock:
    """The parts of the interpreter's own `multiprocessing.process` that we build on."""

    def __init__(self, module: ModuleType) -> None:
        self._dangling = module._dangling
        self._exitcode_to_name = module._exitcode_to_name
        self.AuthenticationString = module.AuthenticationString
        # Until 3.12 finalizers run inside _bootstrap(), later as an atexit function after it (gh-83856).
        bootstrap = module.BaseProcess._bootstrap
        self.exits_in_bootstrap = "_exit_function" in bootstrap.__code__.co_names


def install(module: ModuleType) -> None:
    """Finish `multiprocessing.process`: take over the main process and hide the per-process globals."""
    global _stock
    _stock = _Stock(module)
    if MAIN.object is None:
        MAIN.object = _MainProcess(module._current_process._config)
    for name in _PER_PROCESS:
        module.__dict__.pop(name, None)
    vars(module)["__getattr__"] = _module_getattr
