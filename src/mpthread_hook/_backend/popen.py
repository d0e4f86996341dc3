"""How a child runs: the `Popen` classes of `multiprocessing.popen_fork` and its siblings, on threads.

`Process._Popen` picks one of them, as in the stdlib; another way to run a child is one more class here.
"""

from __future__ import annotations

import io
import os
import sys
from _contextvars import Context, copy_context

from .. import _identity, _served
from .._identity import ENDINGS, HERE, MAIN, ThreadProcess
from .._served import served
from .pipe import tickets_for
from .process import flush_streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .process import BaseProcess

#: Descriptors made for `Process.sentinel`, and the record each stands for; read by `connection.wait`.
SENTINELS: dict[int, ThreadProcess] = {}


def sentinel_of(record: ThreadProcess) -> int:
    """Return a descriptor that is readable once the process has ended; the same at every call."""
    fd: int | None = record.state.get("sentinel")
    if fd is None:
        reader, writer = _identity.real_pipe()
        fd = record.state.setdefault("sentinel", reader)
        if fd != reader:
            _identity.real_close(reader)
            _identity.real_close(writer)
            return fd
        SENTINELS[reader] = record
        if record is MAIN:
            record.state["sentinel writer"] = writer  # closed by the end of the program
        elif not _identity.watch(record, lambda: _identity.real_close(writer)):
            _identity.real_close(writer)
    return fd


def _close_sentinel(record: ThreadProcess) -> None:
    fd = record.state.pop("sentinel", None)
    if fd is not None:
        SENTINELS.pop(fd, None)
        _identity.real_close(fd)


class Popen:
    """A child of start method ``fork``: it sees the parent's objects, since memory is shared."""

    method = "fork"

    def __init__(self, process_obj: BaseProcess) -> None:
        flush_streams(HERE.process)
        self.returncode: int | None = None
        self.finalizer: Callable[[], object] | None = None
        self._launch(process_obj)

    def _launch(self, process_obj: BaseProcess) -> None:
        record = _identity.create(process_obj.name, self.method)
        self.pid = record.pid
        self._record = record
        try:
            body = self._prepare(process_obj, record)
            _identity.start(record, body)
        except BaseException:
            if not record.ended:
                _identity.kill(record, 1)
                _identity.end(record)
            _identity.reap(record)
            raise
        util = served("multiprocessing.util")
        self.finalizer = util.Finalize(self, _close_sentinel, (record,))

    def _prepare(self, process_obj: BaseProcess, record: ThreadProcess) -> Callable[[], int]:
        """Return what the child's main thread runs."""
        child = _copy_of(process_obj)
        record.object = child
        _give_own_sockets(child, record)
        context = copy_context()
        if "decimal" in sys.modules:
            # The copied context refers to the parent's decimal context, which the child may change in place.
            context.run(_own_decimal_context)

        def body() -> int:
            nonlocal child, context
            process, run_in = child, context
            child = context = None  # type: ignore[assignment]  # let them die with the child's frames
            return run_in.run(_run_process, process)

        return body

    @property
    def sentinel(self) -> int:
        """A descriptor that is readable once the child has ended; made on first demand."""
        return sentinel_of(self._record)

    def duplicate_for_child(self, fd: int) -> int:
        """Return the descriptor under which the child finds ``fd``: the same, descriptors are shared."""
        return fd

    def poll(self, flag: int = 1) -> int | None:
        """Return the exit code, or None while the child runs; ``flag`` is for the stdlib's callers."""
        if self.returncode is None:
            code = _identity.poll(self._record)
            if code is not None:
                self.returncode = code
                _identity.reap(self._record)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the child to end, at most ``timeout`` seconds; returns what `poll` does."""
        if self.returncode is None and _identity.wait(self._record, timeout):
            return self.poll()
        return self.returncode

    def _send_signal(self, sig: int) -> None:
        if self.returncode is None:
            _identity.deliver(self._record, sig)

    def interrupt(self) -> None:
        """Send SIGINT (3.14)."""
        self._send_signal(2)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send_signal(15)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send_signal(9)

    def close(self) -> None:
        """Release the sentinel."""
        if self.finalizer is not None:
            self.finalizer()


def _copy_of(process_obj: BaseProcess) -> BaseProcess:
    """Return the child's own process object, as a fork would leave it: a shallow copy."""
    cls = type(process_obj)
    child = cls.__new__(cls)
    for base in cls.__mro__:
        for slot in getattr(base, "__slots__", ()):
            if slot not in ("__dict__", "__weakref__") and hasattr(process_obj, slot):
                object.__setattr__(child, slot, getattr(process_obj, slot))
    child.__dict__.update(process_obj.__dict__)
    return child


