"""A session with an SSH server over paramiko; it knows nothing of Ansible.

Everything the server sends is buffered without a limit, by the thread that paramiko has for a connection.
So input can be written to its end before output is read, and one stream read to its end before the other.
"""

from __future__ import annotations

import io
import logging
import os
import shlex
import shutil
import socket
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from .._identity import MAIN, acting_as
from . import known_hosts

try:
    import paramiko
except ImportError as error:
    paramiko = None
    #: Why there are no sessions here; None if there are.
    missing: ImportError | None = error.with_traceback(None)
else:
    missing = None
    # Without a handler of its own it would write to stderr what is raised as well.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# What is buffered before the server has to wait.
_WINDOW = 2**31 - 1
_CHUNK = 1 << 15
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
#: Signature algorithms of a host key by its type, where they are not called the same.
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}


class Unreachable(Exception):
    """There is no session with this host, or no longer."""


class NotAuthenticated(Unreachable):
    """The host does not let this user in."""


class NotTransferred(Exception):
    """A file could not be read or written at the other end."""


@dataclass(frozen=True)
class Target:
    """Where a session leads to, and what may be tried to get in; equal targets can share a session."""

    host: str
    port: int
    user: str
    timeout: float = 10
    password: str | None = field(default=None, repr=False)
    #: A private key itself, then files of keys, then what they are encrypted with.
    key: str | None = field(default=None, repr=False)
    key_files: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)
    agent: bool = True
    default_keys: bool = True
    #: As in ssh_config(5): "yes" and "ask" want a known key, "accept-new" no other than that, "no" any; those two add
    #: a key that is new to the first file, its name hashed if ``hash_names`` says so.
    check: str = "yes"
    hash_names: bool = False
    known_hosts: tuple[str, ...] = ("~/.ssh/known_hosts",)
    alias: str = ""
    compress: bool = False
    alive: int = 0
    #: For how many seconds an idle session is kept for others; 0 is for ever, None keeps none.
    persist: float | None = None
    #: The host from which this one is reached.
    via: Target | None = None

    @property
    def entry_name(self) -> str:
        """The name under which known_hosts files have it."""
        return self.alias or known_hosts.entry_name(self.host, self.port)


