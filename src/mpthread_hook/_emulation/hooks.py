"""The hooks of `sys` and `threading` of each process: what shows a value, an exception, a fault.

Python code reads and assigns them through properties on the classes of both modules (see `module_class`).
The interpreter, and `threading` itself, look into the dict of the module instead: as soon as one of the
processes sets a hook, a `_Dispatcher` lies there, which calls the hook of the process that asks.  All of this only
while there are thread processes.
"""

from __future__ import annotations

import sys

from .. import _identity
from .._identity import HERE, MAIN, shield
from . import presence
from .module_class import class_with, take_off

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .._hook.journal import Journal
    from .._identity import ThreadProcess

#: Module and name of each hook, and the name of the one that a new program has.
_KEYS = {
    ("sys", "breakpointhook"): "__breakpointhook__",
    ("sys", "displayhook"): "__displayhook__",
    ("sys", "excepthook"): "__excepthook__",
    ("sys", "unraisablehook"): "__unraisablehook__",
    ("threading", "excepthook"): "__excepthook__",
}
#: Key in the state of a process: its hooks, or those of the main program that a dispatcher stands for.
_HOOKS = "hooks"
_ABSENT: Any = object()
_NAMESPACES = {"sys": sys.__dict__}
#: What was in the dict of the module before its dispatcher: what processes that came before have as well.
_before: dict[tuple[str, str], Any] = {}
_laid_on = False


class _Hooks:
    """The hooks of one process by module and name."""

    def __init__(self, values: dict[tuple[str, str], Any]) -> None:
        self.values = values
        # What was there before the last assignment: `unittest.mock.patch` finds a dispatcher in the dict of
        # the module and puts that back.
        self.before: dict[tuple[str, str], Any] = {}

    def put(self, key: tuple[str, str], value: Any, old: Any) -> None:
        self.values[key] = self.before.get(key, old) if isinstance(value, _Dispatcher) else value
        self.before[key] = old


class _Dispatcher:
    """Lies in the dict of a module and calls the hook of the calling process."""

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hook = _get(self.key)
        if hook is None:  # as the interpreter takes it
            hook = _default(self.key)
        return hook(*args, **kwargs)


_dispatchers = {key: _Dispatcher(key) for key in _KEYS}


def _default(key: tuple[str, str]) -> Any:
    return _NAMESPACES[key[0]].get(_KEYS[key], _ABSENT)


def _of(process: ThreadProcess) -> _Hooks:
    hooks: _Hooks | None = process.state.get(_HOOKS)
    if hooks is None:
        hooks = process.state.setdefault(_HOOKS, _Hooks({}))
    return hooks


def _value(process: ThreadProcess, key: tuple[str, str]) -> Any:
    hooks: _Hooks | None = process.state.get(_HOOKS)
    if hooks is not None and key in hooks.values:
        return hooks.values[key]
    value = _NAMESPACES[key[0]].get(key[1], _ABSENT)
    return _before.get(key, _ABSENT) if isinstance(value, _Dispatcher) else value


def _get(key: tuple[str, str]) -> Any:
    value = _value(HERE.process, key)
    if value is _ABSENT:
        raise AttributeError(f"module {key[0]!r} has no attribute {key[1]!r}")
    return value


def _put(key: tuple[str, str], value: Any) -> None:
    process, (module, name) = HERE.process, key
    with shield, presence.lock:
        namespace, old = _NAMESPACES[module], _value(process, key)
        _hang(key)
        if process is not MAIN or namespace.get(name) is _dispatchers[key]:
            _of(process).put(key, value, old)
        elif value is not _ABSENT:
            namespace[name] = value
        else:
            namespace.pop(name, None)


def _hang(key: tuple[str, str]) -> None:
    """Lay the dispatcher down, with the lock held."""
    namespace, name = _NAMESPACES[key[0]], key[1]
    value = namespace.get(name, _ABSENT)
    if _laid_on and value is not _dispatchers[key]:
        _before[key] = _of(MAIN).values[key] = value
        namespace[name] = _dispatchers[key]


def properties(module: str) -> dict[str, property]:
    """Return the properties that the class of a module gets."""

    def made(key: tuple[str, str]) -> property:
        def delete(_module: ModuleType) -> None:
            _get(key)
            _put(key, _ABSENT)

        return property(lambda _module: _get(key), lambda _module, value: _put(key, value), delete)

    return {key[1]: made(key) for key in _KEYS if key[0] == module}


# ---------------------------------------------------------------------------------------------------------
# On and off


_classes: dict[type, type] = {}


def _lay_on() -> None:
    global _laid_on
    _before.clear()
    _laid_on = True
    if "threading" in _NAMESPACES:
        _lay_on_threading()


def _lay_on_threading() -> None:
    threading = sys.modules["threading"]
    base = type(threading)
    if base not in _classes:
        _classes[base] = class_with(base, dict(properties("threading")))
    threading.__class__ = _classes[base]


def _lift() -> None:
    global _laid_on
    _laid_on = False
    values = _of(MAIN).values
    for key, dispatcher in _dispatchers.items():
        namespace = _NAMESPACES.get(key[0], {})
        if namespace.get(key[1]) is dispatcher:
            if values[key] is _ABSENT:
                del namespace[key[1]]
            else:
                namespace[key[1]] = values[key]
    MAIN.state[_HOOKS] = _Hooks({})
    threading = sys.modules.get("threading")
    if threading is not None:
        take_off(threading)


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    if not _laid_on:
        return
    values = {}
    if child.method == "fork":
        values = {key: _value(parent, key) for key in _before}
    else:
        for key in _KEYS:
            if key[0] in _NAMESPACES and (key in _before or _value(parent, key) is not _default(key)):
                values[key] = _default(key)
                with shield, presence.lock:
                    _hang(key)
    if values:
        child.state[_HOOKS] = _Hooks(values)


def _take_over(process: ThreadProcess) -> None:
    own = {**_before, **_of(process).values}
    for key, value in own.items():
        if value is not _ABSENT:
            _NAMESPACES[key[0]][key[1]] = value


def install(journal: Journal) -> None:
    """Give each process its own hooks of `sys` while there are thread processes."""
    _identity.at_start(_inherit)
    presence.on_real_fork(_take_over)
    journal.undo(presence.during(_lay_on, _lift))


def install_threading(_journal: Journal) -> None:
    """Do the same for `threading`."""
    _NAMESPACES["threading"] = vars(sys.modules["threading"])
    with shield, presence.lock:
        if _laid_on:  # threads of a process are left from when the hook was on before
            _lay_on_threading()
