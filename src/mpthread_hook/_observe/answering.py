"""Lets other programs of the same user ask what thread processes there are: `mpthread_hook ps`.

With the word ``ps`` in `MPTHREAD_HOOK` a thread of the program listens at a Unix socket, in a folder that only
the user may enter.  Whoever connects gets one JSON object; nothing is read from him.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import stat
import sys
import tempfile

from .. import _identity
from . import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds that whoever asks is given to take the answer, and that an answer is waited for.
PATIENCE = 5.0


def folder() -> str:
    """Return the folder of the sockets, which may not be there."""
    return os.path.join(tempfile.gettempdir(), f"mpthread_hook-{os.getuid()}")


def _own_folder() -> str:
    """Return the folder, made if need be; OSError if others may enter it."""
    path = folder()
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{path} is not a folder that only this user may enter")
    return path


def start() -> Answering:
    """Answer from now on, until the program's end or `stop()`.

    OSError where nothing can listen, AttributeError where there are no Unix sockets.
    """
    answering = Answering()
    atexit.register(answering.stop)
    _identity.at_exit(answering.stop)
    return answering


class Answering:
    """The socket, and a thread that answers at it."""

    def __init__(self) -> None:
        self._path = os.path.join(_own_folder(), str(os.getpid()))
        if os.path.lexists(self._path):
            os.unlink(self._path)  # of a program that had this pid before
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open = True
        try:
            self._listener.bind(self._path)
            self._listener.listen()
            _identity.real_start_new_thread(self._answer, ())
        except BaseException:
            self._listener.close()
            raise
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def stop(self) -> None:
        """Stop, and leave no file behind; may be called again."""
        if not self._open:
            return
        self._open = False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waking:
                waking.settimeout(PATIENCE)
                waking.connect(self._path)
            os.unlink(self._path)
        except OSError:  # somebody has tidied up, or too many files are open: the thread waits until the program's end
            pass

    def _forget(self) -> None:
        """In the child of a real fork, where the thread is not: leave the socket to the parent."""
        self._open = False
        self._listener.close()

    def _answer(self) -> None:
        with self._listener:
            while True:
                try:
                    asking, _ = self._listener.accept()
                except ConnectionAbortedError:  # he went away
                    continue
                except OSError:  # too many open files: who asks then is not answered, and nobody ever after
                    return
                with asking:
                    if not self._open:
                        return
                    asking.settimeout(PATIENCE)
                    try:
                        asking.sendall(json.dumps(_answer()).encode())
                    except OSError:  # he went away
                        pass


def _answer() -> dict[str, Any]:
    return {"command": sys.orig_argv, "python": sys.version.split()[0], "processes": listing.processes()}


def ask(pid: int) -> dict[str, Any] | None:
    """Return what the program ``pid`` answers; None if it does not listen (any more).

    OSError if others may enter the folder, TimeoutError if it listens and says nothing, ValueError if what it
    says makes no sense.
    """
    if not os.path.lexists(folder()):
        return None
    path = os.path.join(_own_folder(), str(pid))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PATIENCE)
        try:
            asking.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        parts = []
        while part := asking.recv(1 << 16):
            parts.append(part)
    answer: dict[str, Any] = json.loads(b"".join(parts))
    return answer


def programs() -> list[int]:
    """Return the pids of this user's programs that may answer; OSError if others may enter the folder."""
    if not os.path.lexists(folder()):
        return []
    return sorted(int(name) for name in os.listdir(_own_folder()) if name.isdecimal())
