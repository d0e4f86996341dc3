"""Which process am I?  The record of every thread process, and the few things that everything asks of it.

A *thread process* is a record (`ThreadProcess`) and the threads that belong to it.  A thread finds its
record through `HERE`, a C-level thread-local whose *class* attributes answer for every thread that was
never told otherwise: so the main program pays one attribute look-up (about 45 ns) and stores nothing,
and no `contextvars.Context().run()` can make a thread forget whose it is.

Death is logical first and physical second.  `kill()` fences the record (`status` is set): from that
moment its holds are released and every primitive of ours that one of its threads touches raises
`ProcessExit` or does nothing, exactly as if the process were gone.  Its threads then unwind; one that is
blocked in foreign C code is given `GRACE` seconds by whoever waits for the process, and abandoned by name.

Waiting: every wait of ours ends in `park()`, on a private lock that the waker releases.  `kill()` and
`deliver()` release it too, so a wait never outlives the process, and needs no polling.

`records` is what a process is, `waits` how its threads wait and are interrupted, `clock` what is due later, `life`
how a process begins and ends, `signals` what reaches it meanwhile.  Each imports only those before it.

Loaded early: imports only what every interpreter has loaded when `site` runs.
"""

from __future__ import annotations

from .clock import call_later, cancel, reserve
from .life import (
    abandon,
    adopt,
    create,
    created,
    end,
    kill,
    on_the_threshold,
    poll,
    reap,
    spawn_thread,
    start,
    unwatch,
    wait,
    watch,
)
from .records import (
    ENDINGS,
    FENCED,
    GRACE,
    HERE,
    LONGEST,
    MAIN,
    PICKLER,
    PROCESSES,
    SIG_DFL,
    SIG_IGN,
    SIGKILL,
    Mutex,
    ProcessExit,
    Thread,
    ThreadProcess,
    acting_as,
    at_death,
    at_end,
    at_enter,
    at_exit,
    at_leave,
    at_start,
    at_unwind,
    current,
    exit_program,
    monotonic,
    real_close,
    real_dup,
    real_getpid,
    real_pipe,
    real_read,
    real_start_new_thread,
    real_write,
    report,
    report_unraisable,
)
from .signals import SIGNAL_ORIGIN, deliver, ignored_by_default, settle, unblock
from .waits import (
    CODE_OF_WAITS,
    DeadlinePassed,
    WaitQueue,
    alert_program,
    checkpoint,
    discard,
    fenced,
    free_threaded,
    park,
    shield,
    unlock,
    wait_thread,
    watch_program,
)

__all__ = [
    "CODE_OF_WAITS",
    "ENDINGS",
    "FENCED",
    "GRACE",
    "HERE",
    "LONGEST",
    "MAIN",
    "PICKLER",
    "PROCESSES",
    "SIGKILL",
    "SIGNAL_ORIGIN",
    "SIG_DFL",
    "SIG_IGN",
    "DeadlinePassed",
    "Mutex",
    "ProcessExit",
    "Thread",
    "ThreadProcess",
    "WaitQueue",
    "abandon",
    "acting_as",
    "adopt",
    "alert_program",
    "at_death",
    "at_end",
    "at_enter",
    "at_exit",
    "at_leave",
    "at_start",
    "at_unwind",
    "call_later",
    "cancel",
    "checkpoint",
    "create",
    "created",
    "current",
    "deliver",
    "discard",
    "end",
    "exit_program",
    "fenced",
    "free_threaded",
    "ignored_by_default",
    "kill",
    "monotonic",
    "on_the_threshold",
    "park",
    "poll",
    "real_close",
    "real_dup",
    "real_getpid",
    "real_pipe",
    "real_read",
    "real_start_new_thread",
    "real_write",
    "reap",
    "report",
    "report_unraisable",
    "reserve",
    "settle",
    "shield",
    "spawn_thread",
    "start",
    "unblock",
    "unlock",
    "unwatch",
    "wait",
    "wait_thread",
    "watch",
    "watch_program",
]
