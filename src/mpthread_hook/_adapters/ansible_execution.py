"""Whether Ansible's modules run in this program or in programs of their own.

They run here when the platform refuses to start a program.  The environment variable
``MPTHREAD_HOOK_ANSIBLE_MODULES`` decides otherwise: ``in-process`` runs them here wherever we are (which is
many times faster), ``exec`` never does, ``auto`` is the same as leaving it out.
"""

from __future__ import annotations

import errno
import os
import sys

try:
    # Not those of `os`, which answer for thread processes.
    from posix import execv as _execv
    from posix import posix_spawn as _posix_spawn
except ImportError:  # not a POSIX system, or one without posix_spawn()
    _execv = _posix_spawn = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "MPTHREAD_HOOK_ANSIBLE_MODULES"

#: Where nothing is tried: fork() may exist there all the same, and calling it locks up or ends the program.
_NEVER = frozenset(("ios", "tvos", "watchos", "visionos", "emscripten", "wasi"))
_REFUSALS = frozenset((errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP))
#: A file that no system can have, since its parent is none: what starts it fails before it has any effect.
_NOWHERE = os.path.join(os.devnull, "mpthread_hook")

_refusal: OSError | None = None
_asked = False


def refusal() -> OSError | None:
    """Return the error that starting a program meets on this platform, None where programs can be started.

    Found out once: by the name of the platform, else by starting a file that cannot exist.
    """
    global _asked, _refusal
    if not _asked:
        _refusal = _by_name() or _by_trying(_exec) or _by_trying(_spawn)
        _asked = True
    return _refusal


def _by_name() -> OSError | None:
    android = sys.platform == "android" or hasattr(sys, "getandroidapilevel")
    # Android has programs, but an app has no interpreter among them; Termux and its like do.
    if sys.platform in _NEVER or (android and not sys.executable):
        return OSError(errno.ENOTSUP, f"{sys.platform} does not support processes.")
    return None


def _by_trying(attempt: Callable[[], object]) -> OSError | None:
    try:
        attempt()
    except OSError as error:
        # A copy: the error itself would keep the frames of whoever asked first.
        return OSError(error.errno, os.strerror(error.errno)) if error.errno in _REFUSALS else None
    return None


def _exec() -> None:
    # Tells whether exec is refused without a fork.
    if _execv is not None:
        _execv(_NOWHERE, [_NOWHERE])


def _spawn() -> None:
    if _posix_spawn is not None:
        _posix_spawn(_NOWHERE, [_NOWHERE], {})


def in_process() -> bool:
    """Return whether modules run in this program; ValueError if the variable says something else."""
    choice = os.environ.get(VARIABLE, "") or "auto"
    if choice == "auto":
        return refusal() is not None
    if choice not in {"in-process", "exec"}:
        raise ValueError(f"{VARIABLE} must be 'in-process', 'exec' or 'auto', not {choice!r}")
    return choice == "in-process"


def reason() -> str:
    """Return why no program can be started here, in a few words."""
    error = refusal()
    return f"no program can be started on this platform ({error.strerror if error is not None else 'by choice'})"


def explain(program: str) -> str:
    """Return the sentence that a user reads when a program would have to be started and cannot be."""
    return f"cannot run {program!r}: {reason()}, so only modules that start none can do their work here"
