"""A connection plugin of Ansible's that speaks SSH itself, by paramiko, and starts no program.

Ansible's loader finds it by `ansible_ssh`.  Its options have the variables of core's `ssh` and of what core
had as `paramiko_ssh`, so that an inventory written for either serves.
"""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING, Any

from ansible.errors import (
    AnsibleAuthenticationFailure,
    AnsibleConnectionFailure,
    AnsibleError,
    AnsibleFileNotFound,
)
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from .._identity import HERE, at_end
from . import ansible_ssh, ssh_options, ssh_pool, ssh_session
from .ssh_session import NotAuthenticated, NotTransferred, Session, Target, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._identity import ThreadProcess

DOCUMENTATION = """
name: paramiko_ssh
author: The mpthread_hook authors
short_description: SSH without starting a program
description:
  - Speaks SSH by the Python package paramiko, where no program can be started.
  - Reads the configuration of ssh, and of the arguments for ssh what has a meaning here.
options:
  host:
    description: Name or address of the host.
    type: string
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_ssh_host
      - name: ansible_paramiko_host
  port:
    description: Port of the SSH server; 22 if neither this nor the configuration of ssh says another.
    type: int
    ini:
      - {section: defaults, key: remote_port}
      - {section: paramiko_connection, key: remote_port}
    env:
      - name: ANSIBLE_REMOTE_PORT
      - name: ANSIBLE_REMOTE_PARAMIKO_PORT
    vars:
      - name: ansible_port
      - name: ansible_ssh_port
      - name: ansible_paramiko_port
    keyword:
      - name: port
  remote_user:
    description: User to log in as; the local user's name if nothing says another.
    type: string
    ini:
      - {section: defaults, key: remote_user}
      - {section: paramiko_connection, key: remote_user}
    env:
      - name: ANSIBLE_REMOTE_USER
      - name: ANSIBLE_PARAMIKO_REMOTE_USER
    vars:
      - name: ansible_user
      - name: ansible_ssh_user
      - name: ansible_paramiko_user
    cli:
      - name: user
    keyword:
      - name: remote_user
  password:
    description: Password of the user, tried when no key is accepted.
    type: string
    vars:
      - name: ansible_password
      - name: ansible_ssh_pass
      - name: ansible_ssh_password
      - name: ansible_paramiko_pass
      - name: ansible_paramiko_password
  private_key_file:
    description: File with the private key; a certificate beside it, named with -cert.pub, is used as well.
    type: string
    ini:
      - {section: defaults, key: private_key_file}
      - {section: paramiko_connection, key: private_key_file}
    env:
      - name: ANSIBLE_PRIVATE_KEY_FILE
      - name: ANSIBLE_PARAMIKO_PRIVATE_KEY_FILE
    vars:
      - name: ansible_private_key_file
      - name: ansible_ssh_private_key_file
      - name: ansible_paramiko_private_key_file
    cli:
      - name: private_key_file
        option: '--private-key'
  private_key:
    description: The private key itself, in the format of its file.
    type: string
    env:
      - name: ANSIBLE_PRIVATE_KEY
    vars:
      - name: ansible_private_key
      - name: ansible_ssh_private_key
  private_key_passphrase:
    description: What the private key is encrypted with.
    type: string
    env:
      - name: ANSIBLE_PRIVATE_KEY_PASSPHRASE
    vars:
      - name: ansible_private_key_passphrase
      - name: ansible_ssh_private_key_passphrase
  use_agent:
    description: Whether to try the keys of the agent that SSH_AUTH_SOCK names.
    type: bool
    default: true
    ini:
      - {section: paramiko_connection, key: use_agent}
    env:
      - name: ANSIBLE_PARAMIKO_USE_AGENT
    vars:
      - name: ansible_paramiko_use_agent
  look_for_keys:
    description: Whether to try the keys in C(~/.ssh) when no key is named.
    type: bool
    default: true
    ini:
      - {section: paramiko_connection, key: look_for_keys}
    env:
      - name: ANSIBLE_PARAMIKO_LOOK_FOR_KEYS
    vars:
      - name: ansible_paramiko_look_for_keys
  host_key_checking:
    description:
      - Whether the host's key must be known. A key that is new is then never added to the files of known hosts,
        unless the configuration of ssh says C(accept-new).
      - When off, any key is taken, also one that is not the known one; one that is new is added, as by ssh.
    type: bool
    default: true
    ini:
      - {section: defaults, key: host_key_checking}
      - {section: ssh_connection, key: host_key_checking}
      - {section: paramiko_connection, key: host_key_checking}
    env:
      - name: ANSIBLE_HOST_KEY_CHECKING
      - name: ANSIBLE_SSH_HOST_KEY_CHECKING
      - name: ANSIBLE_PARAMIKO_HOST_KEY_CHECKING
    vars:
      - name: ansible_host_key_checking
      - name: ansible_ssh_host_key_checking
      - name: ansible_paramiko_host_key_checking
  known_hosts_file:
    description: File of known hosts to read in place of those of ssh.
    type: string
    ini:
      - {section: paramiko_connection, key: known_hosts_file}
    env:
      - name: ANSIBLE_PARAMIKO_KNOWN_HOSTS_FILE
    vars:
      - name: ansible_paramiko_known_hosts_file
  ssh_args:
    description:
      - Arguments for ssh. Of these, of O(ssh_common_args) and O(ssh_extra_args), what has a meaning here is
        heeded, as is the configuration of ssh; what is only about the program is not.
      - With C(ControlMaster) and C(ControlPersist) an idle session is kept in this program for as long, for other
        workers that want the same host with the same credentials.
    type: string
    default: -C -o ControlMaster=auto -o ControlPersist=60s
    ini:
      - {section: ssh_connection, key: ssh_args}
    env:
      - name: ANSIBLE_SSH_ARGS
    vars:
      - name: ansible_ssh_args
  ssh_common_args:
    description: More arguments for ssh.
    type: string
    default: ''
    ini:
      - {section: ssh_connection, key: ssh_common_args}
    env:
      - name: ANSIBLE_SSH_COMMON_ARGS
    vars:
      - name: ansible_ssh_common_args
    cli:
      - name: ssh_common_args
  ssh_extra_args:
    description: More arguments for ssh.
    type: string
    default: ''
    ini:
      - {section: ssh_connection, key: ssh_extra_args}
    env:
      - name: ANSIBLE_SSH_EXTRA_ARGS
    vars:
      - name: ansible_ssh_extra_args
    cli:
      - name: ssh_extra_args
  pipelining:
    description: Whether modules are sent to the interpreter's standard input, which saves most of the round trips.
    type: bool
    default: false
    ini:
      - {section: defaults, key: pipelining}
      - {section: connection, key: pipelining}
      - {section: ssh_connection, key: pipelining}
    env:
      - name: ANSIBLE_PIPELINING
      - name: ANSIBLE_SSH_PIPELINING
    vars:
      - name: ansible_pipelining
      - name: ansible_ssh_pipelining
  reconnection_retries:
    description: How many times more to try to reach a host, and to run what was under way when it was lost.
    type: int
    default: 0
    ini:
      - {section: connection, key: retries}
      - {section: ssh_connection, key: retries}
    env:
      - name: ANSIBLE_SSH_RETRIES
    vars:
      - name: ansible_ssh_retries
  ssh_transfer_method:
    description: How files travel. V(smart) is sftp, or a pipe where the host has no sftp; V(scp) is a pipe, too.
    type: string
    choices: [smart, sftp, scp, piped]
    default: smart
    ini:
      - {section: ssh_connection, key: transfer_method}
    env:
      - name: ANSIBLE_SSH_TRANSFER_METHOD
    vars:
      - name: ansible_ssh_transfer_method
  use_tty:
    description: Whether commands that get no input have a terminal, as sudo may want.
    type: bool
    default: true
    ini:
      - {section: ssh_connection, key: usetty}
      - {section: paramiko_connection, key: pty}
    env:
      - name: ANSIBLE_SSH_USETTY
      - name: ANSIBLE_PARAMIKO_PTY
    vars:
      - name: ansible_ssh_use_tty
  timeout:
    description: Seconds to wait for a connection, for each step of it, and for a prompt.
    type: int
    default: 10
    ini:
      - {section: defaults, key: timeout}
      - {section: ssh_connection, key: timeout}
      - {section: paramiko_connection, key: timeout}
    env:
      - name: ANSIBLE_TIMEOUT
      - name: ANSIBLE_SSH_TIMEOUT
      - name: ANSIBLE_PARAMIKO_TIMEOUT
    vars:
      - name: ansible_ssh_timeout
      - name: ansible_paramiko_timeout
    cli:
      - name: timeout
"""

