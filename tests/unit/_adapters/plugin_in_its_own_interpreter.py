"""The connection plugin itself, with a server in a thread: become, sessions of a process, errors."""

from __future__ import annotations

import socket
import types
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("paramiko", reason="paramiko is an extra")
pytest.importorskip("ansible", reason="ansible-core is an extra")

import yaml
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.become import BecomeBase

from mpthread_hook._adapters import ansible_paramiko, ssh_pool
from mpthread_hook._identity import HERE
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
    end_of_worker()
    ssh_pool._end()


def end_of_worker() -> None:
    """Do what the end of the process does that had the sessions."""
    ansible_paramiko._end(HERE.process)


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
        assert two.exec_command("echo")[0] == 0
        assert two._session is one._session
        assert server.asked.count("password") == 3
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


KEEP = {"ssh_args": "-F /dev/null -o ControlMaster=auto -o ControlPersist=60s"}


def test_sessions_are_kept(connect: Callable[..., Any]) -> None:
    """What a worker leaves idle is the next one's, if that wants the same; reset ends it."""
    with Server() as server:
        for _ in range(3):
            connection = connect(server, **KEEP)
            assert connection.exec_command("echo") == (0, b"\n", b"")
            connection.close()
            end_of_worker()
        assert server.asked.count("password") == 1
        connect(server, remote_user="another", **KEEP).exec_command("echo")
        with pytest.raises(AnsibleAuthenticationFailure):
            connect(server, password="not that one", **KEEP).exec_command("echo")
        assert server.asked.count("password") == 3
        connect(server, **KEEP).reset()  # by one that has no session, as `meta: reset_connection` has it
        connect(server, **KEEP).exec_command("echo")
        assert server.asked.count("password") == 4


def test_each_worker_has_a_session_to_itself(connect: Callable[..., Any]) -> None:
    """One that is in use is not lent; those that are left are lent again, the one used last first."""
    with Server() as server:
        first, second = connect(server, **KEEP), connect(server, **KEEP)
        first.exec_command("echo")
        lent = ansible_paramiko._sessions().pop(first._session.target)
        second.exec_command("echo")
        assert server.asked.count("password") == 2
        ssh_pool.give(lent)
        end_of_worker()
        third = connect(server, **KEEP)
        third.exec_command("echo")
        assert third._session is second._session
        assert server.asked.count("password") == 2


def test_a_kept_session_that_the_host_ended(connect: Callable[..., Any]) -> None:
    """It is found out before anything is asked of it, also when nobody has heard of it yet."""
    with Server() as server:
        connect(server, **KEEP).exec_command("echo")
        end_of_worker()
        server.drop()
        assert connect(server, **KEEP).exec_command("echo")[0] == 0
        end_of_worker()
        (kept,) = ssh_pool._idle
        kept._transport.sock.shutdown(socket.SHUT_WR)
        server._transports[-1].join(30)
        connect(server, **KEEP).exec_command("echo")
        assert server.asked.count("password") == 3


def raising(error: BaseException) -> Callable[[bytes], bool]:
    def check(text: bytes) -> bool:
        raise error

    return check


def test_what_was_struck_down_is_not_kept(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A session with a command in its middle ends with its worker; one with an error behind it does not."""
    with Server(lambda channel, command: len(channel.recv(1))) as server:
        connection = connect(server, **KEEP)
        connection.become = become = Become(None)
        monkeypatch.setattr(become, "check_success", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            connection.exec_command(f"open {become.success}")
        end_of_worker()
        assert not ssh_pool._idle
        connection = connect(server, **KEEP)
        connection.become = become
        monkeypatch.setattr(become, "check_success", raising(AnsibleError("Incorrect")))
        with pytest.raises(AnsibleError, match="Incorrect"):
            connection.exec_command(f"open {become.success}")
        end_of_worker()
        assert len(ssh_pool._idle) == 1


def test_kept_sessions_end(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """After their time, and when there are too many: the oldest first."""
    with Server() as server:
        for seconds in ("1", "2"):
            args = {"ssh_args": f"-F /dev/null -o ControlMaster=auto -o ControlPersist={seconds}"}
            connect(server, **args).exec_command("echo")
        end_of_worker()
        transports = [session._transport for session in ssh_pool._idle]
        for transport in transports:
            transport.join(30)
        assert not any(transport.is_alive() for transport in transports)
        assert not ssh_pool._idle
        monkeypatch.setattr(ssh_pool, "_MOST", 2)
        users = ["first", "second", "third"]
        for user in users:
            connect(server, remote_user=user, **KEEP).exec_command("echo")
        end_of_worker()
        assert [session.target.user for session in ssh_pool._idle] == users[1:]


def test_retries(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost or not to be had is tried again, with pauses as those of `ssh`; who is not let in is not."""
    pauses: list[float] = []
    monkeypatch.setattr(ansible_paramiko, "time", types.SimpleNamespace(sleep=pauses.append))
    asked: list[bytes] = []

    def handle(channel: paramiko.Channel, command: bytes) -> int | None:
        asked.append(command)
        if len(asked) < 4:
            channel.get_transport().close()
            return None
        return 3

    with Server(handle) as server:
        with pytest.raises(AnsibleConnectionFailure, match="was lost"):
            connect(server).exec_command("echo")
        assert connect(server, reconnection_retries=2).exec_command("echo")[0] == 3
        assert (len(asked), pauses) == (4, [0, 1])
        with pytest.raises(AnsibleAuthenticationFailure):
            connect(server, reconnection_retries=9, password="not that one").exec_command("echo")
        gone = connect(server, reconnection_retries=7)
    with pytest.raises(AnsibleConnectionFailure, match="cannot be reached"):
        gone.exec_command("echo")
    assert pauses[2:] == [0, 1, 3, 7, 15, 30, 30]


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
