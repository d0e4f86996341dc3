"""What is set at a logger (`logging`), of each process: handlers, filters, level and flags.

A child begins with what its parent has; what it changes after that is its own: a worker that sends its records
through a queue must not do so for the process that reads the queue and handles them.  What a module sets while it
is imported is everybody's, whichever process imports it first.  The loggers and handlers themselves are shared.

A list is copied when a child first looks at it; a level or a flag when it sets it.
"""

from __future__ import annotations

import functools
import sys
from _weakref import ref

from .._identity import HERE, MAIN, PROCESSES, ThreadProcess, at_end, at_start
from . import presence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    from .._hook.journal import Journal

#: Key in the state of a process: what it has at its loggers, by logger and name.
_OWN = "loggers"
#: The same: weak references to the handlers that it has made.
_HANDLERS = "handlers of logging"
_LISTS = ("handlers", "filters")
_VALUES = ("disabled", "level", "propagate")


def _own() -> dict[tuple[Any, str], Any] | None:
    """Return what the calling process has of its own; None for the main program."""
    process = HERE.process
    if process is MAIN or process.ended:
        return None
    state = process.state
    return state[_OWN] if _OWN in state else state.setdefault(_OWN, {})  # type: ignore[no-any-return]


def _first_look(logger: Any, name: str) -> Any:
    shared = logger.__dict__[name]
    own = _own()
    if own is None:
        return shared
    if name == "_cache":
        return own.setdefault((logger, name), {})
    return own.setdefault((logger, name), shared.copy()) if name in _LISTS else shared


def _others(logger: Any, name: str) -> Iterator[Any]:
    """Yield what processes have of their own of an attribute."""
    for process in tuple(PROCESSES.values()):
        own = process.state.get(_OWN, {})
        if (logger, name) in own:
            yield own[logger, name]


def _in_an_import() -> bool:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return frame.f_globals.get("__name__") not in ("__main__", "__mp_main__")
        frame = frame.f_back
    return False


def _attribute(name: str) -> property:
    """Return what stands in for an attribute of `logging.Logger`: what the calling process has there."""

    def get(self: Any) -> Any:
        process = HERE.process
        try:
            if process is not MAIN:
                own = process.state.get(_OWN)
                return _first_look(self, name) if own is None or (self, name) not in own else own[self, name]
            return self.__dict__[name]
        except KeyError:
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=self) from None

    def put(self: Any, value: Any) -> None:
        own = _own()
        if own is None or name not in self.__dict__:
            self.__dict__[name] = value
            return
        own[self, name] = value
        if _in_an_import():
            self.__dict__[name] = value
            if name == "level":
                _forget_what_is_enabled(self.manager)

    def delete(self: Any) -> None:
        del self.__dict__[name]

    return property(get, put, delete)


def _forget_what_is_enabled(manager: Any) -> None:
    for logger in (manager.root, *tuple(manager.loggerDict.values())):
        cache = vars(logger).get("_cache")
        if cache is not None:
            for enabled in (cache, *_others(logger, "_cache")):
                enabled.clear()


def _inherit(parent: ThreadProcess, child: ThreadProcess) -> None:
    own = parent.state.get(_OWN)
    if own:
        child.state[_OWN] = {
            key: value.copy() if key[1] in _LISTS else value
            for key, value in own.copy().items()
            if key[1] != "_cache"
        }


def _forget(process: ThreadProcess) -> None:
    process.state.pop(_OWN, None)


def _handlers() -> list[Any]:
    """Return weak references to the handlers that the calling process has made.

    A new program flushes and closes them at its end, a forked child does not.
    """
    process = HERE.process
    own: list[Any] | None = process.state.get(_HANDLERS)
    if own is None:
        own = process.state.setdefault(_HANDLERS, [])
        if process.method != "fork":
            process.atexit.insert(0, (sys.modules["logging"].shutdown, (own,), {}))
    return own


def _install_end(journal: Journal, logging: Any) -> None:
    """Keep handlers that a process makes for its own end, and not for the program's."""
    stock_add, stock_shutdown = logging._addHandlerRef, logging.shutdown

    def _addHandlerRef(handler: Any) -> None:
        if HERE.process is MAIN or _in_an_import():
            stock_add(handler)
            return
        own = _handlers()

        def forget(reference: Any) -> None:
            if reference in own:
                own.remove(reference)

        own.append(ref(handler, forget))

    @functools.wraps(stock_shutdown)
    def shutdown(handlerList: Any = None) -> None:
        if handlerList is None and HERE.process is not MAIN:
            handlerList = _handlers()
        stock_shutdown(*() if handlerList is None else (handlerList,))

    journal.set(logging, "_addHandlerRef", _addHandlerRef)
    journal.set(logging, "shutdown", shutdown)


def install_config(journal: Journal) -> None:
    """Patch `logging.config`: a new configuration ends the handlers of the process that makes it."""
    module: Any = sys.modules["logging.config"]
    stock = module._clearExistingHandlers

    def _clearExistingHandlers() -> None:
        if HERE.process is MAIN:
            stock()
            return
        own = _handlers()
        module.logging.shutdown(own[:])
        own.clear()

    journal.set(module, "_clearExistingHandlers", _clearExistingHandlers)


def install(journal: Journal) -> None:
    """Give each process its own while there are thread processes."""
    import logging  # noqa: PLC0415 - called once it has been imported

    loggers: Any = logging.Logger
    real_add = loggers.addHandler

    def addHandler(self: Any, hdlr: Any) -> None:
        real_add(self, hdlr)
        if HERE.process is not MAIN and _in_an_import():
            for handlers in (self.__dict__["handlers"], *_others(self, "handlers")):
                if hdlr not in handlers:
                    handlers.append(hdlr)

    for name in ("__doc__", "__module__", "__qualname__"):
        setattr(addHandler, name, getattr(real_add, name))
    attributes = {name: _attribute(name) for name in (*_LISTS, *_VALUES, "_cache")}

    def lay_on() -> None:
        for name, attribute in attributes.items():
            if name not in vars(loggers):
                setattr(loggers, name, attribute)
        if vars(loggers).get("addHandler") is real_add:
            loggers.addHandler = addHandler

    def lift() -> None:
        for name, attribute in attributes.items():
            if vars(loggers).get(name) is attribute:
                delattr(loggers, name)
        if vars(loggers).get("addHandler") is addHandler:
            loggers.addHandler = real_add

    _install_end(journal, logging)
    at_start(_inherit)
    at_end(_forget)
    journal.undo(presence.during(lay_on, lift))
