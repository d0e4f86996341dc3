"""Files of known hosts: which lines speak of a host, and what they say."""

from __future__ import annotations

import base64
import hmac
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mpthread_hook._adapters import known_hosts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit
KEY = base64.b64encode(b"a key").decode()


def hashed(name: str) -> str:
    salt = b"20 bytes of some salt"
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


@pytest.mark.parametrize(
    ("field", "name", "matches"),
    [
        ("host.example", "host.example", True),
        ("Host.Example", "host.example", True),
        ("Alias", "Alias", True),
        ("other,host.example", "host.example", True),
        ("host", "host.example", False),
        ("*.example", "host.example", True),
        ("h?st.example", "host.example", True),
        ("*.example,!host.example", "host.example", False),
        ("!host.example,*.example", "host.example", False),
        ("[host.example]:2222", "[host.example]:2222", True),
        ("host.example", "[host.example]:2222", False),
        ("[abc]ost.example", "bost.example", False),
        (hashed("host.example"), "host.example", True),
        (hashed("[host.example]:2222"), "[host.example]:2222", True),
        (hashed("other"), "host.example", False),
        ("|1|broken", "host.example", False),
        ("|1|a|b|c", "host.example", False),
    ],
)
def test_names(tmp_path: Path, field: str, name: str, matches: bool) -> None:
    """Names, patterns with exceptions, ports and hashes match as sshd(8) says."""
    (tmp_path / "known").write_text(f"{field} ssh-ed25519 {KEY}\n", encoding="utf-8")
    keys = known_hosts.read([str(tmp_path / "known")], name).keys
    assert keys == ({"ssh-ed25519": {b"a key"}} if matches else {})


def test_what_lines_say(tmp_path: Path) -> None:
    """Several keys of a host are all known; comments, broken lines and authorities say nothing; files add up."""
    other = base64.b64encode(b"another").decode()
    lines = [
        "# host ssh-rsa " + KEY,
        "",
        "host",
        "host ssh-rsa not_base64!",
        "host ssh-rsa " + KEY + " a comment",
        "host ssh-rsa " + other,
        "@cert-authority * ssh-rsa " + base64.b64encode(b"authority").decode(),
        "@revoked * ssh-rsa " + other,
        "@new-marker host ssh-rsa " + base64.b64encode(b"who knows").decode(),
    ]
    (tmp_path / "one").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "two").write_bytes(b"\xff\xfe\nhost ssh-ed25519 " + KEY.encode())
    known = known_hosts.read([str(tmp_path / name) for name in ("one", "nothing", "two")], "host")
    assert known.keys == {"ssh-rsa": {b"a key", b"another"}, "ssh-ed25519": {b"a key"}}
    assert known.revoked == {b"another"}


def test_what_is_written_is_what_ssh_keygen_knows(tmp_path: Path) -> None:
    """Our name, line and fingerprint of a host are those of OpenSSH, and we read what it has hashed."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no program ssh-keygen")

    def keygen(*arguments: str) -> str:
        command = ["ssh-keygen", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    keygen("-q", "-t", "ed25519", "-N", "", "-f", "key")
    kind, key = (tmp_path / "key.pub").read_text(encoding="utf-8").split()[:2]
    blob = base64.b64decode(key)
    name = known_hosts.entry_name("Host.Example", 2222)
    (tmp_path / "known").write_text(known_hosts.line(name, kind, blob) + "\n", encoding="utf-8")
    assert key in keygen("-F", "[host.example]:2222", "-f", "known")
    assert known_hosts.fingerprint(blob) in keygen("-l", "-f", "key.pub")
    keygen("-H", "-f", "known")
    assert "host.example" not in (tmp_path / "known").read_text(encoding="utf-8")
    assert known_hosts.read([str(tmp_path / "known")], name).keys == {kind: {blob}}