def _give_own_sockets(child: BaseProcess, record: ThreadProcess) -> None:
    """Give the child duplicates of the sockets that are its arguments or attributes of its process object.

    After a fork each side closes its own; servers close the accepted socket in the parent at once.
    """
    socket = sys.modules.get("socket")
    if socket is None:
        return
    kind = socket.socket
    attributes = child.__dict__
    among = attributes.get("_args") or (), (attributes.get("_kwargs") or {}).values(), attributes.values()
    if not any(kind in map(type, values) for values in among):
        return
    own: list[Any] = []

    def duplicate(value: Any) -> Any:
        if type(value) is not kind or value.fileno() < 0:
            return value
        with _identity.acting_as(record):  # whose it is, should it be one that listens
            own.append(value.dup())
        return own[-1]

    for name, value in list(attributes.items()):
        if name == "_args":
            attributes[name] = tuple(duplicate(item) for item in value)
        elif name == "_kwargs":
            attributes[name] = {key: duplicate(item) for key, item in value.items()}
        else:
            attributes[name] = duplicate(value)
    if own:
        record.state["sockets"] = own


def _own_decimal_context() -> None:
    decimal = sys.modules["decimal"]
    try:
        decimal.setcontext(decimal.getcontext().copy())
    except AttributeError:  # another thread is in the middle of importing it: there is no context yet
        pass


def _run_process(process: BaseProcess) -> int:
    """Run a process object in the calling thread, which is the main thread of its process."""
    if not _served.on:
        return _not_run()
    util = served("multiprocessing.util")
    stock_order = served("mpthread_hook._backend.process")._stock
    late = not stock_order.exits_in_bootstrap or HERE.process.method != "fork"
    if late:
        HERE.process.atexit.insert(0, (util._exit_function, (), {}))  # before what came with its arguments
    code = 1
    try:
        code = process._bootstrap()
    except Exception:
        # What comes out of there (standard output cannot be flushed) a fork answers with os._exit(1), silently.
        if HERE.process.method != "fork":
            raise
    finally:
        if late and HERE.process.status is None:
            ENDINGS["exit functions"]()
        # The record outlives the child in its parent's Popen; what the child worked on must not.
        for name in ("_target", "_args", "_kwargs"):
            process.__dict__.pop(name, None)
        for own in HERE.process.state.pop("sockets", ()):
            own.close()
    return code


def _not_run() -> int:
    """Say that the hook was turned off before the process began, which would run in the program's place."""
    print(f"Process {HERE.process.name}: not run, disable() was called before it had begun", file=sys.stderr)
    return 1


class SpawnPopen(Popen):
    """A child of start method ``spawn``: its process object travels by pickle, as to a new interpreter."""

    method = "spawn"

    def __init__(self, process_obj: BaseProcess) -> None:
        self._fds: list[int] = []
        super().__init__(process_obj)

    class _DupFd:
        def __init__(self, fd: int) -> None:
            self.fd = fd

        def detach(self) -> int:
            """Hand the descriptor over to the caller."""
            return _identity.real_dup(self.fd)

    def DupFd(self, fd: int) -> Any:
        """Return an object that gives the child a duplicate of ``fd``."""
        return served("multiprocessing.reduction").DupFd(fd)

    def _preparation(self, process_obj: BaseProcess) -> tuple[dict[str, Any], Any]:
        """Return what the child is told before its process object, and the module that pickles both."""
        spawn = served("multiprocessing.spawn")
        return spawn.get_preparation_data(process_obj._name), served("multiprocessing.reduction")

    def _prepare(self, process_obj: BaseProcess, record: ThreadProcess) -> Callable[[], int]:
        context = served("multiprocessing.context")
        buffer = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            preparation, reduction = self._preparation(process_obj)
            with tickets_for(record):
                reduction.dump(preparation, buffer)
                reduction.dump(process_obj, buffer)
        finally:
            context.set_spawning_popen(None)
        buffer.seek(0)
        unguarded = _started_by_unguarded_main()
        kept = (process_obj._args, process_obj._kwargs) if hasattr(process_obj, "_args") else None
        record.object = process_obj

        def body() -> int:
            # What is pickled may be the last reference to a lock or a pipe: keep it until it is unpickled.
            nonlocal kept
            try:
                code = Context().run(_run_spawned, buffer, unguarded)
            except Exception as error:
                _identity.report(HERE.process, error)
                code = 1
            kept = None
            return code if _flush_at_exit(HERE.process) else _NOT_FLUSHED

        return body


