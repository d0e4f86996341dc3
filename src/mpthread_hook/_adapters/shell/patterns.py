"""Patterns of file names as `tar` and `unzip` know them: a star and a question mark match slashes, too."""

from __future__ import annotations

import re

from .syntax import Unsupported

#: Characters that make a pattern of a name.
WILDCARDS = re.compile(r"[*?\[\\]")
_CLASS = re.compile(r"\[:(\w+):\]")


def translate(pattern: str) -> str:
    """Return a regular expression for a pattern; `Unsupported` for a class of characters by name."""
    found = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            found.append(".*")
        elif char == "?":
            found.append(".")
        elif char == "\\" and at < len(pattern):
            found.append(re.escape(pattern[at]))
            at += 1
        elif char == "[":
            text, at = _bracket(pattern, at)
            found.append(text)
        else:
            found.append(re.escape(char))
    return f"(?s:{''.join(found)})"


def _bracket(pattern: str, start: int) -> tuple[str, int]:
    """Return what a bracket that is open at ``start`` matches, and where it ends; one without an end is itself."""
    at = start
    negative = pattern[at : at + 1] in {"!", "^"}
    at += negative
    end = pattern.find("]", at + 1)
    if end < 0:
        return r"\[", start
    inside = pattern[at:end]
    if _CLASS.search(inside + "]"):
        raise Unsupported(pattern)
    # A backslash quotes; a minus sign is a range between two characters, as in a regular expression.
    pieces = re.findall(r"\\(.)|(-)|(.)", inside, re.DOTALL)
    text = "".join(re.escape(quoted or plain) if quoted or plain else dash for quoted, dash, plain in pieces)
    try:
        re.compile(f"[{text}]")
    except re.error:  # a range from high to low matches nothing
        text = "" if negative else r"^\s\S"
        return (r"." if negative else r"[^\s\S]"), end + 1
    return f"[{'^' if negative else ''}{text}]", end + 1
