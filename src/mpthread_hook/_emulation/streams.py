"""The standard streams, `sys.argv` and `sys.path` of each process.

Python code reads and assigns ``sys.stdout`` through properties on a subclass of `sys.__class__`, which answer
for the process that asks.  C code (`print`, `input`, the printing of tracebacks) looks into ``sys.__dict__``
instead: there lies a `Door`, a thread-local that leads each thread to the stream of its process.  Both are
laid on only while there are thread processes (see `presence`).

A child starts with the streams of its parent.  One that the interpreter made on descriptor 0, 1 or 2 is
copied, as a fork copies it: same descriptor, own buffer, so that closing or reconfiguring it, `dup2` onto its
descriptor, or being killed in the middle of a write stay the child's own affair.  Every other stream is
shared with the parent.  A child of `spawn`, which is no copy of its parent, starts with those that the
interpreter made, whatever its parent has assigned.

`sys.argv` and `sys.path` are lists of its own.  Shared by all, because the interpreter itself works with them:
`sys.modules`, `sys.flags`.
"""

from __future__ import annotations

import io
import sys

from .. import _identity
from .._identity import HERE, MAIN, checkpoint, shield
from . import hooks, presence
from .doors import LOST, Door, LiveDoor, QuickDoor
from .files import VirtualFile
from .module_class import class_with, take_off

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal
    from .._identity import ThreadProcess

NAMES = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
#: Those that C code looks up.
_READ_BY_C = ("stdin", "stdout", "stderr")

_sys_dict = sys.__dict__
_active = False


# ---------------------------------------------------------------------------------------------------------
# What a process has


#: What the streams of thread processes were made from; a weak mapping as soon as there is one to remember,
#: since `weakref` is the only module here that the interpreter does not have at hand.
_origins: Any = {}


def _remember_origin(copy: Any, stream: Any) -> None:
    global _origins
    if type(_origins) is dict:
        from weakref import WeakKeyDictionary  # noqa: PLC0415 - see `_origins`

        with presence.lock:
            if type(_origins) is dict:
                _origins = WeakKeyDictionary()
    _origins[copy] = stream


def _origin(stream: Any) -> Any:
    """Return the stream of the main program that one of a thread process stands for; any other one itself."""
    while type(stream) is io.TextIOWrapper:
        made_from = _origins.get(stream)
        if made_from is None:
            break
        stream = made_from
    return stream


class _Streams(dict[str, "Any"]):
    """The streams of the main program by name."""

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        raise AttributeError(f"module 'sys' has no attribute {name!r}")


class _ChildStreams(_Streams):
    """The streams of a thread process; those it has not asked for yet are still its parent's."""

    __slots__ = ("copies", "inherited", "process", "replaced")

    def __init__(self, process: ThreadProcess, inherited: dict[str, Any]) -> None:
        self.process = process
        self.inherited = inherited
        #: Copies by the identity of what they were made from, which `inherited` keeps alive.
        self.copies: dict[int, Any] = {}
        self.replaced: list[tuple[str, Any]] = []

    def __missing__(self, name: str) -> Any:
        if name not in self.inherited:
            return super().__missing__(name)
        return self.setdefault(name, self.own(self.inherited[name]))  # of two threads that ask, one is first

    def own(self, stream: Any) -> Any:
        """Return what stands for a stream of the parent in this process."""
        copy = self.copies.get(id(stream))
        if copy is None:
            make = getattr(type(stream), "for_process", None)  # multiprocessing's empty standard input
            copy = make() if make is not None else _copy(self.process, stream)
            copy = self.copies.setdefault(id(stream), copy)
            if type(copy) is io.TextIOWrapper and copy is not stream:
                _remember_origin(copy, stream)
        return copy

    def all(self) -> dict[str, Any]:
        """Return the streams as a child of this process inherits them."""
        return {**self.inherited, **self}

    def to_flush(self, name: str) -> Any:
        """Return a stream that may hold something of this process, None if it holds its parent's at most."""
        stream = self.get(name)
        if stream is None and name not in self:
            stream = self.inherited.get(name)
            # Not for its output alone: a process that is killed in the middle of writing what another one
            # has buffered would leave it there, to be written again.
            if hasattr(type(stream), "for_process") or _is_standard(stream):
                return None
        return stream

    def forget(self, name: str) -> None:
        """Delete a stream."""
        self[name]  # AttributeError if it is gone already
        self.inherited.pop(name, None)
        self.pop(name, None)


