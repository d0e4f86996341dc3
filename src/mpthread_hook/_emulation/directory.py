"""Working directory and file mode mask of each process, where the kernel keeps them by thread.

On Linux the main thread of a thread process stops sharing them with the rest of the program when it starts
(`unshare(CLONE_FS)`, no privilege needed, under 1 µs); threads that it starts share them with it.  Where
that cannot be done (other systems; sandboxes that refuse the call) they are shared by the whole program.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from _thread import start_new_thread as _start_new_thread

from .. import _identity
from .._identity import HERE, shield
from . import presence
from .descriptors import keep_support, resolve, standing_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._hook.journal import Journal
    from .._identity import Thread, ThreadProcess

_CLONE_FS = 0x200

_real_chdir = os.chdir
_real_fchdir: Any = getattr(os, "fchdir", None)
_real_umask: Any = getattr(os, "umask", None)

_active = False
#: Processes whose thread has not parted from its parent yet, with what it has to restore then.
_pending: dict[ThreadProcess, dict[str, Any]] = {}
_unshare: Callable[[], bool] | None = None


def _find_unshare() -> Callable[[], bool]:
    if not sys.platform.startswith("linux"):
        return _cannot
    if hasattr(os, "unshare"):
        return _with_os
    try:
        return _with_libc()
    except (ImportError, OSError, AttributeError):
        return _cannot


def _cannot() -> bool:
    return False


def _with_os() -> bool:
    try:
        os.unshare(_CLONE_FS)  # type: ignore[attr-defined]  # 3.12
    except OSError:
        return False
    return True


def _with_libc() -> Callable[[], bool]:
    # Only the C half of ctypes: the whole takes ten times as long to import, in the first start of a process.
    import _ctypes  # noqa: PLC0415 - 3.11 only

    native: Any = _ctypes
    c_int = type("c_int", (native._SimpleCData,), {"_type_": "i"})
    # The GIL is kept: giving it up costs more than the call.
    flags = native.FUNCFLAG_CDECL | native.FUNCFLAG_PYTHONAPI
    kind = type("Function", (native.CFuncPtr,), {"_flags_": flags, "_restype_": c_int})
    function = kind(native.dlsym(native.dlopen(None, 0), "unshare"))
    return lambda: function(_CLONE_FS) == 0


def part() -> bool:
    """Stop sharing them between the calling thread and others; returns whether that could be done."""
    global _unshare
    if _unshare is None:
        _unshare = _find_unshare()
    if _unshare():
        return True
    _unshare = _cannot  # a refusal is for good
    return False


def possible() -> bool:
    """Return whether each process has its own; tries it in a thread that exists for nothing else."""
    if _unshare is not None:
        return _unshare is not _cannot
    answers: list[bool] = []
    done = allocate_lock()
    done.acquire()

    def attempt() -> None:
        try:
            answers.append(part())
        finally:
            done.release()

    try:
        _start_new_thread(attempt, ())
    except RuntimeError:
        return False
    done.acquire()
    return bool(answers and answers[0])


def _created(_parent: ThreadProcess, child: ThreadProcess) -> None:
    global _unshare
    if not _active:
        return
    if _unshare is None:  # here, where one thread looks for it: thousands of children would do it at the same time
        _unshare = _find_unshare()
    if _unshare is not _cannot:
        with shield, presence.lock:
            _pending[child] = {}


def _entered(thread: Thread) -> None:
    process = thread.process
    if thread is not process.main or process not in _pending:
        return
    # Out of the lock, for which other threads would queue while this one waits for the GIL after the call.
    # What the parent changes from now on it remembers for us as well, and it is what we have anyway.
    with shield:
        parted = part()
        with presence.lock:
            restore = _pending.pop(process, {})
        if parted and "cwd" in restore:
            _real_chdir(restore["cwd"])
        if parted and "umask" in restore:
            _real_umask(restore["umask"])


def _ended(process: ThreadProcess) -> None:
    with presence.lock:
        _pending.pop(process, None)


def _remember(key: str, value: Callable[[], Any]) -> None:
    """Keep what is about to change for children of the caller that have not parted from it."""
    for child, restore in _pending.items():
        if child.parent is HERE.process and key not in restore:
            restore[key] = value()


@standing_in(_real_chdir)
def chdir(_os: Any, path: Any) -> None:
    if not _pending:
        return _real_chdir(path)
    with shield, presence.lock:
        _remember("cwd", os.getcwd)
        return _real_chdir(path)


@standing_in(_real_fchdir)
def fchdir(_os: Any, fd: Any) -> None:
    if HERE.thread is not None:
        fd = resolve(fd)
    if not _pending:
        return _real_fchdir(fd)  # type: ignore[no-any-return]
    with shield, presence.lock:
        _remember("cwd", os.getcwd)
        return _real_fchdir(fd)  # type: ignore[no-any-return]


@standing_in(_real_umask)
def umask(_os: Any, mask: int, /) -> int:
    if not _pending:
        return _real_umask(mask)  # type: ignore[no-any-return]
    with shield, presence.lock:
        old: int = _real_umask(mask)
        _remember("umask", lambda: old)
        return old




def _deactivate() -> None:
    global _active
    _active = False


def install(journal: Journal) -> None:
    """Let each process part from its parent when it starts."""
    global _active
    _active = True
    _identity.at_start(_created)
    _identity.at_enter(_entered)
    _identity.at_end(_ended)
    keep_support(journal, _real_chdir, chdir)
    journal.undo(_deactivate)