class Session:
    """A connection to a host; raises `Unreachable` when there is none.

    It is among ``mine`` from the beginning, unless it could not be had.
    """

    def __init__(self, target: Target, mine: dict[Target, Session] | None = None) -> None:
        self.target = target
        self._via: Session | None = None
        self._transport: Any = None
        self._trusted = True
        self._sftp: Any = None
        #: A channel that is open already, and what is under way.
        self._spare: Any = None
        self._busy: list[object] = []
        if mine is not None:
            mine[target] = self
        try:
            with self._under_way():
                self._connect()
        except BaseException:
            if mine is not None:
                del mine[target]
            self.close()
            raise

    def close(self) -> None:
        """End it, and those that it goes through."""
        for part in (self._transport, self._via):
            if part is not None:
                part.close()

    def hang_up(self) -> None:
        """End it for a process that has ended, and so has its thread here; waits for nobody."""
        if self._via is not None:
            self._via.hang_up()
        elif self._transport is not None:
            self._transport.sock.close()

    @property
    def active(self) -> bool:
        """Whether commands can still be run."""
        return self._transport is not None and bool(self._transport.is_active())

    @property
    def idle(self) -> bool:
        """Whether it could be another's: it is active, and no command or transfer was left in the middle."""
        return self.active and not self._busy

    def resume(self) -> bool:
        """Return whether the host still takes commands on this session, which was idle; opens a channel to find out."""
        try:
            self._spare = self._channel() if self.active else None
        except (paramiko.SSHException, EOFError, OSError):
            return False
        return self._spare is not None

    def _channel(self) -> Any:
        spare, self._spare = self._spare, None
        return spare or self._transport.open_session(window_size=_WINDOW, timeout=self.target.timeout)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        # What is struck down in the middle leaves its mark; an error does not.
        self._busy.append(None)
        try:
            yield
        except Exception:
            self._busy.pop()
            raise
        self._busy.pop()

    def _owned(self) -> AbstractContextManager[None]:
        # A session that is kept belongs to the program, with its thread, and not to the worker that makes it.
        return nullcontext() if self.target.persist is None else acting_as(MAIN)

    # -- Getting in

    def _connect(self) -> None:
        target = self.target
        where = f"{target.host} port {target.port}"
        try:
            if target.via is not None:
                self._via = Session(target.via)
            with self._owned():
                self._transport = transport = paramiko.Transport(self._socket())
            transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = target.timeout
            transport.use_compression(target.compress)
            known = self._known(target.entry_name)
            _prefer(transport.get_security_options(), known)
            with self._owned():
                transport.start_client(timeout=target.timeout)
            self._check_host(known)
            self._authenticate()
            transport.set_keepalive(target.alive)
        except paramiko.AuthenticationException as error:
            raise NotAuthenticated(f"{where} does not let {target.user!r} in: {error}") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            text = getattr(error, "strerror", None) or str(error) or "the connection was closed"
            raise Unreachable(f"{where} cannot be reached by SSH: {text}") from error

    def _socket(self) -> Any:
        target = self.target
        if self._via is None:
            return socket.create_connection((target.host, target.port), target.timeout)
        address = target.host, target.port
        return self._via._transport.open_channel("direct-tcpip", address, ("", 0), timeout=target.timeout)

    def _check_host(self, known: known_hosts.Known) -> None:
        key = self._transport.get_remote_server_key()
        blob, kind, name, check = key.asbytes(), key.get_name(), self.target.entry_name, self.target.check
        shown = f"the host key that {name} shows ({kind} {known_hosts.fingerprint(blob)})"
        if blob in known.revoked:
            raise Unreachable(f"{shown} is marked as revoked")
        if blob in known.keys.get(kind, ()):
            return
        if kind not in known.keys:
            if self._is_known_without_port(kind, blob):
                return
            if check in {"no", "accept-new"}:
                self._make_known(kind, blob)
                return
        if check == "no":
            # As with ssh: whoever answers in the place of a host that is known does not get a password.
            self._trusted = False
            return
        files = ", ".join(self.target.known_hosts)
        if kind in known.keys:
            raise Unreachable(
                f"{shown} is not the one that is known: the host has a new key, or another answers in its place. "
                f"If it is new, replace the line of {name} in {files}"
            )
        raise Unreachable(
            f"{shown} is not known. If it is the right one, add this line to {self.target.known_hosts[0]}: "
            f"{known_hosts.line(name, kind, blob)}"
        )

    def _known(self, name: str) -> known_hosts.Known:
        return known_hosts.read(map(os.path.expanduser, self.target.known_hosts), name)

    def _is_known_without_port(self, kind: str, blob: bytes) -> bool:
        """Return whether the host shows the key that the files have for it on the usual port, as ssh takes it."""
        if self.target.port == known_hosts.PORT or self.target.alias:
            return False
        known = self._known(known_hosts.entry_name(self.target.host, known_hosts.PORT))
        return blob in known.keys.get(kind, ()) and blob not in known.revoked

    def _make_known(self, kind: str, blob: bytes) -> None:
        name = self.target.entry_name
        try:
            path = os.path.expanduser(self.target.known_hosts[0])
            known_hosts.add(path, known_hosts.hashed(name) if self.target.hash_names else name, kind, blob)
        except (IndexError, OSError):
            pass  # ssh says so and goes on; there is no file to which more could be said

    def _authenticate(self) -> None:
        target, transport = self.target, self._transport
        tried, more = [], []
        for key, name in _keys(target):
            tried.append(name)
            if key is None:
                continue
            try:
                more = transport.auth_publickey(target.user, key)
            except paramiko.BadAuthenticationType:
                break
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    break  # it has had enough of us
                continue
            if not more:
                return
            break  # a second factor
        if target.password is not None and not self._trusted:
            tried.append("no password, since the host's key is not the known one")
        elif target.password is not None and transport.is_active():
            tried.append("the password")
            more = transport.auth_password(target.user, target.password)
            if not more:
                return
        because = f"it wants {', '.join(more)} as well" if more else f"tried {', '.join(tried) or 'nothing'}"
        raise paramiko.AuthenticationException(f"{because}; there may be a key or a password to name")

    # -- Commands

    @contextmanager
    def running(self, command: str | bytes, *, pty: bool = False) -> Iterator[Any]:
        """Start a command; gives its channel, for `finish`, and closes it in any case."""
        try:
            with self._under_way(), self._channel() as channel:
                if pty:
                    channel.get_pty(term=os.environ.get("TERM") or "dumb")
                channel.exec_command(command)
                yield channel
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._lost(error) from error

    def finish(self, channel: Any, data: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Write ``data`` to a command, and return its status and what it wrote once it has ended."""
        try:
            if data:
                channel.sendall(data)
            channel.shutdown_write()
        except OSError:
            pass  # it has ended, or will not read: what it says about that comes now
        out, err = _all(channel.recv), _all(channel.recv_stderr)
        status = channel.recv_exit_status()
        if status == -1:
            if not self.active:
                raise self._lost()
            status = 255  # a signal ended it, which `ssh` reports like this
        return status, out, err

    def run(self, command: str | bytes, data: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Run a command; returns its status, output and errors."""
        with self.running(command) as channel:
            return self.finish(channel, data)

    def _lost(self, error: Exception | None = None) -> Unreachable:
        where = f"{self.target.host} port {self.target.port}"
        if error is not None and self.active:
            return Unreachable(f"{where} runs no command: {error}")
        return Unreachable(f"the connection to {where} was lost")

    # -- Files

    def put(self, local: str, remote: str, *, piped: bool = False) -> None:
        """Write a local file to the host, by sftp if it has that."""
        with open(local, "rb") as file:
            sftp = None if piped else self._files()
            if sftp is None:
                self._pipe(f"cat > {shlex.quote(remote)}", remote, file.read())
                return
            with self._transfer(remote):
                sftp.putfo(file, remote)

    def get(self, remote: str, local: str, *, piped: bool = False) -> None:
        """Write a file of the host to a local one, by sftp if it has that."""
        sftp = None if piped else self._files()
        if sftp is None:
            content = self._pipe(f"cat < {shlex.quote(remote)}", remote)
            with open(local, "wb") as file:
                file.write(content)
            return
        with self._transfer(remote), sftp.open(remote, "rb") as source:
            found = source.stat()
            # What only its owner can read there is not for everybody here.
            mode = 0o666 if found.st_mode is None else found.st_mode & 0o777 | 0o200
            with open(local, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
                if found.st_size:  # files in /proc have none, and a content all the same
                    source.prefetch(found.st_size)
                shutil.copyfileobj(source, file, _CHUNK)

    def _files(self) -> Any:
        """Return the sftp client, None if the host has no sftp."""
        if self._sftp is None:
            try:
                with self._under_way():
                    channel = self._channel()
                    channel.invoke_subsystem("sftp")
                    self._sftp = paramiko.SFTPClient(channel)
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not self.active:
                    raise self._lost(error) from error
        return self._sftp

    @contextmanager
    def _transfer(self, path: str) -> Iterator[None]:
        try:
            with self._under_way():
                yield
        except (paramiko.SSHException, EOFError, OSError) as error:
            if getattr(error, "filename", None) is not None:
                raise  # a local file
            if not self.active:
                raise self._lost(error) from error
            raise NotTransferred(f"{path}: {getattr(error, 'strerror', None) or error}") from error

    def _pipe(self, command: str, path: str, data: bytes | None = None) -> bytes:
        status, out, err = self.run(command, data)
        if status:
            raise NotTransferred(f"{path}: {err.decode(errors='replace').strip() or f'status {status}'}")
        return out


def arrival(channel: Any) -> threading.Event:
    """Return an event that is set whenever something has come on a channel, or has ended; who waits clears it.

    The channel's own descriptor is not to be waited for: paramiko keeps it for two streams, and sets and clears it
    without a lock, so that what comes between may be missed.
    """
    event = threading.Event()
    for stream in (channel.in_buffer, channel.in_stderr_buffer):
        stream.set_event(_Ring(event))
    return event


class _Ring:
    """An event of one stream, as paramiko takes it, which rings the one of both."""

    def __init__(self, event: threading.Event) -> None:
        self.set = event.set

    def clear(self) -> None:
        """Do nothing: that this stream is empty says nothing of the other."""


def _all(receive: Any) -> bytes:
    return b"".join(iter(lambda: receive(_CHUNK), b""))


def _prefer(options: Any, known: known_hosts.Known) -> None:
    """Ask first for the kinds of host key that are known, or a known host would show one that is not."""
    wanted = {name for kind in known.keys for name in _ALGORITHMS.get(kind, (kind,))}
    options.key_types = sorted(options.key_types, key=lambda name: name not in wanted)


def _keys(target: Target) -> Iterator[tuple[Any, str]]:
    """Yield private keys and what to call them: those that are named, the agent's, the user's own.

    None for one that cannot be used, with the reason: the agent may have it, or a password be enough.
    """
    if target.key:
        yield _key(target.key, "the private key", target.passphrase), "the private key"
    for path in target.key_files:
        try:
            yield _key_file(path, target.passphrase), path
        except NotAuthenticated as error:
            yield None, str(error)
    if target.agent:
        agent = paramiko.Agent()
        try:
            for key in agent.get_keys():
                yield key, "a key of the agent"
        finally:
            agent.close()
    if target.default_keys and not (target.key or target.key_files):
        for name in _DEFAULT_KEYS:
            path = os.path.join("~", ".ssh", name)
            try:
                key = _key_file(path, target.passphrase)
            except (NotAuthenticated, OSError):
                continue  # nobody asked for this one
            yield key, path


def _key_file(path: str, passphrase: str | None) -> Any:
    full = os.path.expanduser(path)
    try:
        with open(full, encoding="utf-8", errors="replace") as file:
            key = _key(file.read(), path, passphrase)
    except OSError as error:
        raise NotAuthenticated(f"the private key {path} cannot be read: {error.strerror}") from error
    if os.path.isfile(full + "-cert.pub"):
        key.load_certificate(full + "-cert.pub")
    return key


def _key(text: str, name: str, passphrase: str | None) -> Any:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), passphrase)
        except paramiko.PasswordRequiredException:
            raise NotAuthenticated(f"{name} is encrypted: it needs its passphrase") from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    wrong = "it is of no kind that is known here, or the passphrase is wrong"
    raise NotAuthenticated(f"{name} cannot be used: {wrong}")
