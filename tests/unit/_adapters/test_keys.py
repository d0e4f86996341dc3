"""Looking up and removing the keys of hosts does what the real ssh-keygen does."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mpthread_hook._adapters.shell.running import Shell
from mpthread_hook._adapters.shell.syntax import Unsupported

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen to compare with"),
]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return public keys of several kinds, as they stand in files of known hosts."""
    folder = tmp_path_factory.mktemp("keys")
    found = []
    for kind, bits in (("ed25519", "256"), ("rsa", "1024"), ("ecdsa", "256")):
        path = folder / kind
        words = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(path)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        found.append(" ".join((folder / f"{kind}.pub").read_text().split()[:2]))
    return found


def furnish(folder: Path, keys: list[str], more: str = "") -> Path:
    """Write files of known hosts: all kinds of lines, and ``more``."""
    folder.mkdir()
    first, second, third = keys
    plain = folder / "known"
    plain.write_text(
        f"one.example,TWO.example,192.0.2.1 {first}\n\n# one.example {first}\n*.wild,!no.wild {second} comment here\n"
        f"@revoked bad.example {third}\n@cert-authority *.signed {first}\n[ported.example]:2222 {third}\n"
        f"broken.example ssh-ed25519 AAAA\nother.example ssh-rsa {first.split()[1]}\none.example {second}\n"
        + more
    )
    plain.chmod(0o640)
    return folder


CALLS = [
    *([flag, name] for flag in ("-F", "-R") for name in (
        "one.example", "ONE.example", "two.example", "192.0.2.1", "any.wild", "no.wild", "bad.example", "x.signed",
        "[ported.example]:2222", "ported.example", "broken.example", "other.example", "nobody", "",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "name"), CALLS)
@pytest.mark.parametrize("kind", ["plain", "hashed", "short line", "unknown marker"])
def test_it_finds_what_the_real_one_finds(
    flag: str, name: str, kind: str, keys: list[str], tmp_path: Path
) -> None:
    """Status, output, the file and what is kept of the old one."""
    more = {"short line": "short.example ssh-rsa\n", "unknown marker": f"@other one.example {keys[0]}\n"}
    mine, theirs = furnish(tmp_path / "mine", keys, more.get(kind, "")), tmp_path / "theirs"
    if kind == "hashed":
        subprocess.run(["ssh-keygen", "-H", "-f", "known"], cwd=mine, check=False, capture_output=True)
        (mine / "known.old").unlink(missing_ok=True)
    shutil.copytree(mine, theirs)
    words = ["ssh-keygen", flag, name, "-f", "known"]
    done = subprocess.run(words, cwd=theirs, capture_output=True, check=False)
    found = Shell(lambda *_: pytest.fail("nothing of Python"), str(mine)).prepare(words)()
    assert found.stdout == done.stdout
    assert found.status == done.returncode
    assert sorted(path.name for path in mine.iterdir()) == sorted(path.name for path in theirs.iterdir())
    for path in mine.iterdir():
        assert path.read_bytes() == (theirs / path.name).read_bytes()
        assert path.stat().st_mode == (theirs / path.name).stat().st_mode


def test_what_is_not_there_and_what_is_not_known(tmp_path: Path) -> None:
    """A file that is missing is an error, as there; other uses are refused."""
    shell = Shell(lambda *_: pytest.fail("nothing of Python"), str(tmp_path))
    answer = shell.prepare(["ssh-keygen", "-F", "x", "-f", "nothing"])()
    assert (answer.status, answer.stdout) == (255, b"")
    assert b"nothing" in answer.stderr
    for words in (["-l", "-f", "x"], ["-F", "x"], ["-t", "rsa"], []):
        with pytest.raises(Unsupported):
            shell.prepare(["ssh-keygen", *words])()
    assert os.listdir(tmp_path) == []
