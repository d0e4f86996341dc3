"""Which processes there are at this moment, how old they are, what they do and where their threads stand."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from _thread import get_ident

from .. import _identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STDLIB = os.path.dirname(os.__file__) + os.sep
_SITE = tuple(os.path.join(_STDLIB, name) + os.sep for name in ("site-packages", "dist-packages"))


def _of_this_package(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _of_the_library(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith((_PACKAGE, "<frozen ")) or (
        name.startswith(_STDLIB) and not name.startswith(_SITE)
    )


def place(frame: FrameType | None) -> tuple[str, str]:
    """Return what a thread has called, or "", and the line that did, in words.

    The innermost line of the program; of the standard library where a thread runs nothing else.
    """
    for passed_over in (_of_the_library, _of_this_package):
        at, called = frame, None
        while at is not None and passed_over(at):
            at, called = at.f_back, at
        if at is not None:
            line = f"{os.path.basename(at.f_code.co_filename)}:{at.f_lineno} in {at.f_code.co_qualname}"
            return _called(called), line
    return _called(frame), ""


def _called(frame: FrameType | None) -> str:
    if frame is None:
        return ""
    if frame.f_code.co_name == "__call__":  # an object of ours that stands for a function
        stands = frame.f_locals.get("self")
        name = getattr(stands, "__name__", None)
        if name is not None:
            return f"{getattr(stands, '__module__', '')}.{name}"
    return frame.f_code.co_qualname


def processes() -> list[dict[str, Any]]:
    """Return the program and every thread process that nobody has waited for yet, as plain data.

    Each has ``pid``, ``ppid``, ``name``, ``method``, ``doing`` (what an adapter says of it, or ""), ``age`` in
    seconds, ``state`` ("running", "waiting", "ending" or "ended"), ``exitcode`` and ``threads``, the main one
    first: ``ident``, ``name``, ``waits``, ``called`` and ``at`` as in `place`, ``stack`` as text.  A thread
    that waits inside C code runs, as far as can be seen from here.
    """
    now = _identity.monotonic()
    # Nobody may look at the frames of a thread that runs at this moment: without a GIL, it does.
    frames = {} if _identity.free_threaded() else sys._current_frames()
    frames.pop(get_ident(), None)  # whoever asks
    found = []
    for process in sorted(_identity.PROCESSES.values(), key=lambda one: one.pid):
        main = process.main
        threads = [
            _thread(one.ident, frames.pop(one.ident, None), _name(one.object, one.ident), one.parked is not None)
            for one in sorted(process.threads.values(), key=lambda one: (one is not main, one.ident))
        ]
        found.append(_process(process, now, threads))
    first = threading.main_thread().ident
    threads = [
        _thread(ident, frame, _name(None, ident), parked=False)
        for ident, frame in sorted(frames.items(), key=lambda item: (item[0] != first, item[0]))
    ]
    return [_process(_identity.MAIN, now, threads), *found]


def _process(process: _identity.ThreadProcess, now: float, threads: list[dict[str, Any]]) -> dict[str, Any]:
    if process.ended:
        state = "ended"
    elif process.status is not None:
        state = "ending"
    else:
        state = "waiting" if threads and threads[0]["waits"] else "running"
    return {
        "pid": process.pid,
        "ppid": process.parent.pid if process.parent is not None else os.getppid(),
        "name": process.name,
        "method": process.method,
        "doing": process.doing,
        "age": now - process.started,
        "state": state,
        "exitcode": process.exitcode,
        "threads": threads,
    }


def _thread(ident: int, frame: FrameType | None, name: str, parked: bool) -> dict[str, Any]:
    called, at = place(frame)
    return {
        "ident": ident,
        "name": name,
        "waits": parked or (frame is not None and frame.f_code in _identity.CODE_OF_WAITS),
        "called": called,
        "at": at,
        "stack": "".join(traceback.format_stack(frame)) if frame is not None else "",
    }


def _name(shown: Any, ident: int) -> str:
    thread = shown if shown is not None else getattr(threading, "_active", {}).get(ident)
    return str(getattr(thread, "name", ""))
