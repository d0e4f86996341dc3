"""An SSH server in a thread of this process, for tests without a real one."""

from __future__ import annotations

import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

HOST_KEY = paramiko.ECDSAKey.generate()
USER_KEY = paramiko.ECDSAKey.generate()
PASSWORD = "open sesame"


def by_shell(channel: paramiko.Channel, command: bytes) -> int:
    """Run a command as a server would, with what comes in until the other side has no more."""
    typed = b"".join(iter(lambda: channel.recv(1 << 15), b"")) if b"cat" in command else b""
    done = subprocess.run(["sh", "-c", command], input=typed, capture_output=True, check=False)
    channel.sendall(done.stdout)
    channel.sendall_stderr(done.stderr)
    return done.returncode


class Server:
    """A server on loopback, while the context lasts; it has no sftp."""

    def __init__(self, handle: Callable[[Any, bytes], int | None] = by_shell) -> None:
        self.handle = handle
        #: What clients asked for: ways in, commands, terminals, connections to other places.
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self.threads: list[threading.Thread] = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Server:
        self.threads[0].start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing alone does not wake who waits for a client.
        self._socket.shutdown(socket.SHUT_RDWR)
        self.drop()
        for thread in self.threads:
            thread.join(30)
        self._socket.close()

    def drop(self) -> None:
        """Close all connections without a word."""
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            transport = _Transport(client)
            transport.add_server_key(HOST_KEY)
            self._transports.append(transport)
            try:
                transport.start_server(server=_Interface(self, transport))
            except (paramiko.SSHException, EOFError, OSError):
                transport.close()  # the client did not like the host key

    def start(self, function: Callable[..., None], *args: object) -> None:
        """Start a thread that the end of the server waits for."""
        thread = threading.Thread(target=function, args=args)
        thread.start()
        self.threads.append(thread)  # a thread that has not started cannot be waited for


class _Transport(paramiko.Transport):
    """Starts commands when the client has been told that they start, as any other server does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.due: list[Callable[[], None]] = []

    def _send_user_message(self, data: Any) -> None:
        super()._send_user_message(data)
        while self.due and threading.current_thread() is self:
            self.due.pop()()


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: Server, transport: paramiko.Transport) -> None:
        self._server, self._transport = server, transport

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.asked.append("password")
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.asked.append("publickey")
        return paramiko.AUTH_SUCCESSFUL if key == USER_KEY else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *arguments: object) -> bool:
        self._server.asked.append("terminal")
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.asked.append(command.decode())
        channel.get_transport().due.append(lambda: self._server.start(self._run, channel, command))
        return True

    def check_channel_direct_tcpip_request(self, chanid: int, origin: object, destination: tuple[str, int]) -> int:
        self._server.asked.append(f"to {destination[0]}:{destination[1]}")
        self._server.start(self._forward, destination)
        return paramiko.OPEN_SUCCEEDED

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        try:
            status = self._server.handle(channel, command)
            if status is not None:
                channel.send_exit_status(status)
            channel.close()
        except (paramiko.SSHException, EOFError, OSError):
            pass  # the client has gone

    def _forward(self, destination: tuple[str, int]) -> None:
        channel = self._transport.accept(20)
        with socket.create_connection(destination) as there, channel:
            back = threading.Thread(target=_pump, args=(there.recv, channel.sendall, channel.close))
            back.start()
            _pump(channel.recv, there.sendall, lambda: there.shutdown(socket.SHUT_RDWR))
            back.join(30)


def _pump(receive: Callable[[int], bytes], send: Callable[[bytes], object], end: Callable[[], object]) -> None:
    try:
        for data in iter(lambda: receive(1 << 15), b""):
            send(data)
        end()
    except (OSError, EOFError):
        pass  # the other side has gone, or this one's connection, which paramiko calls an end of file
