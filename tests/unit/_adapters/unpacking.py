"""What the tests of `tar` and `unzip` share: real programs and ours, on the same archive in the same place."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from mpthread_hook._adapters.shell.answer import Answer
from mpthread_hook._adapters.shell.running import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: A user that owns nothing.
NOBODY = 65534
_AS_A_USER = """\
import bz2, gzip, json, lzma, os, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from tests.unit._adapters.unpacking import NOBODY, ours
import mpthread_hook._adapters.shell.tar.command, mpthread_hook._adapters.shell.zip.command
cases = json.load(sys.stdin)
"".encode("cp437")
# Only now: this user may not be allowed to read any of it.
os.setgroups([])
os.setgid(NOBODY)
os.setuid(NOBODY)
os.umask(int(sys.argv[2]))
print(json.dumps([[one[0], one[1].decode("latin-1"), one[2].decode("latin-1")]
    for one in (ours(Path(cwd), words, language) for cwd, words, language in cases)]))
"""


def nothing(*_arguments: object) -> Answer:
    """Stand in for Python, which is not asked for."""
    raise AssertionError


def ours(folder: Path, words: Sequence[str], language: str = "C") -> Answer:
    """Run a command in our shell."""
    shell = Shell(nothing, str(folder), {"LC_ALL": language, "LANG": language})
    return shell.prepare(list(words))()


def as_user(cases: Sequence[tuple[Path, Sequence[str], str]], umask: int) -> list[Answer]:
    """Run commands in our shell, in a process of a user who may do little."""
    todo = json.dumps([(str(folder), list(words), language) for folder, words, language in cases])
    done = subprocess.run(
        [sys.executable, "-c", _AS_A_USER, json.dumps([os.getcwd(), *sys.path]), str(umask)],
        input=todo,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [
        Answer(status, out.encode("latin-1"), err.encode("latin-1")) for status, out, err in json.loads(done.stdout)
    ]


def theirs(
    folder: Path, words: Sequence[str], language: str = "C", *, user: int | None = None, umask: int = -1
) -> Answer:
    """Run the real command."""
    who = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run(
        list(words),
        cwd=folder,
        env={"LC_ALL": language, "LANG": language, "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        umask=umask,
        **who,  # type: ignore[call-overload]
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def tree(folder: Path, since: float) -> dict[str, tuple[object, ...]]:
    """Return what is in a folder: kind and mode, owner, links, time (if it was set), contents."""
    found: dict[str, tuple[object, ...]] = {}
    for place, folders, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in (".", *folders, *files)):
            if path.endswith("/.") and place != str(folder):
                continue
            state = os.lstat(path)
            if stat.S_ISREG(state.st_mode):
                with open(path, "rb") as file:
                    contents: object = file.read()
            else:
                contents = os.readlink(path) if stat.S_ISLNK(state.st_mode) else state.st_rdev
            recent = since - 1 < state.st_mtime < since + 3600
            found[os.path.relpath(path, folder)] = (
                oct(state.st_mode),
                state.st_uid,
                state.st_gid,
                0 if stat.S_ISDIR(state.st_mode) else state.st_nlink,
                None if recent else state.st_mtime_ns,
                contents,
            )
    return found


def fresh(folder: Path, prepare: Callable[[Path], None], owner: int | None = None) -> Path:
    """Return a new directory that both commands find as it is prepared."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prepare(folder)
    if owner is not None:
        for place, folders, files in os.walk(folder):
            for name in (".", *folders, *files):
                os.chown(os.path.join(place, name), owner, owner, follow_symlinks=False)
    return folder
