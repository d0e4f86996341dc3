"""Arguments and configuration of ssh: what of them counts here."""

from __future__ import annotations

import dataclasses
import getpass
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("paramiko", reason="paramiko is an extra")

from mpthread_hook._adapters import ssh_options
from mpthread_hook._adapters.ssh_session import Target

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit
BASE = Target("host", 22, "")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the tests a home without a configuration, and none of the system's either."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ssh_options, "_CONFIGS", ("~/.ssh/config",))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def made(*words: str, base: Target = BASE, given: tuple[str, ...] = ()) -> Target:
    return ssh_options.target(base, ssh_options.parse(list(words))[0], given)


def test_nothing_said() -> None:
    """Without a word, the user is who is at work, and keys of hosts must be known."""
    found = made()
    assert (found.host, found.port, found.user, found.check, found.via) == ("host", 22, getpass.getuser(), "yes", None)
    assert found.known_hosts[0] == "~/.ssh/known_hosts"


def test_what_ansible_passes() -> None:
    """The arguments that Ansible has for `ssh` by default compress, and keep idle sessions for a minute."""
    found = made("-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-tt", "-vvv")
    assert found == dataclasses.replace(made("-o", "Compression=yes"), persist=60)


@pytest.mark.parametrize(
    ("master", "persist", "seconds"),
    [
        ("auto", "60s", 60),
        ("yes", "90", 90),
        ("autoask", "1h30m", 5400),
        ("Auto", "YES", 0),
        ("auto", "0", 0),
        ("auto", "no", None),
        ("no", "60s", None),
        ("", "60s", None),
        ("auto", "", None),
    ],
)
def test_how_long_sessions_are_kept(master: str, persist: str, seconds: float | None) -> None:
    """As ssh_config(5) has it: a time, for ever, or not at all; without a master there is nothing to keep."""
    words = [f"-oControlMaster={master}"] if master else []
    words += [f"-oControlPersist={persist}"] if persist else []
    assert made(*words).persist == seconds
    via = made(*words, "-J", "first").via
    assert via is not None
    assert via.persist == seconds


@pytest.mark.parametrize("persist", ["soon", "60x", "-1", "1h-2m"])
def test_no_time(persist: str) -> None:
    """What is no time is an error that says what would be."""
    with pytest.raises(ValueError, match="ControlPersist is yes, no or a time"):
        made("-oControlMaster=auto", f"-oControlPersist={persist}")


def test_arguments() -> None:
    """In every spelling; the first one counts, and of files of keys each."""
    found = made(
        "-p", "2222", "-o", "Port=1", "-l", "me", "-i", "one", "-oIdentityFile=two", "-o", "StrictHostKeyChecking no",
        "-o", "UserKnownHostsFile=/a '/b c'", "-o", "GlobalKnownHostsFile=/dev/null", "-oConnectTimeout=3",
        "-o", "ServerAliveInterval=5", "-o", "HostKeyAlias=known", "-o", "HostName=10.0.0.1", "-oIdentitiesOnly=yes",
    )  # fmt: skip
    assert found == Target(
        "10.0.0.1", 2222, "me", timeout=3, key_files=("one", "two"), agent=False, check="no",
        known_hosts=("/a", "/b c", "/dev/null"), alias="known", alive=5,
    )  # fmt: skip


def test_what_is_given_stays() -> None:
    """What Ansible itself was told goes before arguments."""
    base = Target("host", 2022, "given", key_files=("mine",), check="no")
    found = made("-p", "1", "-l", "x", "-i", "y", base=base, given=("port", "user", "key_files", "check"))
    assert (found.port, found.user, found.key_files, found.check) == (2022, "given", ("mine",), "no")


def test_the_configuration(home: Path) -> None:
    """It is read, arguments go before it, and -F names another one."""
    text = "Host h*\n HostName 10.0.0.2\n User them\n Port 2022\n IdentityFile ~/key\n"
    (home / ".ssh" / "config").write_text(text, encoding="utf-8")
    (home / "other").write_text("User others\n", encoding="utf-8")
    found = made("-l", "me")
    assert (found.host, found.user, found.port, found.key_files) == ("10.0.0.2", "me", 2022, (f"{home}/key",))
    assert made("-F", str(home / "other")).user == "others"


def test_included_files(home: Path) -> None:
    """They count where they stand, by their order; what follows them belongs to the block around it."""
    ssh = home / ".ssh"
    (ssh / "parts").mkdir()
    (ssh / "parts" / "a").write_text("Host other\n User other\nHost host\n Port 2200\n", encoding="utf-8")
    (ssh / "parts" / "b").write_text("Host host\n Port 2300\n User second", encoding="utf-8")
    (ssh / "plain").write_text("HostName 10.0.0.3\n", encoding="utf-8")
    (ssh / "config").write_text(
        "Include parts/* nothing\nConnectTimeout 7\nHost host\n Include ~/.ssh/plain\n HostKeyAlias alias\n"
        "Host other\n HostName 10.0.0.9\n",
        encoding="utf-8",
    )
    found = made()
    assert (found.port, found.user, found.timeout) == (2200, "second", 7)
    assert (found.host, found.alias) == ("10.0.0.3", "alias")


