"""Known faults of ours: cases that differ from the stock package and should not.

No documented difference is among them (those are in `differences.py`, each with a reason that holds for any
design on threads).  A case here may differ until its fault is mended; then its line goes.
"""

from __future__ import annotations

#: What is wrong, by "topic.case" or "topic.case-method".
FAULTS: dict[str, str] = {
    "ending.ends_of_threads": "threading.excepthook is not threading.__excepthook__ in the main program",
    "ending.excepthook": "sys.excepthook is not sys.__excepthook__ in the main program",
    "ending.ends_without_streams-spawn": "an exception in a child without streams is reported twice",
    "handles.plain_pipe-fork": "plain descriptors are one table: closing one closes it for all",
    "identity.child_started_by_another_thread-fork": "the child's main thread is not named after its starter",
    "identity.thread_names_are_counted_anew-spawn": "unnamed threads of a spawned child count on",
    "signals.signals_are_fetched": "sigwaitinfo() does not tell the sender",
    "stopping.kill_what_waits_for_the_system-fork": "a killed asyncio loop can still write a warning",
    "streams.hooks_of_sys": "hooks of sys and threading are not their dunder twins",
}
