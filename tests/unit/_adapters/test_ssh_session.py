"""Sessions with a server in a thread: getting in, commands, files, ends."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("paramiko", reason="paramiko is an extra")

import paramiko

from mpthread_hook._adapters import known_hosts
from mpthread_hook._adapters.ssh_session import (
    NotAuthenticated,
    NotTransferred,
    Session,
    Target,
    Unreachable,
    _key_file,
)
from tests.unit._adapters.ssh_server import HOST_KEY, PASSWORD, USER_KEY, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.unit


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a server that hands commands to a shell."""
    with Server() as running:
        yield running


def text_of(key: paramiko.PKey, password: str | None = None) -> str:
    text = io.StringIO()
    key.write_private_key(text, password)
    return text.getvalue()


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Target:
    """Return a target with all that leads in, and nothing of this user's own."""
    name = known_hosts.entry_name("127.0.0.1", server.port)
    line = known_hosts.line(name, HOST_KEY.get_name(), HOST_KEY.asbytes())
    (tmp_path / "known").write_text(line + "\n", encoding="utf-8")
    return Target(
        "127.0.0.1",
        server.port,
        "user",
        key=text_of(USER_KEY),
        agent=False,
        default_keys=False,
        known_hosts=(str(tmp_path / "known"),),
    )


