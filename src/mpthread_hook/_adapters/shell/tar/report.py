"""What `tar` says: lines of output, complaints, and the status that follows from them."""

from __future__ import annotations

import errno
import os
import re
import unicodedata

from ..answer import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ..running import Shell

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\\": "\\\\",
}


class Fatal(Exception):
    """There is nothing more to be done; the lines that say so are in the report."""


class Report:
    """Collects what is said.

    ``utf8`` says whether characters beyond ASCII are written as they are, ``silent`` has the kinds of warnings that
    nobody wants.
    """

    def __init__(self, *, utf8: bool, silent: Collection[str] = ()) -> None:
        self.utf8 = utf8
        self._silent = silent
        self._out: list[str] = []
        self._err: list[str] = []
        self.status = 0

    def line(self, text: str) -> None:
        """Write a line of output."""
        self._out.append(f"{text}\n")

    def warn(self, text: str, *, program: str = "tar: ", kind: str = "") -> None:
        """Complain, and go on as if nothing had been."""
        if kind not in self._silent:
            self._err.append(f"{program}{text}\n")

    def error(self, text: str) -> None:
        """Complain, and go on; the status will say so."""
        self.warn(text)
        self.status = 2

    def fatal(self, text: str) -> Fatal:
        """Complain, and return what is to be raised."""
        self.error(text)
        return self.hopeless()

    def hopeless(self) -> Fatal:
        """Return what is to be raised after a complaint."""
        self.error("Error is not recoverable: exiting now")
        return Fatal()

    def differs(self, name: str, what: str = "") -> None:
        """Say how a file differs from its member."""
        if what:
            self.line(f"{self.shown(name, ':')}: {what}")
        self.status = self.status or 1

    def failed(self, name: str, what: str, error: Exception) -> None:
        """Complain that something cannot be done to a file."""
        # Numbers that the system does not know are errors of another kind here.
        number = getattr(error, "errno", None) or errno.EINVAL
        self.error(f"{self.shown(name, ':')}: Cannot {what}: {os.strerror(number)}")

    def shown(self, name: str, more: str = "") -> str:
        """Return a name with everything escaped that would not be seen as it is, and the characters ``more``."""
        found = []
        for char in name:
            if char in _ESCAPES:
                found.append(_ESCAPES[char])
            elif char in more:
                found.append("\\" + char)
            elif (char.isprintable() or unicodedata.category(char) == "Zs") and (self.utf8 or char.isascii()):
                found.append(char)
            else:
                found += [f"\\{byte:03o}" for byte in os.fsencode(char)]
        return "".join(found)

    def quoted(self, name: str) -> str:
        """Return a name between quotation marks."""
        if self.utf8:
            return f"\u2018{self.shown(name)}\u2019"
        return "'" + self.shown(name, "'") + "'"

    def answer(self) -> Answer:
        """Return all that was said."""
        return Answer(self.status, os.fsencode("".join(self._out)), os.fsencode("".join(self._err)))


def is_utf8(shell: Shell) -> bool:
    """Return whether the variables of a shell ask for UTF-8."""
    return re.search("utf-?8", shell.locale("LC_CTYPE"), re.IGNORECASE) is not None
