"""`os.environ` and the environment below it, per process.

A child starts with a copy of its parent's variables and never touches the environment that the C library
keeps, which is the main program's.  What it sets is seen by itself, by its children and by the programs that
it starts (see `programs`).  `os.environ` stays the same object; while there are thread processes it is of a
subclass whose storage is that of the process which asks, and `os` of one where a child that assigns another
object to `os.environ` does so for itself.
"""

from __future__ import annotations

import errno
import os

from .. import _identity
from .._identity import HERE, MAIN, shield
from . import presence
from .descriptors import standing_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._hook.journal import Journal
    from .._identity import ThreadProcess

_real_putenv: Any = getattr(os, "putenv", None)
_real_unsetenv: Any = getattr(os, "unsetenv", None)
_real_getenv: Any = os.getenv
_EnvironType: Any = type(os.environ)

#: Key in the state of a process: what its C library would hold, once that was changed.
_BELOW = "environment"


class _Snapshot(dict):  # type: ignore[type-arg]
    """The variables as several children have inherited them; never changed."""


#: The latest one of the main program's variables.
_latest = _Snapshot()


def _storage(_environ: Any) -> Any:
    # Whoever asks for it may change it.
    process = HERE.process
    if type(process.environ) is _Snapshot:
        with shield, presence.lock:  # two threads of the process may ask
            if type(process.environ) is _Snapshot:
                process.environ = dict(process.environ)
    return process.environ


def _store(_environ: Any, data: Any) -> None:
    HERE.process.environ = data


def _class_for(environ: Any) -> type:
    """Return the subclass that `os.environ` or `os.environb` is of meanwhile."""
    encode, decode = environ.encodekey, environ.decodevalue

    class Environ(_EnvironType):  # type: ignore[misc]
        """Variables with a storage for each process."""

        _data = property(_storage, _store)

        # Once more, without the property: what the main program does with variables is to read them.

        def __getitem__(self, key: Any) -> Any:
            try:
                value = HERE.process.environ[encode(key)]
            except KeyError:
                raise KeyError(key) from None
            return decode(value)

        def get(self, key: Any, default: Any = None) -> Any:
            try:
                value = HERE.process.environ[encode(key)]
            except KeyError:
                return default
            return decode(value)

        def __reduce_ex__(self, _protocol: Any) -> Any:
            # A copy is a plain one: this class stands for the variables of whoever asks.
            from copyreg import _reconstructor  # type: ignore[attr-defined]  # noqa: PLC0415 - seldom needed

            return _reconstructor, (_EnvironType, object, None), {**self.__dict__, "_data": _storage(self)}

    Environ.__name__ = Environ.__qualname__ = _EnvironType.__name__
    Environ.__module__ = _EnvironType.__module__
    return Environ


_classes: dict[int, type] = {}


_os_dict = os.__dict__
#: The one that the interpreter made.
_genuine: Any = os.environ
#: Key in the state of a process: what its `os.environ` is.
_OBJECT = "os.environ"


def _get_object(_module: object) -> Any:
    process = HERE.process
    if process is not MAIN and _OBJECT in process.state:
        return process.state[_OBJECT]
    try:
        return _os_dict["environ"]
    except KeyError:
        raise AttributeError("module 'os' has no attribute 'environ'") from None


def _put_object(_module: object, environ: Any) -> None:
    process = HERE.process
    if process is MAIN:
        _os_dict["environ"] = environ
    else:
        process.state[_OBJECT] = environ


def _set_attribute(module: Any, name: str, value: Any) -> None:
    if name == "environ":
        _diverge()
    base: Any = type(module).__base__
    base.__setattr__(module, name, value)


def _diverge() -> None:
    """From now on `os.environ` is not one object for all: it is looked up for the process that asks."""
    from .module_class import has_ours, put_on  # noqa: PLC0415 - only while there are thread processes

    with shield, presence.lock:
        if has_ours(os):
            put_on(type(os), "environ", property(_get_object, _put_object))
            if os.getenv is _real_getenv:
                os.getenv = _getenv


@standing_in(_real_getenv)
def _getenv(_os: Any, key: Any, default: Any = None) -> Any:
    # The real one reads the global of its module, which is the main program's.
    return os.environ.get(key, default)


def _objects() -> list[Any]:
    environ = _os_dict.get("environ")
    if not isinstance(environ, _EnvironType):
        environ = _genuine
    both = (environ, getattr(os, "environb", None))
    return [environ for environ in both if isinstance(environ, _EnvironType)]