def test_files_that_cannot_be_included(home: Path) -> None:
    """One that includes itself, and one that begins a block inside of another one's block."""
    config = home / ".ssh" / "config"
    config.write_text("Include config\n", encoding="utf-8")
    with pytest.raises(ValueError, match="include each other"):
        made()
    (home / ".ssh" / "more").write_text("Host host\n Port 1\n", encoding="utf-8")
    config.write_text("Host h*\n Include more\n", encoding="utf-8")
    with pytest.raises(ValueError, match="more, which is included for some hosts"):
        made()


@pytest.mark.parametrize(
    "words",
    [
        ["-J", "them@first:2201,last"],
        ["-o", "ProxyJump=ssh://them@first:2201,last"],
        ["-o", "ProxyJump them@first:2201,last"],
    ],
)
def test_jumps(words: list[str]) -> None:
    """Hosts to go through are in their order, without the user and the password of the one behind."""
    found = made(*words, base=Target("host", 2022, "me", password="secret", key_files=("key",)), given=("port", "user"))
    last = found.via
    assert last is not None
    first = last.via
    assert first is not None
    assert (found.host, found.port, found.password) == ("host", 2022, "secret")
    assert (last.host, last.port, last.user, last.password) == ("last", 22, getpass.getuser(), None)
    assert (first.host, first.port, first.user, first.via) == ("first", 2201, "them", None)
    assert first.key_files == ("key",)


def test_the_named_configuration_is_about_a_jump_too(home: Path) -> None:
    """As for ssh, which hands its `-F` on to the one that it starts for the jump, and nothing of `-o`."""
    (home / "config").write_text("UserKnownHostsFile mine\n", encoding="utf-8")
    for jump in (["-J", "first,last"], ["-o", "ProxyJump=first,last"]):
        last = made("-F", str(home / "config"), "-o", "HostKeyAlias=other", *jump).via
        assert last is not None
        assert last.via is not None
        assert [(host.known_hosts[0], host.alias) for host in (last, last.via)] == [("mine", "")] * 2


def test_a_command_that_is_a_jump() -> None:
    """`ssh -W`, the older way to say it, is understood."""
    via = made("-o", "ProxyCommand=ssh -W %h:%p -q -p 2201 -i key them@first").via
    assert via is not None
    assert (via.host, via.port, via.user, via.key_files) == ("first", 2201, "them", ("key",))
    assert made("-o", "ProxyCommand=none").via is None


def test_each_host_is_checked_as_it_is_said_of_it(home: Path) -> None:
    """That any key of the host behind will do does not hold for the one that it is reached through."""
    behind = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-J", "first")
    via = made(*behind).via
    assert via is not None
    assert (via.check, via.known_hosts) == ("yes", made().known_hosts)
    command = "ProxyCommand ssh -o StrictHostKeyChecking=no -W %h:%p first"
    found = made("-o", command)
    assert found.via is not None
    assert (found.check, found.via.check) == ("yes", "no")
    (home / ".ssh" / "config").write_text("Host first\n StrictHostKeyChecking accept-new\n", encoding="utf-8")
    via = made(*behind).via
    assert via is not None
    assert via.check == "accept-new"
    told = Target("host", 22, "", check="no", known_hosts=("mine",))
    via = made("-J", "first", base=told, given=("check", "known_hosts")).via
    assert via is not None
    assert (via.check, via.known_hosts) == ("no", ("mine",))


def test_every_host_through_one(home: Path) -> None:
    """A configuration for all hosts leads through a host that it applies to as well, once."""
    (home / ".ssh" / "config").write_text("Host *\n ProxyJump first\n", encoding="utf-8")
    via = made().via
    assert via is not None
    assert (via.host, via.via) == ("first", None)


@pytest.mark.parametrize("command", ["nc %h %p", "ssh first nc %h %p", "ssh -W %h:%p -J second first"])
def test_other_commands_are_refused(command: str) -> None:
    """What would start a program is an error that says what to write."""
    with pytest.raises(ValueError, match=r"would start a program.*write ProxyJump"):
        made("-o", f"ProxyCommand={command}")


def test_wrong_arguments() -> None:
    """Arguments that `ssh` has not are an error."""
    with pytest.raises(ValueError, match="arguments for ssh: option -Z not recognized"):
        made("-Z")
