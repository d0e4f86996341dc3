"""Sessions that outlive the worker that made them, where ssh would keep its connection (`ControlPersist`).

A worker is a process of its own, and lasts for one task.  Its idle sessions go back here when it ends, and the next one
that wants exactly the same host, user and credentials takes them.  One session serves one worker at a time, so that
nobody shares the fate of a worker that is killed, nor the server's limit of commands in one connection.
"""

from __future__ import annotations

import atexit
import functools
from _thread import allocate_lock
from typing import TYPE_CHECKING

from .._identity import MAIN, acting_as, at_exit, call_later, cancel, reserve, shield

if TYPE_CHECKING:
    from .ssh_session import Session, Target

#: As many sessions wait here.  Each has a descriptor and a thread, and a phone allows a program 256 descriptors.
_MOST = 64

_lock = allocate_lock()
#: Idle sessions, the one that waits longest first, each with the key of the call that ends it.
_idle: dict[Session, int | None] = {}


def take(target: Target, mine: dict[Target, Session]) -> Session | None:
    """Move an idle session with this target to ``mine`` and return it; None if there is none that takes commands."""
    while True:
        # A worker that is killed in here has the session either not at all or among its own, where its end finds it.
        with shield, _lock:
            found = next((session for session in reversed(_idle) if session.target == target), None)
            if found is None:
                return None
            key = _idle.pop(found)
            mine[target] = found
        if key is not None:
            cancel(key)
        if found.resume():
            return found
        mine.pop(target, None)
        found.hang_up()


def give(session: Session) -> None:
    """Keep an idle session for as long as its target says, in seconds; one too many ends."""
    persist = session.target.persist
    key = reserve() if persist else None
    with shield, _lock:
        _idle[session] = key
        oldest = next(iter(_idle)) if len(_idle) > _MOST else None
    if persist:
        call_later(persist, functools.partial(_expire, session, key), key)
    if oldest is not None:
        _expire(oldest)


def drop(target: Target) -> None:
    """End all idle sessions with this target."""
    with shield, _lock:
        found = [session for session in _idle if session.target == target]
    for session in found:
        _expire(session)


def _expire(session: Session, due: int | None = None) -> None:
    # Not one that was taken in the meantime, nor, when its time is over, one that was given back for another time.
    with shield, _lock:
        there = session in _idle and (due is None or due == _idle[session])
        key = _idle.pop(session) if there else None
    if there:
        if key is not None:
            cancel(key)
        session.hang_up()


def _end() -> None:
    with shield, _lock:
        found = list(_idle)
    for session in found:
        _expire(session)


# The first one to import this may be a worker, whose end this is not about.
with acting_as(MAIN):
    atexit.register(_end)
at_exit(_end)
