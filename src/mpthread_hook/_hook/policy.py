"""Whether this platform needs us: named probes, each with a sentence, read by the policy, `doctor` and tests.

A probe is run when somebody asks, and answers for the interpreter as it is without us.
"""

from __future__ import annotations

import os
import sys

from .. import _switch
from .._served import real_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    #: Whether it works; None where it does not matter or was not tried; and a sentence.
    Answer = tuple[bool | None, str]


def _platform() -> Answer:
    name = _switch.PLATFORMS.get(sys.platform)
    if name is None and hasattr(sys, "getandroidapilevel"):
        name = "Android"
    if name is not None:
        return False, f"the platform is {name}, where a program cannot make processes"
    return True, f"sys.platform is {sys.platform!r}, where programs make processes"


def _lambda() -> Answer:
    name = os.environ.get(_switch.LAMBDA)
    if name is not None:
        return False, f"this is the AWS Lambda function {name!r}: no semaphores there"
    return True, "this is not AWS Lambda"


def _extension() -> Answer:
    if sys.platform in _switch.PLATFORMS:
        return None, "not looked for: it would not matter on this platform"
    if real_module("_multiprocessing") is None:
        return False, "this interpreter has no _multiprocessing"
    return True, "_multiprocessing can be imported"


def _semaphores() -> Answer:
    if sys.platform in _switch.PLATFORMS:
        return None, "not tried: it would not matter on this platform"
    module = real_module("_multiprocessing")
    if module is None:
        return False, "no semaphores: this interpreter has no _multiprocessing"
    kind = getattr(module, "SemLock", None)
    if kind is None:
        return False, "_multiprocessing has no SemLock: this platform has no usable sem_open"
    try:
        kind(1, 0, 1, f"/mpthread-{os.getpid()}", True)
    except OSError as error:
        return False, f"a semaphore cannot be made: {error}"
    return True, "semaphores can be made"


def _threads() -> Answer:
    from _thread import allocate_lock, start_new_thread  # noqa: PLC0415 - absent names say it, too

    done = allocate_lock()
    done.acquire()
    try:
        start_new_thread(done.release, ())
    except RuntimeError as error:
        return False, f"threads cannot be started ({error}): served modules import, but no process starts"
    done.acquire()
    return True, "threads can be started"


def _forking() -> Answer:
    # Never tried: where it is forbidden, a fork may hang or kill the program (iOS).
    if sys.platform in _switch.PLATFORMS:
        return None, "not tried: it may hang or kill the program on this platform"
    if not hasattr(os, "fork"):
        return None, "this platform has no os.fork"
    return None, "os.fork exists; nobody knows before trying whether it is allowed"


#: Every probe, by name.  Those in `DECIDING` turn the hook on when their answer is False.
PROBES: dict[str, Callable[[], Answer]] = {
    "platform": _platform,
    "lambda": _lambda,
    "extension": _extension,
    "semaphores": _semaphores,
    "threads": _threads,
    "fork": _forking,
}
#: From cheap to dear: the first that says no decides.
DECIDING = ("platform", "lambda", "extension", "semaphores")


def probe(name: str) -> Answer:
    """Run one probe; a probe that fails itself answers None and says how."""
    try:
        return PROBES[name]()
    except Exception as error:
        return None, f"the probe failed: {type(error).__name__}: {error}"


def decide() -> tuple[bool, str]:
    """Return what `MPTHREAD_HOOK` and the probes say, and the sentence that gives the reason."""
    said = _switch.words()
    if "0" in said:
        return False, f"off: {_switch.VARIABLE} is 0"
    if "1" in said:
        return True, f"on: {_switch.VARIABLE} is 1"
    for name in DECIDING:
        works, sentence = probe(name)
        if works is False:
            return True, f"on: {sentence}"
    return False, "off: processes work here (every probe says so); MPTHREAD_HOOK=1 turns it on all the same"
