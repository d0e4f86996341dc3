"""Time: one thread for all alarms, alive only while there is one."""

from __future__ import annotations

import os
from _thread import allocate_lock

from .records import LONGEST, MAIN, Mutex, monotonic, real_start_new_thread, report
from .waits import shield, unlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Clock:
    """Calls functions later, from one thread that exists only while something is due."""

    def __init__(self) -> None:
        self._lock = Mutex()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._wake: Any = None

    def reserve(self) -> int:
        """Return a key for a call that is going to be added."""
        with self._lock:
            self._count += 1
            return self._count

    def add(self, when: float, function: Callable[[], object], key: int) -> None:
        with self._lock:
            self._due.append((when, key, function))
            wake, running = self._wake, self._wake is not None
            if not running:
                self._wake = allocate_lock()
                self._wake.acquire()
        if running:
            unlock(wake)
            return
        try:
            real_start_new_thread(self._loop, ())
        except RuntimeError:
            with self._lock:
                self._wake = None  # the next one that adds a call tries again

    def cancel(self, key: int) -> None:
        with self._lock:
            self._due = [entry for entry in self._due if entry[1] != key]
            wake = self._wake
        if wake is not None:
            unlock(wake)

    def _loop(self) -> None:
        while True:
            with self._lock:
                if not self._due:
                    self._wake = None
                    return
                entry = min(self._due)
                left = entry[0] - monotonic()
                wake = self._wake
                if left <= 0:
                    self._due.remove(entry)
            if left > 0:
                wake.acquire(True, min(left, LONGEST))
                continue
            try:
                entry[2]()
            except BaseException as error:
                report(MAIN, error)


_clock = _Clock()


def reserve() -> int:
    """Return a key for a call that is going to be made later."""
    return _clock.reserve()


def call_later(seconds: float, function: Callable[[], object], key: int | None = None) -> int:
    """Call ``function()`` after ``seconds`` in a thread of the main program; returns a key for `cancel`.

    ``key`` is one that was reserved before.
    """
    key = _clock.reserve() if key is None else key
    with shield:
        _clock.add(monotonic() + seconds, function, key)
    return key


def cancel(key: int) -> None:
    """Take a `call_later` back; nothing happens if it was called already."""
    _clock.cancel(key)


def _after_real_fork() -> None:
    global _clock
    _clock = _Clock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_real_fork)