display = Display()
_SESSIONS = "ssh sessions"


def _sessions() -> dict[Target, Session]:
    """Return the sessions of this process: a loop over hosts comes back to them, another worker has its own."""
    return HERE.process.state.setdefault(_SESSIONS, {})  # type: ignore[no-any-return]


def _end(process: ThreadProcess) -> None:
    # Ansible closes the last connection of a task, not those of the hosts that a loop has left.
    for session in process.state.pop(_SESSIONS, {}).values():
        if session.target.persist is not None and session.idle:
            ssh_pool.give(session)
        else:
            session.hang_up()


at_end(_end)


class Connection(ConnectionBase):  # type: ignore[misc]
    """A connection to a host by paramiko."""

    transport = "paramiko"
    has_pipelining = True

    _session: Session | None = None
    _connected: bool

    @staticmethod
    def _create_control_path(*args: Any, **kwargs: Any) -> str:
        """Return a name of a socket for a host; persistent connections ask the one called `ssh` for theirs."""
        from ansible.plugins.connection.ssh import Connection as Core  # noqa: PLC0415 - few ask

        return str(Core._create_control_path(*args, **kwargs))

    # -- Life

    @property
    def _asked(self) -> str:
        """The name by which core has, or had, what this one stands in for."""
        return str(self.ansible_name).rpartition(".")[2]

    def update_vars(self, variables: dict[str, Any]) -> None:
        """Add variables about this connection, by the name that plays expect."""
        variables.setdefault("ansible_connection", self._asked)
        super().update_vars(variables)

    def _connect(self) -> Connection:
        if self._connected and self._session is not None and self._session.active:
            return self
        if ssh_session.missing is not None:
            raise AnsibleError(
                f"connection {self._asked!r} needs paramiko here: pip install 'mpthread_hook[ssh]', or have "
                f"paramiko in the application ({ssh_session.missing})"
            )
        if self._asked == "ssh":
            ansible_ssh.tell(display)
        try:
            target = self._target()
        except ValueError as error:
            raise AnsibleError(str(error)) from None
        sessions = _sessions()
        session = sessions.get(target)
        if session is None or not session.active:
            session = ssh_pool.take(target, sessions) if target.persist is not None else None
        if session is None:
            display.vvv(f"CONNECT (in this program) {target.user}@{target.host}:{target.port}", host=target.host)
            session = self._reach(Session, target, sessions)
        self._session, self._connected = session, True
        return self

    def close(self) -> None:
        """Have done with the session: it ends, unless it is to be kept for others of this process and the next ones."""
        session, self._session, self._connected = self._session, None, False
        if session is not None and session.target.persist is None:
            self._hang_up(session)

    def reset(self) -> None:
        """End the session, also for other connections of this process to the same host, and those that are kept."""
        session, self._session, self._connected = self._session, None, False
        if session is not None:
            self._hang_up(session)
        ssh_pool.drop(self._target() if session is None else session.target)

    def _hang_up(self, session: Session) -> None:
        sessions = _sessions()
        if sessions.get(session.target) is session:  # and not one that came after it was lost
            del sessions[session.target]
        session.close()

    def _target(self) -> Target:
        get = self.get_option
        words = shlex.split(" ".join(get(name) or "" for name in ("ssh_args", "ssh_common_args", "ssh_extra_args")))
        # What Ansible was told goes before what ssh was told.
        said: dict[str, Any] = {
            "port": get("port"),
            "user": get("remote_user"),
            "key_files": (get("private_key_file"),) if get("private_key_file") else None,
            "check": None if get("host_key_checking") else "no",
            "known_hosts": (get("known_hosts_file"),) if get("known_hosts_file") else None,
        }
        said = {name: value for name, value in said.items() if value}
        base: dict[str, Any] = {"port": 22, "user": "", **said}
        target = Target(
            host=get("host") or self._play_context.remote_addr,
            timeout=get("timeout"),
            password=get("password") or self._play_context.password or None,
            key=get("private_key"),
            passphrase=get("private_key_passphrase"),
            agent=get("use_agent"),
            default_keys=get("look_for_keys"),
            **base,
        )
        options, _ = ssh_options.parse(words)
        return ssh_options.target(target, options, said)

    def _reach(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call what needs the host; its errors become Ansible's, which would print a cause a second time."""
        try:
            return function(*args, **kwargs)
        except NotAuthenticated as error:
            raise AnsibleAuthenticationFailure(str(error)) from None
        except Unreachable as error:
            raise AnsibleConnectionFailure(str(error)) from None
        except NotTransferred as error:
            raise AnsibleError(f"file not transferred: {error}") from None

    # -- Commands

    def exec_command(self, cmd: Any, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command; returns its status, output and errors."""
        display.vvv(f"EXEC (in this program) {cmd}", host=self._play_context.remote_addr)
        return self._again(self._execute, cmd, in_data, sudoable)  # type: ignore[no-any-return]

    def _again(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call what needs the host, and again when that is lost or not to be had, as often as is wanted."""
        retries, attempt = int(self.get_option("reconnection_retries") or 0), 0
        while True:
            try:
                self._connect()
                return self._reach(function, *args, **kwargs)
            except AnsibleAuthenticationFailure:
                raise
            except AnsibleConnectionFailure as error:
                if attempt == retries:
                    raise
                pause = min(2**attempt - 1, 30)
                attempt += 1
                again = f"attempt {attempt} of {retries} to reach it again, in {pause} seconds"
                display.vv(f"{error}; {again}", host=self._play_context.remote_addr)
                self._connected = False
                time.sleep(pause)

    def _execute(self, cmd: Any, in_data: bytes | None, sudoable: bool) -> tuple[int, bytes, bytes]:
        session: Any = self._session
        # A terminal would echo input, and give the command all of it as typed.
        pty = sudoable and not in_data and bool(self.get_option("use_tty"))
        command = cmd if isinstance(cmd, bytes) else str(cmd)
        marker = getattr(self.become, "success", "")
        escalates = bool(sudoable and marker and marker in os.fsdecode(command))
        with session.running(command, pty=pty) as channel:
            before = self._escalate(channel) if escalates else (b"", b"")
            status, out, err = session.finish(channel, in_data)
        return status, before[0] + out, before[1] + err

    def _escalate(self, channel: Any) -> tuple[bytes, bytes]:
        """Answer the prompt of `become`; returns what was written until it has let us through, or has ended."""
        become: Any = self.become
        out = err = b""
        answered = False
        arrival = ssh_session.arrival(channel)
        while not become.check_success(out) and not become.check_success(err):
            arrival.clear()
            ended = channel.eof_received or channel.closed
            more = channel.recv(1 << 15) if channel.recv_ready() else b""
            more_err = channel.recv_stderr(1 << 15) if channel.recv_stderr_ready() else b""
            if not (more or more_err):
                if ended:
                    break
                if not arrival.wait(self.get_option("timeout") + 2):
                    raise AnsibleConnectionFailure(f"no answer from {become.name}: neither a prompt nor a command")
                continue
            out, err = out + more, err + more_err
            if become.check_incorrect_password(out + err):
                raise AnsibleError(f"Incorrect {become.name} password")
            if become.check_missing_password(out + err):
                raise AnsibleError(f"Missing {become.name} password")
            if become.expect_prompt() and (become.check_password_prompt(out) or become.check_password_prompt(err)):
                if answered:
                    raise AnsibleError(f"Incorrect {become.name} password")
                password = become.get_option("become_pass", playcontext=self._play_context)
                out, err = self._without_prompt(out), self._without_prompt(err)
                channel.sendall(str(password).encode() + b"\n")
                answered = True
        return self._without_prompt(out), self._without_prompt(err)

    def _without_prompt(self, text: bytes) -> bytes:
        become: Any = self.become

        def is_ours(line: bytes) -> bool:
            return bool(become.check_password_prompt(line) or become.check_success(line))

        return b"".join(line for line in text.splitlines(keepends=True) if not is_ours(line))

    # -- Files

    def put_file(self, in_path: str, out_path: str) -> None:
        """Write a local file to the host."""
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._play_context.remote_addr)
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"there is no file {in_path}")
        self._transfer("put", in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Write a file of the host to a local one."""
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._play_context.remote_addr)
        self._transfer("get", in_path, out_path)

    def _transfer(self, way: str, source: str, destination: str) -> None:
        piped = self.get_option("ssh_transfer_method") in {"scp", "piped"}
        self._again(lambda: getattr(self._session, way)(source, destination, piped=piped))
