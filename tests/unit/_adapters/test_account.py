"""The substitutes for `pwd` and `grp`: one truthful account, the real modules' errors, and only where they lack."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import grp as real_grp
import os
import pwd as real_pwd
from typing import Any

import pytest

from mpthread_hook._adapters import account, grp, pwd
from tests.interpreters import answer, environment, this_path

pytestmark = pytest.mark.unit

#: Makes the modules absent, as on a platform that ships none.
HIDE = """
import json, sys
class Without:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name in ("pwd", "grp") else self.finder.find_spec(name, path, target)
    def __getattr__(self, name): return getattr(self.finder, name)
for name in ("pwd", "grp"): sys.modules.pop(name, None)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
"""


def test_the_account_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name and home come from the environment, the numbers from the system; getpass's order of variables."""
    for key in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("HOME", "/somewhere")
    assert account.name() == "user"
    monkeypatch.setenv("USERNAME", "last")
    assert account.name() == "last"
    monkeypatch.setenv("USER", "second")
    monkeypatch.setenv("LOGNAME", "")
    entry = pwd.getpwuid(os.getuid())
    assert tuple(entry) == ("second", "*", os.getuid(), os.getgid(), "", "/somewhere", "")
    assert entry == pwd.getpwnam("second") == pwd.getpwall()[0]
    assert tuple(grp.getgrgid(os.getgid())) == ("second", "*", os.getgid(), [])
    assert grp.getgrgid(id=os.getgid()) == grp.getgrnam("second") == grp.getgrall()[0]


def failure(function: Any, value: Any) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:
        function(value)
    # What argument clinic says of a wrong type is worded anew in every Python version.
    return caught.type, "" if caught.type is TypeError else str(caught.value)


@pytest.mark.parametrize("value", [4242424, "x", 1.5, None])
def test_unknown_ids_fail_as_with_the_real_modules(value: object) -> None:
    """The same exception with the same words."""
    assert failure(pwd.getpwuid, value) == failure(real_pwd.getpwuid, value)
    assert failure(grp.getgrgid, value) == failure(real_grp.getgrgid, value)


@pytest.mark.parametrize("value", ["nobody-of-that-name", "a\0b", 1, None])
def test_unknown_names_fail_as_with_the_real_modules(value: object) -> None:
    """The same exception with the same words."""
    assert failure(pwd.getpwnam, value) == failure(real_pwd.getpwnam, value)
    assert failure(grp.getgrnam, value) == failure(real_grp.getgrnam, value)


def test_entries_are_like_struct_sequences() -> None:
    """Made of one sequence of the right length, with fields, a repr and equality as the real ones."""
    values = ("n", "*", 1, 2, "", "/", "")
    ours, real = pwd.struct_passwd(values), real_pwd.struct_passwd(values)
    assert repr(ours) == repr(real)
    assert ours == tuple(real)
    assert (ours.n_fields, ours.n_sequence_fields) == (real.n_fields, real.n_sequence_fields)
    assert failure(pwd.struct_passwd, (1, 2)) == failure(real_pwd.struct_passwd, (1, 2))
    assert repr(grp.struct_group("abcd")) == repr(real_grp.struct_group("abcd"))


def test_they_are_served_where_the_real_ones_are_missing() -> None:
    """A program on such a platform imports them, pickles entries, and `getpass` works again."""
    code = f"""{HIDE}
import getpass, os, pickle, pwd, grp
entry = pwd.getpwuid(os.getuid())
print(json.dumps([getpass.getuser(), pickle.loads(pickle.dumps(entry)) == entry, type(entry).__module__,
                  grp.getgrgid(os.getgid()).gr_name, os.path.expanduser("~")]))
"""
    env = environment(this_path(), HOME="/h", LOGNAME="me")
    assert answer(code, env=env) == ["me", True, "pwd", "me", "/h"]


def test_the_real_ones_are_left_alone() -> None:
    """Where the platform has them, it is they that are imported."""
    code = """
import json, mpthread_hook
mpthread_hook.enable()
import multiprocessing, pwd, grp
print(json.dumps([pwd.getpwall.__module__, type(pwd.getpwall).__name__, pwd.__spec__.origin == "built-in" or pwd.__spec__.has_location]))
"""
    assert answer(code, env=environment(this_path())) == ["pwd", "builtin_function_or_method", True]


def test_systems_without_accounts_keep_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs take the absence of `pwd` for Windows: there it stays absent."""
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(ModuleNotFoundError, match="No module named 'pwd'"):
        account.require_posix("pwd")
