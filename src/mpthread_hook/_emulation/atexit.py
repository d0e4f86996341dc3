"""Exit functions that belong to a process.

What a module registers while it is imported belongs to the program, whichever process imports it first.
"""

from __future__ import annotations

import atexit as _real
import sys

from .._identity import ENDINGS, HERE, MAIN, ProcessExit, report_unraisable
from . import presence
from .builtin import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from .._identity import ThreadProcess

functions = Functions(__name__)

_module: Any = _real  # its private names, which typeshed does not know
_real_register, _real_unregister = _real.register, _real.unregister
_real_run_exitfuncs, _real_clear = _module._run_exitfuncs, _module._clear
_real_ncallbacks = _module._ncallbacks


@functions
def register(_: object, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """As `atexit.register`: for the end of the calling process."""
    process = HERE.process
    if process is MAIN or _is_for_all(sys._getframe(1)):
        return _real_register(func, *args, **kwargs)
    if not callable(func):
        raise TypeError("the first argument must be callable")
    process.atexit.append((func, args, kwargs))
    return func


def _is_for_all(frame: FrameType) -> bool:
    """Return whether a module registers something for what all processes share, because one came first.

    That is: while it is imported (its objects are everybody's then), or from inside of the standard library
    (`weakref.finalize` registers itself when it is first used).
    """
    name = frame.f_globals.get("__name__", "")
    if frame.f_code.co_name == "<module>":
        return name not in ("__main__", "__mp_main__")
    root = name.partition(".")[0]
    return root in sys.stdlib_module_names and root != "multiprocessing"


@functions
def unregister(_: object, func: Callable[..., Any], /) -> None:
    """As `atexit.unregister`."""
    process = HERE.process
    if process is MAIN:
        return _real_unregister(func)
    process.atexit[:] = [entry for entry in process.atexit if not func == entry[0]]  # noqa: SIM201 - its order
    return None


@functions
def _run_exitfuncs(_: object) -> None:
    """As `atexit._run_exitfuncs`: last one first; one that fails is reported and the others run."""
    process = HERE.process
    if process is MAIN:
        _real_run_exitfuncs()
        return
    registered = process.atexit
    try:
        # What they register themselves is not run any more; nor, until 3.13, what they unregister.
        for entry in reversed(registered.copy()):
            if sys.version_info < (3, 14) and not any(entry is left for left in registered):
                continue
            func, args, kwargs = entry
            try:
                func(*args, **kwargs)
            except ProcessExit:
                raise
            except BaseException as error:
                _report(func, error)
    finally:
        registered.clear()


def _report(func: Callable[..., Any], error: BaseException) -> None:
    """Report an exception as the interpreter does for an exit function."""
    message = "Exception ignored in atexit callback"
    if sys.version_info >= (3, 13):
        report_unraisable(error, f"{message} {func!r}", None)
    else:
        report_unraisable(error, message, func)


@functions
def _clear(_: object) -> None:
    """As `atexit._clear`."""
    process = HERE.process
    if process is MAIN:
        _real_clear()
    else:
        process.atexit.clear()


@functions
def _ncallbacks(_: object) -> int:
    """As `atexit._ncallbacks`."""
    process = HERE.process
    return _real_ncallbacks() if process is MAIN else len(process.atexit)


def _take_over(process: ThreadProcess) -> None:
    """In the child of a real fork: what the forking process had registered is what the program has."""
    _real_clear()
    for func, args, kwargs in process.atexit:
        _real_register(func, *args, **kwargs)


presence.on_real_fork(_take_over)
ENDINGS["exit functions"] = _run_exitfuncs
