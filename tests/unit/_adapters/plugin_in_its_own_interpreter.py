"""The connection plugin itself, with a server in a thread: become, sessions of a process, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("paramiko", reason="paramiko is an extra")
pytest.importorskip("ansible", reason="ansible-core is an extra")

import yaml
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.become import BecomeBase

from mpthread_hook._adapters import ansible_paramiko
from tests.unit._adapters.ssh_server import PASSWORD, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import paramiko

pytestmark = pytest.mark.unit
OPTIONS = yaml.safe_load(ansible_paramiko.DOCUMENTATION)["options"]


class Become(BecomeBase):  # type: ignore[misc]
    """A way to become root that asks for a password."""

    name = "ask"
    prompt = "Who goes there?"
    fail = ("Go away",)
    missing = ("Say something",)

    def __init__(self, password: str | None) -> None:
        super().__init__()
        self._password = password
        self.build_become_command("", None)

    def build_become_command(self, cmd: Any, shell: Any) -> Any:
        super().build_become_command(cmd, shell)
        return cmd

    def get_option(self, option: str, *args: Any, **kwargs: Any) -> Any:
        return self._password


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Return a function that makes a connection to a server, with options of its own."""
    made = []

    def connection(server: Server, **options: Any) -> Any:
        defaults = {name: option.get("default") for name, option in OPTIONS.items()}
        values = {
            **defaults,
            "host": "127.0.0.1",
            "port": server.port,
            "remote_user": "user",
            "password": PASSWORD,
            "host_key_checking": False,
            "use_agent": False,
            "look_for_keys": False,
            "ssh_args": "-F /dev/null",
            **options,
        }
        one = ansible_paramiko.Connection.__new__(ansible_paramiko.Connection)
        vars(one).update(
            _connected=False, become=None, ansible_name="ansible.builtin.paramiko_ssh", _play_context=PlayContext()
        )
        one.get_option = values.__getitem__
        made.append(one)
        return one

    yield connection
    for one in made:
        one.close()


class PlayContext:
    """What the connection asks of the play."""

    remote_addr = "127.0.0.1"
    password = ""


def gate(channel: paramiko.Channel, command: bytes) -> int:
    """Ask for a password on a terminal or on stderr, then echo what comes in."""
    marker = command.split()[1]
    say = channel.sendall_stderr if b"stderr" in command else channel.sendall
    say(b"A lecture\nWho goes")
    say(b" there? ")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += channel.recv(1)
    say(b"\r\n")
    if answer != PASSWORD.encode() + b"\n":
        say(b"Go away\r\n")
        return 1
    channel.sendall(marker + b"\r\n")
    typed = b"".join(iter(lambda: channel.recv(1 << 15), b""))
    channel.sendall(b"typed " + typed)
    channel.sendall_stderr(b"done\n")
    return 0


@pytest.mark.parametrize("data", [None, b"a program"])
@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_a_password_for_become(connect: Callable[..., Any], where: str, data: bytes | None) -> None:
    """The prompt is answered wherever it comes, then the input follows; neither prompt nor marker is output."""
    with Server(gate) as server:
        connection = connect(server)
        connection.become = become = Become(PASSWORD)
        status, out, err = connection.exec_command(f"gate {become.success} {where}", in_data=data)
        assert status == 0
        lecture = b"A lecture\n\r\n"  # with what the terminal writes for the return key, as `ssh` leaves it
        assert out == (lecture if where == "stdout" else b"") + b"typed " + (data or b"")
        assert err == (lecture if where == "stderr" else b"") + b"done\n"
        assert ("terminal" in server.asked) == (data is None)
        assert not any(PASSWORD in text for text in server.asked)
        connection.close()


def test_a_wrong_password_for_become(connect: Callable[..., Any]) -> None:
    """A refused password is an error of its own, and is not in it."""
    with Server(gate) as server:
        connection = connect(server)
        connection.become = become = Become("not that one")
        with pytest.raises(AnsibleError, match="Incorrect ask password") as found:
            connection.exec_command(f"gate {become.success} stdout")
        assert "not that one" not in str(found.value)
        connection.close()


