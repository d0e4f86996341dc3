"""The files of known hosts: plain names, patterns, hashed names, revoked keys (sshd(8))."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from fnmatch import fnmatchcase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: The port that names have without saying so.
PORT = 22
_HASHED = "|1|"


class Known:
    """What files say of one name: its keys by type, as they travel, and the keys that nobody may show again."""

    def __init__(self) -> None:
        self.keys: dict[str, set[bytes]] = {}
        self.revoked: set[bytes] = set()


def entry_name(host: str, port: int) -> str:
    """Return the name under which the files know a host."""
    host = host.lower()
    return host if port == PORT else f"[{host}]:{port}"


def line(name: str, key_type: str, blob: bytes) -> str:
    """Return the line that makes a key known."""
    return f"{name} {key_type} {base64.b64encode(blob).decode()}"


def fingerprint(blob: bytes) -> str:
    """Return the fingerprint that `ssh-keygen -l` shows."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def hashed(name: str) -> str:
    """Return what stands for a name in a file that is to tell nobody which hosts it knows."""
    salt = os.urandom(20)
    return f"{_HASHED}{_text(salt)}|{_text(hmac.digest(salt, name.encode(), 'sha1'))}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def add(path: str, name: str, key_type: str, blob: bytes) -> None:
    """Make a key known: add its line to a file, which is made if it is not there, with its directory."""
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        os.makedirs(directory, 0o700)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
        file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
        start = "" if file.read(1) in {b"", b"\n"} else "\n"
        # In one piece, since others add to it, too.
        file.write(f"{start}{line(name, key_type, blob)}\n".encode())


def read(paths: Iterable[str], name: str) -> Known:
    """Return what the files say of ``name``; a file that cannot be read says nothing, a broken line neither."""
    known = Known()
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                for text in file:
                    _take(known, text, name)
        except OSError:
            continue
    return known


def split(line: str) -> tuple[str, list[str]]:
    """Return the marker of a line, empty for none, and its other fields: none for a comment or a blank line."""
    words = [] if line.lstrip().startswith("#") else line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    return marker, words


def _take(known: Known, text: str, name: str) -> None:
    marker, words = split(text)
    # Keys that sign the keys of hosts: paramiko asks no host for such a certificate.
    if len(words) < 3 or words[0].startswith("#") or marker == "@cert-authority" or not matches(words[0], name):
        return
    try:
        blob = base64.b64decode(words[2], validate=True)
    except binascii.Error:
        return
    if marker == "@revoked":
        known.revoked.add(blob)
    elif not marker:
        known.keys.setdefault(words[1], set()).add(blob)


def matches(field: str, name: str) -> bool:
    """Return whether the first field of a line, which has no marker, stands for a host of that name."""
    if field.startswith(_HASHED):
        try:
            salt, digest = (base64.b64decode(part) for part in field[len(_HASHED) :].split("|"))
        except ValueError:
            return False
        return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
    found, name = False, name.lower()  # an alias stands as the user wrote it
    for pattern in field.lower().split(","):
        # Brackets belong to the name here, and are no set of characters.
        if fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found
