"""`pwd` where the platform lacks it: a database of one account."""

from __future__ import annotations

from . import account

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

account.require_posix("pwd")

struct_passwd = account.entry_class("pwd", "struct_passwd", "pw_name pw_passwd pw_uid pw_gid pw_gecos pw_dir pw_shell")


def _own() -> Any:
    return struct_passwd((account.name(), "*", account.uid(), account.gid(), "", account.home(), ""))


def getpwuid(uid: int, /) -> Any:
    """Return the entry of a user id; KeyError if it is not the program's own."""
    own = _own()
    if account.check_id("uid", uid) != own.pw_uid:
        raise KeyError(f"getpwuid(): uid not found: {uid}")
    return own


def getpwnam(name: str, /) -> Any:
    """Return the entry of a user name; KeyError if it is not the program's own."""
    own = _own()
    if account.check_name("getpwnam", name) != own.pw_name:
        raise KeyError(f"getpwnam(): name not found: {name!r}")
    return own


def getpwall() -> list[Any]:
    """Return all entries, which is one."""
    return [_own()]
