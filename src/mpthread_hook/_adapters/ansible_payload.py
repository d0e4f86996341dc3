"""Runs what Ansible sends to a Python interpreter: AnsiballZ payloads, and any other script, in this program.

The payload is run unmodified.  What comes out the same for each of a thousand payloads that carry the same
zip is not done again: compiling the source around it and the modules in it, importing them, and, where the
source is one that we know (`ansible_wrapper`), writing the zip to a file and reading it back.
"""

from __future__ import annotations
import __future__

import base64
import binascii
import os
import re
import sys
import zipfile
from _thread import allocate_lock
from collections import deque

from .. import _identity
from . import ansible_wrapper, program_modules
from .archive import Archive
from .private_modules import Namespace
from .python_program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any, BinaryIO

# The zip in a payload: one literal in base 64, longer than any other text that looks like it.
_ZIP = re.compile(rb"'([A-Za-z0-9+/]{2000,}={0,2})'")
#: What stands for it in the source that is compiled.
_ZIP_NAME = "_mpthread_hook_zip"
_MAIN = b"\nif __name__ == "

#: Modules in which module code sets what holds for its process: `tempfile.tempdir`, the opener of `urllib`.
#: Not `logging`: every copy of it would register its hooks of fork, for good.
_OWN = frozenset(("tempfile", "urllib"))

# Where modules of payloads seem to lie: their zip files are removed with each run, the modules live on.
_PLACE = os.path.join(os.path.abspath(os.sep), "ansible_payload.zip")

_archives: dict[bytes, Archive] = {}
_heads: dict[bytes, tuple[CodeType, bool]] = {}
_MOST = 64


class Script:
    """The source of a script, taken apart so that what was seen before is not compiled again."""

    def __init__(self, source: bytes, filename: str) -> None:
        self._filename = filename
        self.zip_text: str | None = None
        self.archive: Archive | None = None
        found = _ZIP.search(source)
        if found is not None:
            text = found[1]
            self.archive = _archive(text)
            if self.archive is not None:
                self.zip_text = text.decode("ascii")
                source = b"%s%s%s" % (source[: found.start()], _ZIP_NAME.encode(), source[found.end() :])
        self._source = source

    def run(self, main: ModuleType, space: Namespace) -> None:
        """Execute the script in the namespace of ``main``."""
        names = vars(main)
        if self.zip_text is not None:
            names[_ZIP_NAME] = self.zip_text
        # Statement by statement the same as in one piece; only the last one differs between payloads.
        at = self._source.rfind(_MAIN) if self.archive is not None else -1
        if at < 0:
            exec(compile(self._source, self._filename, "exec", dont_inherit=True), names)
            return
        assert self.archive is not None
        start = self._source[:at]
        known = _heads.get(start)
        if known is None:
            head = compile(start, self._filename, "exec", dont_inherit=True)
            known = head, ansible_wrapper.is_known(head)
            _remember(_heads, start, known)
        head, is_known = known
        tail = b"\n" * (start.count(b"\n") + 1) + self._source[at + 1 :]
        code = compile(tail, self._filename, "exec", head.co_flags & _FUTURE, dont_inherit=True)
        exec(head, names)
        if is_known:
            ansible_wrapper.run(names, code, self.archive, space)
        else:
            exec(code, names)


# What `from __future__` leaves in the flags of code, for the statements that follow.
_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


def _remember(cache: dict[Any, Any], key: object, value: object) -> None:
    while len(cache) >= _MOST:
        cache.pop(next(iter(cache)), None)
    cache[key] = value


def _archive(text: bytes) -> Archive | None:
    archive = _archives.get(text)
    if archive is None:
        try:
            archive = Archive(base64.b64decode(text))
        except (binascii.Error, zipfile.BadZipFile):
            return None
        _remember(_archives, text, archive)
    return archive


# ---------------------------------------------------------------------------------------------------------
# Namespaces, one user at a time


class _Pool:
    """Namespaces that no program uses at the moment.

    Making one (running the code of fifty modules) costs as much as twenty programs that find one made.  So
    who finds none waits a little for one that is in use before it makes another.
    """

    #: Seconds to wait for a namespace in use, about what making one costs; longer while one is being made,
    #: since making several at a time takes as much longer.
    PATIENCE = 0.1
    LONGER = 0.5
    MOST_IDLE = 64

    def __init__(self) -> None:
        self._lock = _identity.Mutex()
        self._idle: list[Namespace] = []
        self._in_use = 0
        self._fresh: set[Namespace] = set()
        self._waiting: deque[Any] = deque()

    def acquire(self, archive: Archive) -> Namespace:
        """Return a namespace that a program in ``archive`` can use."""
        start = _identity.monotonic()
        space = self._take(archive)
        while space is None and self._in_use:
            left = start + (self.LONGER if self._fresh else self.PATIENCE) - _identity.monotonic()
            if left <= 0:
                break
            self._wait(left)
            space = self._take(archive)
        if space is None:
            space = Namespace(_PLACE, _OWN)
            with self._lock:
                self._in_use += 1
                self._fresh.add(space)
        return space

    def _wait(self, seconds: float) -> None:
        waiter = allocate_lock()
        waiter.acquire()
        self._waiting.append(waiter)
        try:
            _identity.park(waiter, seconds)
        finally:
            try:
                self._waiting.remove(waiter)
            except ValueError:
                pass

    def _take(self, archive: Archive) -> Namespace | None:
        with self._lock:
            for index in range(len(self._idle) - 1, -1, -1):
                if self._idle[index].suits(archive):
                    self._in_use += 1
                    return self._idle.pop(index)
        return None

    def release(self, space: Namespace, reusable: bool) -> None:
        """Give a namespace back; one that is not reusable is dropped."""
        if reusable:
            space.reset()
        with self._lock:
            self._in_use -= 1
            self._fresh.discard(space)
            if reusable:
                self._idle.append(space)
                del self._idle[: -self.MOST_IDLE]
        try:
            _identity.unlock(self._waiting.popleft())
        except IndexError:
            pass

    def clear(self) -> None:
        """Drop all of them."""
        with self._lock:
            self._idle.clear()


pool = _Pool()


def _drop(_space: Namespace, _reusable: bool) -> None:
    """Release the namespace of a script that nobody else can use."""


def program(
    arguments: Sequence[str],
    source: bytes,
    filename: str,
    *,
    environ: Mapping[str, str],
    cwd: str | None,
    stdin: bytes | BinaryIO = b"",
    detached: bool = False,
) -> Program:
    """Return a program that runs ``source`` as `python` would; ``arguments`` are its ``sys.argv``.

    ``filename`` is ``<stdin>`` or where the script lies.
    """
    script = Script(source, filename)
    archive = script.archive
    path = list(sys.__dict__["path"])
    start = [os.path.dirname(filename)]
    if archive is None:
        start += [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in path]

    def acquire() -> Namespace:
        process = _identity.HERE.process
        if archive is not None:
            space = pool.acquire(archive)
        else:
            space = Namespace(_PLACE, _OWN | program_modules.OWN, program_modules.is_private, program_modules.adapt)
            program_modules.enter(process)
        space.archive = archive
        space.enter(process, path, start)
        return space

    def execute(space: Namespace, main: ModuleType) -> None:
        if filename[:1] != "<":
            vars(main)["__file__"] = filename
        script.run(main, space)

    return Program(
        arguments,
        execute,
        acquire=acquire,
        release=pool.release if archive is not None else _drop,
        environ=environ,
        cwd=cwd,
        stdin=stdin,
        detached=detached,
    )
