"""Which thread processes there are, where each of their threads stands, and an end for those left over."""

from __future__ import annotations

import sys

from .. import _identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def alive() -> list[_identity.ThreadProcess]:
    """Return the thread processes that have not ended."""
    return [process for process in list(_identity.PROCESSES.values()) if not process.ended]


def leftover(timeout: float, known: Iterable[int] = ()) -> list[_identity.ThreadProcess]:
    """Wait up to ``timeout`` seconds for thread processes to end; returns those that did not.

    Those with a pid in ``known`` are not waited for, and not returned.
    """
    deadline = _identity.monotonic() + timeout
    here, old = _identity.current(), frozenset(known)
    return [
        process
        for process in list(_identity.PROCESSES.values())
        if process.pid not in old
        and process is not here
        and not _identity.wait(process, max(0.0, deadline - _identity.monotonic()))
    ]


def end(processes: Iterable[_identity.ThreadProcess]) -> None:
    """Kill thread processes, and wait until they have ended or are abandoned by name."""
    processes = list(processes)
    for process in processes:
        _identity.kill(process, -_identity.SIGKILL)
    for process in processes:
        _identity.wait(process)


def names(processes: Iterable[_identity.ThreadProcess]) -> str:
    """Return the processes in words."""
    return ", ".join(f"{process.name!r} (pid {process.pid})" for process in processes)


def stacks() -> str:
    """Return where every thread stands, the main program's first, each under the name of its process."""
    from traceback import format_stack  # noqa: PLC0415 - only reports need it

    frames = sys._current_frames()
    owners: dict[int, _identity.ThreadProcess] = {}
    for process in alive():
        owners.update(dict.fromkeys(list(process.threads), process))
    groups: dict[_identity.ThreadProcess, list[int]] = {_identity.MAIN: []}
    for ident in frames:
        groups.setdefault(owners.get(ident, _identity.MAIN), []).append(ident)
    lines = []
    for process, idents in groups.items():
        for ident in idents:
            part = "main thread" if process.main is not None and process.main.ident == ident else "thread"
            lines.append(f"--- process {process.name!r} (pid {process.pid}), {part} {ident}\n")
            lines.extend(format_stack(frames[ident]))
    return "".join(lines)


class AsMain:
    """Make the calling thread one of the main program inside the ``with`` block, in every respect.

    For moments only: a signal to its process, or the end of it, does not reach the thread meanwhile.
    """

    def __enter__(self) -> None:
        here = _identity.HERE
        self._saved = here.process, here.thread
        here.process, here.thread = _identity.MAIN, None

    def __exit__(self, *exc: object) -> None:
        _identity.HERE.process, _identity.HERE.thread = self._saved
