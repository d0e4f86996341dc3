"""`grp` where the platform lacks it: a database of one group."""

from __future__ import annotations

from . import account

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

account.require_posix("grp")

struct_group = account.entry_class("grp", "struct_group", "gr_name gr_passwd gr_gid gr_mem")


def _own() -> Any:
    return struct_group((account.name(), "*", account.gid(), []))


def getgrgid(id: int) -> Any:
    """Return the entry of a group id; KeyError if it is not the program's own."""
    own = _own()
    if account.check_id("gid", id) != own.gr_gid:
        raise KeyError(f"getgrgid(): gid not found: {id}")
    return own


def getgrnam(name: str) -> Any:
    """Return the entry of a group name; KeyError if it is not the program's own."""
    own = _own()
    if account.check_name("getgrnam", name, "argument 'name'") != own.gr_name:
        raise KeyError(f"getgrnam(): name not found: {name!r}")
    return own


def getgrall() -> list[Any]:
    """Return all entries, which is one."""
    return [_own()]