def _lay_on() -> None:
    for environ in _objects():
        if type(environ) is _EnvironType:
            if id(environ) not in _classes:  # both objects live as long as the interpreter
                _classes[id(environ)] = _class_for(environ)
            MAIN.environ = environ._data
            environ.__class__ = _classes[id(environ)]
    from .module_class import class_with  # noqa: PLC0415 - only while there are thread processes

    base = type(os)
    if base not in _modules:
        _modules[base] = class_with(base, {"__setattr__": _set_attribute})
    os.__class__ = _modules[base]


#: The class that `os` is of meanwhile, by the one that it was of.
_modules: dict[type, type] = {}


def _lift() -> None:
    if os.getenv is _getenv:
        os.getenv = _real_getenv
    from .module_class import has_ours, take_off  # noqa: PLC0415 - as above

    if has_ours(os) and "environ" in vars(type(os)):
        _modules.clear()  # the next one is made without
    take_off(os)
    for environ in _objects():
        if type(environ) is _classes.get(id(environ)):
            environ.__class__ = _EnvironType
    # MAIN.environ stays: the main program may be inside the property at this very moment.


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    global _latest
    variables = parent.environ
    if variables is None:
        return
    if parent is MAIN:
        latest = _latest  # once: another thread may put one there that is older than what this one has just set
        if variables != latest:
            _latest = latest = _Snapshot(variables)
        child.environ = latest
    else:
        child.environ = variables if type(variables) is _Snapshot else variables.copy()
    environ = parent.state.get(_OBJECT) if parent is not MAIN else _os_dict.get("environ")
    if not isinstance(environ, _EnvironType):
        # Somebody put a plain dictionary there: a copy of the parent has a copy, a new program none.
        if environ is None or child.method != "fork":
            environ = _genuine
        elif type(environ) is dict:
            environ = environ.copy()
        _diverge()
    child.state[_OBJECT] = environ
    below = parent.state.get(_BELOW)
    if below is not None:
        child.state[_BELOW] = below.copy()


def _below(process: ThreadProcess) -> dict[Any, Any]:
    below: dict[Any, Any] | None = process.state.get(_BELOW)
    if below is None:
        process.state[_BELOW] = below = dict(process.environ or {})
    return below


@standing_in(_real_putenv)
def putenv(_os: Any, name: Any, value: Any, /) -> None:
    process = HERE.process
    if process is MAIN or process.environ is None:
        _real_putenv(name, value)
        return
    key = _encode(name)
    if "=" in os.fsdecode(name):
        raise ValueError("illegal environment variable name")
    if not key:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if "\0" in os.fsdecode(name) + os.fsdecode(value):
        raise ValueError("embedded null byte")
    _below(process)[key] = _encode(value)


@standing_in(_real_unsetenv)
def unsetenv(_os: Any, name: Any, /) -> None:
    process = HERE.process
    if process is MAIN or process.environ is None:
        _real_unsetenv(name)
        return
    key = _encode(name)
    if not key or b"=" in key or b"\0" in key:
        _real_unsetenv(name)  # raises
    _below(process).pop(key, None)


_real_reload_environ: Any = getattr(os, "reload_environ", None)


@standing_in(_real_reload_environ)
def reload_environ(_os: Any) -> None:
    process = HERE.process
    if process is MAIN or process.environ is None:
        _real_reload_environ()
        return
    process.environ = dict(_below(process))


def _encode(text: Any) -> Any:
    # As `os.environ` keeps them: bytes, and text on Windows.
    return os.fsdecode(text) if os.name == "nt" else os.fsencode(text)


def for_programs(process: ThreadProcess) -> dict[Any, Any] | None:
    """Return the environment of programs that a process starts, None if it is the main program's."""
    if process is MAIN or process.environ is None or _BELOW not in process.state:
        return None
    return dict(process.state[_BELOW])


def _take_over(process: ThreadProcess) -> None:
    if _OBJECT in process.state:
        _os_dict["environ"] = process.state[_OBJECT]
    below = for_programs(process)
    if below is None:
        return
    data = _genuine._data
    for key in data.keys() - below.keys():
        _real_unsetenv(key)
    for key, value in below.items():
        _real_putenv(key, value)
    data.clear()
    data.update(process.environ)


def install(journal: Journal) -> None:
    """Give each process its own variables while there are thread processes."""
    _identity.at_start(_inherit)
    presence.on_real_fork(_take_over)
    journal.undo(presence.during(_lay_on, _lift))