def test_become_without_a_prompt(connect: Callable[..., Any]) -> None:
    """Where nobody asks, the input waits for the marker; what was never let through has its own status."""

    def handle(channel: paramiko.Channel, command: bytes) -> int:
        if b"refuse" in command:
            channel.sendall_stderr(b"not you\n")
            return 1
        channel.sendall(command.split()[1] + b"\n")
        channel.sendall(channel.recv(100))
        return 0

    with Server(handle) as server:
        connection = connect(server)
        connection.become = become = Become(None)
        assert connection.exec_command(f"open {become.success}", in_data=b"data") == (0, b"data", b"")
        assert connection.exec_command(f"refuse {become.success}", in_data=b"data") == (1, b"", b"not you\n")
        connection.close()


def test_nobody_answers(connect: Callable[..., Any]) -> None:
    """A prompt that does not come is waited for as long as the timeout says."""
    with Server(lambda channel, command: len(channel.recv(1))) as server:
        connection = connect(server, timeout=-1)
        connection.become = become = Become(None)
        connection._target = lambda made=connection._target: ansible_paramiko.Target(
            **{**vars(made()), "timeout": 10}
        )
        with pytest.raises(AnsibleConnectionFailure, match="no answer from ask"):
            connection.exec_command(f"open {become.success}")
        connection.close()


def test_sessions_of_a_process(connect: Callable[..., Any]) -> None:
    """Connections to the same place share a session as long as none is closed; reset begins another."""
    with Server() as server:
        one, two, other = connect(server), connect(server), connect(server, remote_user="another")
        for connection in (one, two, other):
            assert connection.exec_command("echo")[0] == 0
        assert one._session is two._session
        assert one._session is not other._session
        assert server.asked.count("password") == 2
        one.reset()
        assert one.exec_command("echo")[0] == 0
        assert server.asked.count("password") == 3
        with pytest.raises(AnsibleConnectionFailure, match="was lost"):
            two.exec_command("echo")
        for connection in (one, two, other):
            connection.close()
        assert ansible_paramiko._sessions() == {}


def test_a_lost_session_is_not_used_again(connect: Callable[..., Any]) -> None:
    """A connection made after a session was lost gets a new one."""
    with Server() as server:
        one = connect(server)
        assert one.exec_command("echo")[0] == 0
        server.drop()
        one._session._transport.join(30)
        two = connect(server)
        assert two.exec_command("echo")[0] == 0
        one.close()
        assert list(ansible_paramiko._sessions().values()) == [two._session]


def test_errors(connect: Callable[..., Any]) -> None:
    """Whoever is not let in is told so; arguments that cannot be heeded are an error, not an unreachable host."""
    with Server() as server:
        with pytest.raises(AnsibleAuthenticationFailure, match="does not let 'user' in"):
            connect(server, password="not that one").exec_command("echo")
        with pytest.raises(AnsibleError, match="write ProxyJump") as found:
            connect(server, ssh_common_args="-o ProxyCommand=nc").exec_command("echo")
        assert not isinstance(found.value, AnsibleConnectionFailure)


def test_arguments_and_options(connect: Callable[..., Any]) -> None:
    """What Ansible was told goes before what ssh was told, which goes before what is the default."""
    with Server() as server:
        args = {"ssh_common_args": "-p 1 -l somebody -o StrictHostKeyChecking=no -o UserKnownHostsFile=/a"}
        found = connect(server, host_key_checking=True, **args)._target()
        assert (found.port, found.user, found.check) == (server.port, "user", "no")
        assert found.known_hosts[0] == "/a"
        found = connect(server, port=None, remote_user=None, known_hosts_file="/b", **args)._target()
        assert (found.port, found.user, found.known_hosts) == (1, "somebody", ("/b",))