def test_a_command(target: Target, server: Server) -> None:
    """Status, output and errors come back; a terminal is there if it is asked for."""
    session = Session(target)
    try:
        assert session.run("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
        assert "terminal" not in server.asked
        with session.running(b"echo", pty=True) as channel:
            assert session.finish(channel) == (0, b"\n", b"")
        assert "terminal" in server.asked
    finally:
        session.close()
    assert not session.active


def test_input_and_output_larger_than_any_window(target: Target) -> None:
    """A command may write more than it is given before it has read all of it, on both streams."""
    data = bytes(range(256)) * (1 << 14)
    session = Session(target)
    try:
        assert session.run("cat", data) == (0, data, b"")
        assert session.run("cat >&2", data) == (0, b"", data)
    finally:
        session.close()


def test_a_command_that_reads_nothing(target: Target) -> None:
    """Input that nobody takes is no error."""
    session = Session(target)
    try:
        assert session.run("exit 7", b"x" * 100_000)[0] == 7
    finally:
        session.close()


def test_an_unknown_host_gets_nothing(target: Target, server: Server, tmp_path: Path) -> None:
    """Without its key among the known ones it is refused before anybody shows a key or a password, and not added."""
    (tmp_path / "known").write_text("# nobody\n", encoding="utf-8")
    words = r"is not known.*add this line to .*known: \[127\.0\.0\.1\]:\d+ ecdsa-"
    with pytest.raises(Unreachable, match=words) as found:
        Session(dataclasses.replace(target, password=PASSWORD))
    assert server.asked == []
    assert PASSWORD not in str(found.value)
    assert (tmp_path / "known").read_text(encoding="utf-8") == "# nobody\n"
    (tmp_path / "known").write_text(str(found.value).rpartition(": ")[2], encoding="utf-8")
    Session(target).close()


@pytest.mark.parametrize(("check", "unknown", "changed"), [("yes", 0, 0), ("accept-new", 1, 0), ("no", 1, 1)])
def test_checking(target: Target, tmp_path: Path, check: str, unknown: bool, changed: bool) -> None:
    """How strict the check is decides on hosts without a known key, and on those with another one."""
    name = known_hosts.entry_name("127.0.0.1", target.port)
    other = known_hosts.line(name, USER_KEY.get_name(), USER_KEY.asbytes())
    for text, gets_in in (("", unknown), (other, changed)):
        (tmp_path / "known").write_text(text, encoding="utf-8")
        if gets_in:
            Session(dataclasses.replace(target, check=check)).close()
        else:
            with pytest.raises(Unreachable, match="is not known" if not text else "is not the one that is known"):
                Session(dataclasses.replace(target, check=check))


@pytest.mark.parametrize("check", ["accept-new", "no"])
@pytest.mark.parametrize("hashed", [False, True])
def test_a_new_host_is_added(target: Target, tmp_path: Path, check: str, hashed: bool) -> None:
    """As by ssh: to the first file, which is made, once; the next session with it is a checked one."""
    files = (str(tmp_path / "new" / "file"), target.known_hosts[0])
    (tmp_path / "known").write_text("other.example ssh-rsa AAAA", encoding="utf-8")
    new = dataclasses.replace(target, check=check, known_hosts=files, hash_names=hashed)
    Session(new).close()
    Session(new).close()
    (line,) = (tmp_path / "new" / "file").read_text(encoding="utf-8").splitlines()
    assert (new.entry_name in line) is not hashed
    Session(dataclasses.replace(new, check="yes")).close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    # Behind a line that has no end.
    Session(dataclasses.replace(new, known_hosts=files[1:])).close()
    assert len((tmp_path / "known").read_text(encoding="utf-8").splitlines()) == 2
    # Where nothing can be written, it goes on all the same.
    Session(dataclasses.replace(new, known_hosts=(os.path.join(os.devnull, "file"),))).close()


def test_a_key_that_is_known_for_the_usual_port(target: Target, tmp_path: Path) -> None:
    """A host has the same key on every port, if the files say nothing of the port that it is reached by."""
    line = (tmp_path / "known").read_text(encoding="utf-8")
    plain = line.replace(line.split()[0], "127.0.0.1")
    (tmp_path / "known").write_text(plain, encoding="utf-8")
    Session(target).close()
    for text in (f"{plain}@revoked {plain}", plain.replace("127.0.0.1", "127.0.0.2")):
        (tmp_path / "known").write_text(text, encoding="utf-8")
        with pytest.raises(Unreachable):
            Session(target)


def test_a_changed_host_gets_no_password(target: Target, server: Server, tmp_path: Path) -> None:
    """Even if keys are not checked, a password is not sent to a host that has another key than the known one."""
    name = known_hosts.entry_name("127.0.0.1", target.port)
    (tmp_path / "known").write_text(known_hosts.line(name, USER_KEY.get_name(), USER_KEY.asbytes()), encoding="utf-8")
    alone = dataclasses.replace(target, check="no", password=PASSWORD, key_files=(), key=None)
    with pytest.raises(NotAuthenticated, match="no password, since the host's key is not the known one"):
        Session(alone)
    assert "password" not in server.asked
    (tmp_path / "known").write_text("", encoding="utf-8")
    Session(alone).close()


def test_a_revoked_key(target: Target, tmp_path: Path) -> None:
    """A key that is marked as revoked is refused, whatever else is said, and even if keys are not checked."""
    line = (tmp_path / "known").read_text(encoding="utf-8")
    (tmp_path / "known").write_text(f"{line}@revoked {line.replace(line.split()[0], '*')}", encoding="utf-8")
    with pytest.raises(Unreachable, match="revoked"):
        Session(dataclasses.replace(target, check="no"))


def test_passwords(target: Target, server: Server) -> None:
    """A password is tried after keys; a wrong one is not in the error."""
    wrong = dataclasses.replace(target, key=text_of(paramiko.ECDSAKey.generate()))
    Session(dataclasses.replace(wrong, password=PASSWORD)).close()
    assert server.asked == ["publickey", "password"]
    with pytest.raises(NotAuthenticated, match="does not let 'user' in") as found:
        Session(dataclasses.replace(wrong, password="not that one"))
    assert "not that one" not in str(found.value)
    assert "not that one" not in repr(dataclasses.replace(wrong, password="not that one"))
    with pytest.raises(NotAuthenticated, match="tried the private key"):
        Session(wrong)


def test_key_files(target: Target, tmp_path: Path) -> None:
    """A file of a key works, encrypted or not; one that does not serve is named."""
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    plain.write_text(text_of(USER_KEY), encoding="utf-8")
    locked.write_text(text_of(USER_KEY, "words"), encoding="utf-8")
    by_file = dataclasses.replace(target, key=None, key_files=(str(plain),))
    Session(by_file).close()
    Session(dataclasses.replace(by_file, key_files=(str(locked),), passphrase="words")).close()
    with pytest.raises(NotAuthenticated, match="locked is encrypted"):
        Session(dataclasses.replace(by_file, key_files=(str(locked),)))
    with pytest.raises(NotAuthenticated, match="locked cannot be used"):
        Session(dataclasses.replace(by_file, key_files=(str(locked),), passphrase="other words"))
    with pytest.raises(NotAuthenticated, match="nothing cannot be read: No such file"):
        Session(dataclasses.replace(by_file, key_files=(str(tmp_path / "nothing"),)))
    # As with ssh, it keeps no other key, nor the password, from being tried.
    Session(dataclasses.replace(by_file, key_files=(str(locked), str(tmp_path / "nothing"), str(plain)))).close()
    Session(dataclasses.replace(by_file, key_files=(str(locked),), password=PASSWORD)).close()
    plain.write_text("no key at all", encoding="utf-8")
    with pytest.raises(NotAuthenticated, match="plain cannot be used"):
        Session(by_file)


@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_keys_that_ssh_keygen_makes(tmp_path: Path, kind: str, form: str) -> None:
    """Keys of all kinds and formats are read, with a passphrase and without; without the one they need, it is named."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no program ssh-keygen")
    for passphrase in ("", "some words"):
        path = tmp_path / f"key{len(passphrase)}"
        command = ["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", passphrase, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        public = (tmp_path / f"{path.name}.pub").read_text(encoding="utf-8").split()[1]
        assert _key_file(str(path), passphrase or None).get_base64() == public
    with pytest.raises(NotAuthenticated, match="is encrypted: it needs its passphrase"):
        _key_file(str(path), None)


def test_the_users_own_keys(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in ~/.ssh are tried when none is named, and one that does not serve is passed over."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text("no key at all", encoding="utf-8")
    (tmp_path / ".ssh" / "id_ecdsa").write_text(text_of(USER_KEY), encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    Session(dataclasses.replace(target, key=None, default_keys=True)).close()
    with pytest.raises(NotAuthenticated, match="tried nothing"):
        Session(dataclasses.replace(target, key=None))


def test_files_without_sftp(target: Target, tmp_path: Path) -> None:
    """Where the server has no sftp, files go through a pipe, under any name."""
    here, there, back = tmp_path / "here", tmp_path / "it's there", tmp_path / "back"
    here.write_bytes(bytes(range(256)) * 1000)
    session = Session(target)
    try:
        session.put(str(here), str(there))
        session.get(str(there), str(back))
        assert there.read_bytes() == back.read_bytes() == here.read_bytes()
        with pytest.raises(NotTransferred, match=r"nothing: .*No such file"):
            session.get(str(tmp_path / "nothing"), str(back))
        with pytest.raises(NotTransferred, match="directory"):
            session.put(str(here), str(tmp_path / "no" / "directory"))
        with pytest.raises(FileNotFoundError):
            session.put(str(tmp_path / "nothing"), str(there))
    finally:
        session.close()


def test_a_dead_port(target: Target, server: Server) -> None:
    """Where nobody listens there is no session, and the error names the place."""
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 port 1 cannot be reached by SSH: Connection refused"):
        Session(dataclasses.replace(target, port=1))


def test_a_connection_that_is_lost() -> None:
    """When the connection ends before the command, that is an error, not a status."""

    def handle(channel: paramiko.Channel, command: bytes) -> None:
        channel.transport.close()

    with Server(handle) as server:
        session = Session(Target("127.0.0.1", server.port, "user", key=text_of(USER_KEY), agent=False, check="no"))
        with pytest.raises(Unreachable, match="was lost"):
            session.run("anything")
        with pytest.raises(Unreachable, match="was lost"):
            session.run("more")


def test_a_command_that_a_signal_ends() -> None:
    """Without a status, on a connection that lives, it is what `ssh` says of a signal."""
    with Server(lambda channel, command: None) as server:
        session = Session(Target("127.0.0.1", server.port, "user", key=text_of(USER_KEY), agent=False, check="no"))
        assert session.run("anything") == (255, b"", b"")
        session.close()


def test_through_another_host(target: Target, server: Server) -> None:
    """A session can go through another host, and ends with it."""
    with Server() as behind:
        far = dataclasses.replace(target, port=behind.port, check="no", via=target)
        session = Session(far)
        assert session.run("echo far") == (0, b"far\n", b"")
        assert server.asked == ["publickey", f"to 127.0.0.1:{behind.port}"]
        assert behind.asked == ["publickey", "echo far"]
        session.close()
        assert not session.active
