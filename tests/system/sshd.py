"""A real sshd on loopback, for as many hosts as there are addresses in 127.0.0.0/8.

It is taken from PATH, or from a folder into which its packages were unpacked, which MPTHREAD_SSHD_ROOT names
(on Debian: `apt-get download openssh-server libwrap0`, `dpkg -x` for each).  It runs in a mount namespace with
an /etc of its own, which has the user that it wants, and users with a password.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: The password of `root` and of `walker`, who is nobody in particular; and its hash in /etc/shadow.
PASSWORD = "open sesame"
_HASH = "$6$salt$Y6g9DOGvmKi.rUZj4wYRsu81e/xiQjZOHDVgZQsASfa8nA3EvFKBHUDMWxS2ICbOEloc1kersS3PKn8yosbNh1"
_OPTIONS = """
ListenAddress 0.0.0.0
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
MaxStartups 200
MaxSessions 200
{subsystem}
"""


def program() -> tuple[str, dict[str, str]]:
    """Return the path of sshd and what its environment needs; FileNotFoundError if there is none."""
    root = os.environ.get("MPTHREAD_SSHD_ROOT")
    places = [f"{root}/usr/sbin", f"{root}/usr/bin"] if root else [*os.get_exec_path(), "/usr/sbin", "/usr/local/sbin"]
    found = shutil.which("sshd", path=os.pathsep.join(places))
    if found is None:
        raise FileNotFoundError("there is no sshd on PATH, and none where MPTHREAD_SSHD_ROOT points")
    libraries = [str(path) for path in Path(root or os.devnull).glob("usr/lib/*-linux-gnu*")] if root else []
    return found, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else {}


def reason() -> str:
    """Return why there can be no server here, empty if there can be one."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "sshd is started by root, in a namespace of Linux"
    for name in ("unshare", "ssh", "ssh-keygen"):
        if shutil.which(name) is None:
            return f"there is no program {name}"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        return "this machine allows no mount namespace"
    try:
        program()
    except FileNotFoundError as error:
        return str(error)
    return ""


class Sshd:
    """A server that runs while the context lasts."""

    def __init__(self, *, sftp: bool = True) -> None:
        # Not below pytest's folder, which only its owner can enter.
        self.folder = Path(tempfile.mkdtemp(prefix="sshd-"))
        self.folder.chmod(0o755)
        self.key = self.folder / "user"
        self.known_hosts = self.folder / "known_hosts"
        self._sftp = sftp
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("0.0.0.0", 0))
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Sshd:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        self._make_etc()
        subsystem = "Subsystem sftp internal-sftp" if self._sftp else ""
        text = _OPTIONS.format(port=self.port, folder=self.folder, subsystem=subsystem)
        (self.folder / "config").write_text(text, encoding="utf-8")
        self.know()
        sshd, variables = program()
        script = 'mount --bind "$1" /etc && mkdir -p /run/sshd && shift && exec "$@"'
        server = [sshd, "-D", "-e", "-f", str(self.folder / "config")]
        inside = ["sh", "-c", script, "sh", str(self.folder / "etc"), *server]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "-m", *inside],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text(encoding="utf-8")) from None
                time.sleep(0.02)  # nothing tells that it listens
            else:
                return

    def _make_etc(self) -> None:
        etc = self.folder / "etc"
        # A copy, as whoever replaces the real passwd would undo a mount on that file.
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        home = self.folder / "walker"
        home.mkdir()
        os.chown(home, 22223, 22223)
        lines = {
            "passwd": [
                "sshd:x:22222:65534::/run/sshd:/usr/sbin/nologin",
                f"walker:x:22223:22223::{home}:/bin/sh",
            ],
            "group": ["walker:x:22223:"],
            "shadow": [f"{name}:{_HASH}:19000:0:99999:7:::" for name in ("root", "walker")],
        }
        for name, more in lines.items():
            path = etc / name
            ours = {line.partition(":")[0] for line in more}
            text = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            kept = [line for line in text if line.partition(":")[0] not in ours]
            path.write_text("\n".join([*kept, *more, ""]), encoding="utf-8")

    def know(self, key: str | None = None, hosts: int = 40) -> None:
        """Write the known hosts: this server's key for all of its addresses, or another one."""
        if key is None:
            key = (self.folder / "host.pub").read_text(encoding="utf-8")
        kind, blob = key.split()[:2]
        lines = [f"[127.0.0.{number}]:{self.port} {kind} {blob}\n" for number in range(1, hosts + 1)]
        self.known_hosts.write_text("".join(lines), encoding="utf-8")

    def write_inventory(self, path: Path, hosts: int) -> None:
        """Write an inventory of as many hosts, which stock Ansible reaches by the same words."""
        lines = [f"h{number:02} number={number} ansible_host=127.0.0.{number + 1}" for number in range(hosts)]
        variables = {
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": self.key,
            "ansible_ssh_common_args": f"'-o UserKnownHostsFile={self.known_hosts} -o IdentitiesOnly=yes'",
            "ansible_python_interpreter": sys.executable,
        }
        lines += ["[all:vars]", *(f"{name}={value}" for name, value in variables.items()), ""]
        path.write_text("\n".join(lines), encoding="utf-8")