class _DeadStreams(_Streams):
    """The streams of a process that has ended: whoever of it still asks is told so."""

    def __missing__(self, name: str) -> Any:
        checkpoint()
        return super().__missing__(name)


_BUFFERS = (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)


def _raw_of(stream: Any) -> Any:
    """Return the raw file of a stream that the interpreter made on descriptor 0, 1 or 2, None for another."""
    # Exactly these types and nothing set on the instance: whoever made something else of it meant it.
    if type(stream) is not io.TextIOWrapper or not vars(stream).keys() <= {"mode"} or stream.closed:
        return None
    buffer: Any = stream.buffer
    raw = buffer.raw if type(buffer) in _BUFFERS else buffer
    if type(raw) not in (io.FileIO, VirtualFile) or not 0 <= raw.fileno() <= 2:
        return None
    return raw


def _is_standard(stream: Any) -> bool:
    try:
        return _raw_of(stream) is not None
    except ValueError:  # detached or closed
        return False


def _copy(process: ThreadProcess, stream: Any) -> Any:
    """Return a stream of ``process`` like ``stream``; the same one if it is not on a standard descriptor."""
    raw = _raw_of(stream) if _is_standard(stream) else None
    if raw is None:
        return stream
    file: Any = VirtualFile(process, raw.fileno(), raw.mode, raw.name)
    if stream.buffer is not raw:
        file = type(stream.buffer)(file)
    copy = io.TextIOWrapper(
        file,
        encoding=stream.encoding,
        errors=stream.errors,
        # As the interpreter opens them: only standard input on Windows translates.
        newline=None if sys.platform == "win32" and raw.readable() else "\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    copy.mode = getattr(stream, "mode", raw.mode)  # type: ignore[misc]
    return copy


# ---------------------------------------------------------------------------------------------------------
# What C code finds

#: The streams that the main program has not looked at since they got a quick door.  One that Python code
#: has got hold of may be given another `write` on the instance, which C code has to find.
_quick: set[str] = set()
#: The door in use by kind and name, and the last ones that were replaced.  `print` of 3.12 and before only
#: borrows what it finds in ``sys.__dict__``: a door taken down by another thread must not be freed under it.
_doors: dict[tuple[type[Door], str], Door] = {}
_taken_down: list[Door] = []


def _door(kind: type[Door], name: str, stream: Any) -> Door:
    door = _doors.get((kind, name))
    if door is None or door.stream is not stream:
        if door is not None:
            _taken_down.append(door)
            del _taken_down[:-64]
        door = _doors[kind, name] = kind(name, stream)
    return door


def _hang(name: str, stream: Any) -> None:
    """Hang the door of a stream of the main program that looks for `write` every time."""
    if name in _quick:
        _quick.discard(name)
        for kind in _classes.values():
            setattr(kind, name, _plain[name])
    _sys_dict[name] = _door(LiveDoor, name, stream)


def _hang_quick(name: str, stream: Any) -> None:
    """Hang the door that keeps `write`, until the main program looks at the stream."""
    _quick.add(name)
    for kind in _classes.values():
        setattr(kind, name, _watched[name])
    _sys_dict[name] = _door(QuickDoor, name, stream)


def _look(name: str) -> None:
    with shield, presence.lock:
        if name in _quick:
            _hang(name, MAIN.streams[name])


def _behind(stream: Any) -> Any:
    """Return what is behind a door that somebody took out of ``sys.__dict__``."""
    while isinstance(stream, Door):
        stream = stream.stream
    return stream


# ---------------------------------------------------------------------------------------------------------
# What Python code finds


def _stream_property(name: str, *, watched: bool = False) -> Any:
    def get(_module: ModuleType) -> Any:
        return HERE.process.streams[name]

    def watch(_module: ModuleType) -> Any:
        process = HERE.process
        # The flush before each start of a process does not keep what it reads.
        if process is MAIN and sys._getframe(1).f_code.co_name != "_flush_std_streams":
            _look(name)
        return process.streams[name]

    def put(_module: ModuleType, stream: Any) -> None:
        process = HERE.process
        if process is MAIN:
            _set_main(name, _behind(stream))
        elif isinstance(process.streams, _ChildStreams):
            _set_child(process.streams, name, stream)
        else:
            checkpoint()

    def delete(_module: ModuleType) -> None:
        process = HERE.process
        if process is MAIN:
            MAIN.streams[name]
            _set_main(name, LOST)
        elif isinstance(process.streams, _ChildStreams):
            process.streams.forget(name)
        else:
            checkpoint()

    return property(watch if watched else get, put, delete)


_plain = {name: _stream_property(name) for name in NAMES}
_watched = {name: _stream_property(name, watched=True) for name in NAMES}


def _set_main(name: str, stream: Any) -> None:
    with shield, presence.lock:
        if not _active:  # lifted since the caller looked
            if stream is LOST:
                _sys_dict.pop(name, None)
            else:
                _sys_dict[name] = stream
            return
        if stream is LOST:
            MAIN.streams.pop(name, None)
        else:
            MAIN.streams[name] = stream
        if name in _READ_BY_C:
            _hang(name, stream)
        elif stream is LOST:
            _sys_dict.pop(name, None)
        else:
            _sys_dict[name] = stream


def _set_child(streams: _ChildStreams, name: str, stream: Any) -> None:
    if isinstance(stream, Door):
        # `unittest.mock.patch` remembers what it finds in ``sys.__dict__`` and puts it back at the end.
        for index in range(len(streams.replaced) - 1, -1, -1):
            if streams.replaced[index][0] == name:
                before = streams.replaced.pop(index)[1]
                if before is _INHERITED:
                    streams.pop(name, None)
                else:
                    streams[name] = before
                return
        return
    if name in streams:
        streams.replaced.append((name, streams[name]))
    elif name in streams.inherited:
        streams.replaced.append((name, _INHERITED))
    del streams.replaced[:-_REMEMBERED]
    streams[name] = stream


#: What a child has replaced that it had not asked for: it would be made in order to be remembered.
_INHERITED = object()
#: How many assignments of a child can be taken back by its `mock.patch`.
_REMEMBERED = 24


def _get_argv(_module: ModuleType) -> Any:
    process = HERE.process
    if process is MAIN or process.argv is None:
        return _of_sys("argv")
    return process.argv


def _put_argv(_module: ModuleType, argv: Any) -> None:
    process = HERE.process
    if process is MAIN:
        _sys_dict["argv"] = argv
    else:
        process.argv = argv


def _delete_argv(module: ModuleType) -> None:
    _get_argv(module)
    if HERE.process is MAIN:
        del _sys_dict["argv"]
    else:
        HERE.process.argv = None


#: Key in the state of a process: its `sys.path`.
_PATH = "sys.path"


def _get_path(_module: ModuleType) -> Any:
    process = HERE.process
    path = None if process is MAIN else process.state.get(_PATH)
    return _of_sys("path") if path is None else path


def _put_path(_module: ModuleType, path: Any) -> None:
    process = HERE.process
    if process is MAIN:
        _sys_dict["path"] = path
    else:
        process.state[_PATH] = path


def _of_sys(name: str) -> Any:
    try:
        return _sys_dict[name]
    except KeyError:
        raise AttributeError(f"module 'sys' has no attribute {name!r}") from None


def _class_of_sys(base: type) -> type:
    own = {"argv": property(_get_argv, _put_argv, _delete_argv), "path": property(_get_path, _put_path)}
    return class_with(base, {**_plain, **own, **hooks.properties("sys")})


_classes: dict[type, type] = {}


# ---------------------------------------------------------------------------------------------------------
# On and off


def _lay_on() -> None:
    global _active
    with shield, presence.lock:
        MAIN.streams = _Streams((name, _behind(_sys_dict[name])) for name in NAMES if name in _sys_dict)
        base = type(sys)
        if base not in _classes:
            _classes[base] = _class_of_sys(base)
        sys.__class__ = _classes[base]
        for name in _READ_BY_C:
            stream = MAIN.streams.get(name, LOST)
            if name != "stdin" and _is_untouched(stream):
                _hang_quick(name, stream)
            else:
                _hang(name, stream)
        _active = True


def _is_untouched(stream: Any) -> bool:
    try:
        return _raw_of(stream) is not None
    except ValueError:
        return False


def _lift() -> None:
    global _active
    with shield, presence.lock:
        _active = False
        streams = MAIN.streams
        for name in _READ_BY_C:
            if name in streams:
                _sys_dict[name] = streams[name]
            else:
                _sys_dict.pop(name, None)
        take_off(sys)
        _quick.clear()
        # MAIN.streams stays: the main program may be inside the property at this very moment.


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if not _active:
        return
    streams: Any = parent.streams
    inherited = streams.all() if parent is not MAIN else dict(streams)
    if child.method != "fork":
        inherited = _of_new_program(inherited)
    child.streams = _ChildStreams(child, inherited)
    argv = parent.argv if parent.argv is not None else _sys_dict.get("argv")
    child.argv = argv.copy() if type(argv) is list else argv
    path = _sys_dict.get("path") if parent is MAIN else parent.state.get(_PATH)
    child.state[_PATH] = path.copy() if type(path) is list else path


def _of_new_program(streams: dict[str, Any]) -> dict[str, Any]:
    """Return the streams of a child that is no copy of its parent: those that the interpreter made.

    Where they are gone (a program took the buffer out of one to wrap it anew), the parent's stay.
    """
    for name in _READ_BY_C:
        genuine = streams.get(f"__{name}__")
        if _is_untouched(genuine):
            streams[name] = genuine
    return streams


def _die(process: ThreadProcess) -> None:
    process.streams = _DeadStreams()


def _take_over(process: ThreadProcess) -> None:
    if isinstance(process.streams, _ChildStreams):
        for name in NAMES:
            try:
                _sys_dict[name] = process.streams[name]
            except AttributeError:
                _sys_dict.pop(name, None)
    if process.argv is not None:
        sys.argv = process.argv
    if process.state.get(_PATH) is not None:
        sys.path = process.state[_PATH]


def install(journal: Journal) -> None:
    """Give each process its own streams and arguments while there are thread processes."""
    import types  # noqa: F401, PLC0415 - it must find the class of modules, not ours

    _identity.at_start(_inherit)
    _identity.at_death(_die)
    presence.on_real_fork(_take_over)
    journal.undo(presence.during(_lay_on, _lift))


def _handler_stream(handler: Any) -> Any:
    try:
        stream = handler.__dict__["stream"]
    except KeyError:
        raise AttributeError(f"{type(handler).__name__!r} object has no attribute 'stream'") from None
    if HERE.thread is None:
        return _origin(stream) if _origins else stream
    streams: Any = HERE.process.streams
    if isinstance(streams, _DeadStreams):
        checkpoint()
    elif isinstance(streams, _ChildStreams):
        origin = _origin(stream)
        for inherited in streams.inherited.values():
            if _origin(inherited) is origin:
                return streams.own(inherited)
    return stream


def _put_handler_stream(handler: Any, stream: Any) -> None:
    handler.__dict__["stream"] = stream


def _delete_handler_stream(handler: Any) -> None:
    del handler.__dict__["stream"]


def install_logging(journal: Journal) -> None:
    """Let a handler that holds a standard stream of one process write to that of the process that uses it.

    A handler is shared by the processes that inherit it, and may outlive the stream of the one that made it.
    """
    import logging  # noqa: PLC0415 - called once it has been imported

    journal.set(
        logging.StreamHandler,
        "stream",
        property(_handler_stream, _put_handler_stream, _delete_handler_stream),
    )