def _started_by_unguarded_main() -> bool:
    """Return whether importing the main module again, as spawn does, would come to this start() again.

    That is what the stdlib's RuntimeError about freeze_support() is for.  Modules are shared here, so the
    main module is not run again; whether it would fail is read off the statement that is running in it.
    """
    main = sys.modules.get("__main__")
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and main is not None and frame.f_globals is vars(main):
            break
        frame = frame.f_back  # type: ignore[assignment]
    else:
        return False
    import ast  # noqa: PLC0415 - together 4 ms, which the first process of most programs does not need
    import linecache  # noqa: PLC0415

    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    for statement in body:
        if statement.lineno <= frame.f_lineno <= (statement.end_lineno or 0):
            guard = isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)
            return not guard
    return False


#: The exit code of an interpreter whose standard streams cannot be flushed at its end.
_NOT_FLUSHED = 120


def _flush_at_exit(process: ThreadProcess) -> bool:
    """Flush the streams of a process as the end of an interpreter does; returns whether that went well."""
    flushed = True
    if process.status is not None:
        return flushed
    for name in ("stdout", "stderr"):
        stream = process.streams.get(name)  # not the ones of the parent, which it has never looked at
        if stream is None or getattr(stream, "closed", False):
            continue
        try:
            stream.flush()
        except Exception as error:
            flushed = False
            if name == "stdout":
                error.__traceback__ = None  # of C code there is none
                if sys.version_info >= (3, 13):
                    word = "while" if sys.version_info >= (3, 14) else "on"
                    _identity.report_unraisable(error, f"Exception ignored {word} flushing sys.stdout", None)
                else:
                    _identity.report_unraisable(error, "Exception ignored in", stream)
    return flushed


def _runs_main_again(preparation: dict[str, Any]) -> bool:
    """Return whether the stdlib would run the main module again in a spawned child."""
    name = preparation.get("init_main_from_name")
    if name is not None:
        return name != "__main__" and not name.endswith(".__main__")
    path = preparation.get("init_main_from_path")
    return path is not None and os.path.splitext(os.path.basename(path))[0] not in ("__main__", "ipython")


def _run_spawned(buffer: io.BytesIO, unguarded: bool) -> int:
    from pickle import load  # noqa: PLC0415 - only children of spawn and forkserver need it

    record = HERE.process
    if not _served.on:
        return _not_run()
    try:
        preparation = load(buffer)
        if "sys_path" in preparation:
            sys.path = preparation["sys_path"]  # of this process alone, without "", which meant another directory
        record.object = placeholder = _Placeholder(preparation, record)
        if unguarded and _runs_main_again(preparation):
            placeholder._inheriting = True
            served("multiprocessing.spawn")._check_not_importing_main()
        process = load(buffer)
    except SystemExit:
        raise
    except BaseException:
        import traceback  # noqa: PLC0415 - only when unpickling fails

        traceback.print_exc()
        return 1
    return _run_process(process)


class _Placeholder:
    """What `current_process()` returns while the arguments of a spawned child are unpickled."""

    def __init__(self, preparation: dict[str, Any], record: ThreadProcess) -> None:
        parent = record.parent
        assert parent is not None
        self.name = self._name = preparation.get("name", record.name)
        self._identity: tuple[int, ...] = ()
        self._config = dict(parent.object._config)
        self._popen = None
        self.authkey = self._config["authkey"]
        self.ident = self.pid = record.pid
        self.daemon = bool(self._config.get("daemon"))
        self._inheriting = False


class ForkserverPopen(SpawnPopen):
    """A child of start method ``forkserver``: as spawn, but for the modules that are imported beforehand."""

    method = "forkserver"

    def __init__(self, process_obj: BaseProcess) -> None:
        forkserver: Any = served("multiprocessing.forkserver")
        forkserver.ensure_running()
        super().__init__(process_obj)
