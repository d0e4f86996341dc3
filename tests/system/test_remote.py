"""Remote hosts, reached where no program can be started, against a real sshd: as with stock Ansible's `ssh`."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.system import sshd
from tests.system.comparison import HOOKED, SANDBOXED, STOCK, Outcome, Size, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("paramiko", reason="paramiko is an extra")
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(int(os.environ.get("PLAY_LIMIT", "600"))),
    pytest.mark.skipif(bool(sshd.reason()), reason=sshd.reason() or "-"),
    pytest.mark.usefixtures("sandbox"),
]
#: What is enough of the play where its connections are what counts.
BRIEF = ("--tags", "brief")
CHECKED = {"ANSIBLE_HOST_KEY_CHECKING": "True"}


@pytest.fixture(scope="module")
def server() -> Iterator[sshd.Sshd]:
    """Run a server for all tests."""
    with sshd.Sshd() as running:
        yield running


@pytest.fixture
def ask(server: sshd.Sshd, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a module on one host, with variables of its own."""
    server.write_inventory(tmp_path / "inventory", 1)

    def run(*arguments: str, how: tuple[str, ...] = SANDBOXED, **variables: object) -> subprocess.CompletedProcess[str]:
        given = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        return subprocess.run(
            [*how, "-m", "ansible", "adhoc", "all", "-i", str(tmp_path / "inventory"), *given, *arguments],
            cwd=tmp_path,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
                "HOME": str(tmp_path),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_HOME": str(tmp_path / "ansible"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def remote(server: sshd.Sshd, how: tuple[str, ...], folder: Path, size: Size, *options: str) -> Outcome:
    """Run the play on hosts of this server."""
    return play("remote", how, folder, size, options=options, env=CHECKED, hosts=server.write_inventory, limit=3000)


def compare(server: sshd.Sshd, folder: Path, size: Size, *options: str) -> None:
    """Run the play with stock and as often as the size says in the sandbox, and fail with all differences."""
    expected = remote(server, STOCK, folder / "stock", size, *options)
    assert set(expected.recap.values()) == {next(iter(expected.recap.values()))}
    assert expected.status == 0, expected.stdout[-3000:]
    bad = {}
    for number in range(size.repeats):
        differences = remote(server, SANDBOXED, folder / f"run{number}", size, *options).differences(expected)
        if differences:
            bad[number] = differences[:30]
    report = "\n".join(f"run {number}:\n  " + "\n  ".join(lines) for number, lines in bad.items())
    assert not bad, f"{len(bad)} of {size.repeats} runs differ from stock\n{report}"


def test_twenty_hosts(server: sshd.Sshd, tmp_path: Path) -> None:
    """The default connection, which is `ssh`, reaches them all, with the results of the program."""
    compare(server, tmp_path, Size.from_environment(20, 10), *BRIEF)


@pytest.mark.smoke
def test_two_hosts_briefly(server: sshd.Sshd, tmp_path: Path) -> None:
    """The same in small."""
    compare(server, tmp_path, Size(2, 2, 1), *BRIEF)


def test_two_hosts(server: sshd.Sshd, tmp_path: Path) -> None:
    """All that a play does with remote hosts."""
    compare(server, tmp_path, Size(2, 2, 1))


@pytest.mark.smoke
def test_sessions_are_kept(server: sshd.Sshd, tmp_path: Path) -> None:
    """All tasks for a host go through one connection, unless ssh is told to keep none."""
    arguments = (server, SANDBOXED)
    kept = remote(*arguments, tmp_path / "kept", Size(2, 2, 1), *BRIEF, "-vvv")
    assert kept.status == 0, kept.stdout[-3000:]
    assert kept.stdout.count("CONNECT (in this program)") == 2
    anew = remote(*arguments, tmp_path / "anew", Size(1, 1, 1), *BRIEF, "-vvv", "-e", "ansible_ssh_args=-C")
    assert anew.status == 0, anew.stdout[-3000:]
    assert anew.stdout.count("CONNECT (in this program)") >= 7  # as many tasks ask something of the host


@pytest.mark.parametrize("name", ["ssh", "smart"])
def test_the_program_by_name(ask: Callable[..., subprocess.CompletedProcess[str]], name: str) -> None:
    """What would be the program `ssh` is ours, with one sentence about it; a name that core lacks is lacking."""
    stock, done = ask("-m", "ping", "-c", name, how=STOCK), ask("-m", "ping", "-c", name, "-vvv")
    assert done.returncode == stock.returncode, done.stdout + done.stderr
    if done.returncode == 0:
        assert "CONNECT (in this program)" in done.stdout
        assert done.stderr.count("[NOTE]: connection 'ssh' speaks the protocol itself") == 1


@pytest.mark.parametrize("name", ["paramiko", "paramiko_ssh", "ansible.builtin.paramiko_ssh"])
@pytest.mark.parametrize("how", [HOOKED, SANDBOXED])
def test_paramiko_by_name(
    ask: Callable[..., subprocess.CompletedProcess[str]], name: str, how: tuple[str, ...]
) -> None:
    """Ours has the names that core has given up; core's own is left as it is, as long as it is there."""
    from ansible.plugins.loader import connection_loader

    core_has_it = connection_loader.find_plugin("paramiko_ssh") is not None
    # Core's knows only the file in the home folder.
    done = ask("-m", "ping", "-c", name, "-vvv", how=how, ansible_host_key_checking=not core_has_it)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("CONNECT (in this program)" in done.stdout) == (not core_has_it)
    assert "[NOTE]: connection" not in done.stderr


def test_ssh_stays_where_programs_can_be_started(ask: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Under the hook alone, `ssh` is the program."""
    done = ask("-m", "ping", "-vvv", how=HOOKED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SSH: EXEC ssh " in done.stdout
    assert "NOTE" not in done.stderr


def test_no_sftp(tmp_path: Path) -> None:
    """Files travel through a pipe."""
    with sshd.Sshd(sftp=False) as server:
        piped = ("-e", "ansible_ssh_transfer_method=piped")
        expected = remote(server, STOCK, tmp_path / "stock", Size(1, 1, 1), *BRIEF, *piped)
        assert expected.status == 0, expected.stdout[-3000:]
        assert remote(server, SANDBOXED, tmp_path / "run", Size(1, 1, 1), *BRIEF).differences(expected) == []


def test_unknown_host(ask: Callable[..., subprocess.CompletedProcess[str]], server: sshd.Sshd, tmp_path: Path) -> None:
    """A host whose key is not known is unreachable, and the line that makes it known is shown and works."""
    known = tmp_path / "known"
    args = f"'-o UserKnownHostsFile={known} -o IdentitiesOnly=yes'"
    done = ask("-m", "ping", ansible_ssh_common_args=args)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "UNREACHABLE" in done.stdout
    line = re.search(rf"is not known.* add this line to {known}: (\[127\.0\.0\.1\]:\d+ \S+ [\w+/=]+)", done.stdout)
    assert line is not None, done.stdout
    assert not known.exists()
    known.write_text(line[1] + "\n", encoding="utf-8")
    assert ask("-m", "ping", ansible_ssh_common_args=args).returncode == 0
    hashed = subprocess.run(["ssh-keygen", "-H", "-f", str(known)], capture_output=True, check=True)
    assert hashed
    assert "127.0.0.1" not in known.read_text(encoding="utf-8")
    assert ask("-m", "ping", ansible_ssh_common_args=args).returncode == 0


def test_changed_host(ask: Callable[..., subprocess.CompletedProcess[str]], server: sshd.Sshd) -> None:
    """A host with another key than the known one is unreachable, unless keys are not to be checked."""
    try:
        server.know((server.folder / "user.pub").read_text(encoding="utf-8"))
        done = ask("-m", "ping")
        assert done.returncode == 4
        assert "is not the one that is known" in done.stdout
        assert ask("-m", "ping", ansible_host_key_checking=False).returncode == 0
    finally:
        server.know()


def test_passwords(ask: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A password lets in; a wrong one makes the host unreachable, and appears nowhere."""
    variables = {"ansible_user": "walker", "ansible_ssh_private_key_file": ""}
    done = ask("-m", "raw", "-a", "whoami", ansible_password=f"'{sshd.PASSWORD}'", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "walker" in done.stdout
    done = ask("-m", "ping", "-vvvv", ansible_password="'not that one'", **variables)
    assert done.returncode == 4
    assert "does not let 'walker' in" in done.stdout
    assert "not that one" not in done.stdout.replace("ansible_password='not that one'", "") + done.stderr


def test_become(ask: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A prompt for a password is answered; a wrong answer is said to be one."""
    arguments = ("-m", "command", "-a", "whoami", "-b", "--become-method", "su")
    variables = {"ansible_user": "walker", "ansible_password": f"'{sshd.PASSWORD}'"}
    done = ask(*arguments, ansible_become_pass=f"'{sshd.PASSWORD}'", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-1] == "root"
    done = ask(*arguments, ansible_become_pass="'not that one'", **variables)
    assert done.returncode == 2
    assert "Incorrect su password" in done.stdout


def test_dead_port(ask: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A port where nobody listens makes the host unreachable."""
    done = ask("-m", "ping", ansible_port=1)
    assert done.returncode == 4
    assert "127.0.0.1 port 1 cannot be reached by SSH: Connection refused" in done.stdout


def test_through_another_host(
    ask: Callable[..., subprocess.CompletedProcess[str]], server: sshd.Sshd, tmp_path: Path
) -> None:
    """A jump, in either spelling, ends at the host behind it; the configuration is about both hosts, as for ssh."""
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {server.known_hosts}\n", encoding="utf-8")
    place = f"root@127.0.0.7:{server.port}"
    spellings = (
        f"-J {place}",
        f'-o ProxyCommand="ssh -F {config} -W %h:%p -q -p {server.port} root@127.0.0.7"',
    )
    for spelling in spellings:
        args = f"-F {config} {spelling}".replace('"', '\\"')
        done = ask("-m", "command", "-a", "printenv SSH_CONNECTION", ansible_ssh_common_args=f'"{args}"')
        assert done.returncode == 0, done.stdout + done.stderr
        assert "127.0.0.1" in done.stdout


@pytest.mark.parametrize("name", ["psrp", "winrm"])
def test_windows(ask: Callable[..., subprocess.CompletedProcess[str]], name: str) -> None:
    """The connections to Windows are core's, and say the same as with stock: here, what is missing for them."""
    said = []
    for how in (STOCK, SANDBOXED):
        done = ask("-m", "raw", "-a", "hostname", "-c", name, how=how)
        assert done.returncode != 0
        said.append(re.sub(r"0x[0-9a-f]+", "", done.stdout))
    assert said[0] == said[1]
    assert name in said[0] or "winrm" in said[0]


def test_without_paramiko(ask: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """Where paramiko is missing, the error says what to install."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "paramiko.py").write_text("raise ImportError('no such package')", encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(broken), os.environ.get("PYTHONPATH")]))
    done = ask("-m", "ping", how=("env", f"PYTHONPATH={path}", *SANDBOXED))
    assert done.returncode == 2
    assert "connection 'ssh' needs paramiko here: pip install 'mpthread_hook[ssh]'" in done.stdout
