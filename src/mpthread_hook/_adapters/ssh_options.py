"""What arguments for the program `ssh`, and its configuration, say about a host; by the names of ssh_config(5)."""

from __future__ import annotations

import getopt
import getpass
import glob
import io
import os
import re
import shlex
from dataclasses import replace

try:
    import paramiko
except ImportError:
    paramiko = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .ssh_session import Target

# All flags of `ssh`, so that what belongs to one that means nothing here is not taken for a host.
_FLAGS = "46AaCfGgKkMNnqsTtVvXxYyB:b:c:D:E:e:F:I:i:J:L:l:m:O:o:P:p:Q:R:S:W:w:"
_NAMES = {"-J": "proxyjump", "-p": "port", "-l": "user", "-W": "forward", "-F": "config", "-i": "identityfile"}
#: How deep files may include others, as for ssh.
_DEEPEST = 16
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CONFIGS = ("~/.ssh/config", "/etc/ssh/ssh_config")
_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"


def parse(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the options among the arguments of `ssh`, and the other words; ValueError if it would not take them.

    The first one of a name counts, but all files of keys do.
    """
    try:
        flags, rest = getopt.gnu_getopt(words, _FLAGS)
    except getopt.GetoptError as error:
        raise ValueError(f"arguments for ssh: {error}") from error
    options: dict[str, Any] = {}
    for flag, value in flags:
        name, text = _NAMES.get(flag, ""), value
        if flag == "-o":
            name, text = (*re.split(r"\s*=\s*|\s+", value.strip(), maxsplit=1), "")[:2]
        elif flag == "-C":
            name, text = "compression", "yes"
        name, text = name.lower(), text.strip()
        if name == "identityfile":
            options.setdefault(name, []).append(text)
        elif name:
            options.setdefault(name, text)
    return options, rest


def target(base: Target, options: dict[str, Any], given: Iterable[str] = ()) -> Target:
    """Return ``base`` with what the options and the configuration of the user add to it.

    Fields named in ``given`` stay.  Raises ValueError for what would need a program.
    """
    found = {**_configured(base.host, options.get("config")), **options}
    host = found.get("hostname", base.host)
    values: dict[str, Any] = {
        "host": host,
        "port": int(found.get("port", base.port)),
        "user": found.get("user") or base.user or getpass.getuser(),
        "timeout": float(found.get("connecttimeout", base.timeout)),
        "key_files": tuple(found.get("identityfile", base.key_files)),
        "check": _check(found.get("stricthostkeychecking", base.check)),
        "known_hosts": tuple(
            shlex.split(found.get("userknownhostsfile", _KNOWN_HOSTS))
            + shlex.split(found.get("globalknownhostsfile", _GLOBAL_KNOWN_HOSTS))
        ),
        "hash_names": found.get("hashknownhosts", "no") == "yes",
        "alias": found.get("hostkeyalias", ""),
        "compress": found.get("compression", "no") == "yes",
        "alive": int(found.get("serveraliveinterval", 0)),
        "persist": _persist(found),
    }
    if found.get("identitiesonly") == "yes":
        values["agent"] = False
    for name in given:
        values.pop(name, None)
    made = replace(base, **values)
    return replace(made, via=_via(made, found, {"check", "known_hosts"} & set(given)))


def _persist(found: dict[str, Any]) -> float | None:
    """Return for how many seconds an idle connection is kept: None for not at all, 0 for ever."""
    value = found.get("controlpersist", "no").lower()
    if found.get("controlmaster", "no").lower() in {"no", "false"} or value in {"no", "false"}:
        return None
    if value in {"yes", "true"}:
        return 0
    parts = re.findall(r"(\d+)([smhdw]?)", value)
    if "".join(number + unit for number, unit in parts) != value or not parts:
        raise ValueError(f"ControlPersist is yes, no or a time such as 60s or 1h30m, not {value!r}")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def _check(value: str) -> str:
    return {"off": "no", "no": "no", "accept-new": "accept-new"}.get(value.lower(), "yes")


def _configured(host: str, path: str | None) -> dict[str, Any]:
    config = paramiko.SSHConfig()
    for name in [path] if path else _CONFIGS:
        try:
            lines = _with_includes(os.path.expanduser(name), system=not path and name.startswith("/"))
            config.parse(io.StringIO("".join(lines)))
        except FileNotFoundError:
            continue
        except paramiko.ConfigParseError as error:
            raise ValueError(f"{name}: {error}") from error
    try:
        return dict(config.lookup(host))
    except Exception as error:
        # `Match exec` wants a program, by a package that may not be there.
        raise ValueError(f"the configuration of ssh for {host}: {error}") from error


def _with_includes(path: str, *, system: bool, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a configuration, those of files that it includes in their place.

    paramiko passes over `Include`.  A file that is not there is none, as for ssh; one that begins a block inside of
    another block cannot be put in its place.  Raises ValueError for that, and for files that include each other.
    """
    if depth > _DEEPEST:
        raise ValueError(f"{path}: files include each other more than {_DEEPEST} times")
    block = ""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = re.split(r"\s*=\s*|\s+", line.strip(), maxsplit=1)
            if words[0].lower() in {"host", "match"}:
                block = line
            if words[0].lower() != "include" or len(words) < 2:
                yield line if line.endswith("\n") else f"{line}\n"
                continue
            for pattern in shlex.split(words[1]):
                base = "/etc/ssh" if system else "~/.ssh"
                for name in sorted(glob.glob(os.path.join(os.path.expanduser(base), os.path.expanduser(pattern)))):
                    inner = list(_with_includes(name, system=system, depth=depth + 1))
                    begins = any(re.match(r"\s*(host|match)\b", one, re.IGNORECASE) for one in inner)
                    if begins and block and block.split()[1:] not in (["*"], ["all"]):
                        raise ValueError(f"{path}: {name}, which is included for some hosts, begins with others anew")
                    yield from inner
                    # What follows belongs to the block that it stands in.
                    yield block or "Host *\n"


def _via(made: Target, found: dict[str, Any], given: set[str]) -> Target | None:
    """Return the host to go through.

    What ssh was told of the checking of keys is about the host behind; what Ansible was told is about both.
    """
    jumps: str = found.get("proxyjump", "none")
    # ssh hands its `-F` on to the one that it starts for the jump, and nothing else.
    options: dict[str, Any] = {"config": found["config"]} if "config" in found else {}
    command = found.get("proxycommand", "none")
    if jumps == "none" and command != "none":
        jumps, options = _jump(command)
    via = None
    if jumps != "none":
        for jump in jumps.split(","):
            # Password and user were given for the host behind; ssh takes neither.
            base = replace(made, password=None, user="", via=None, alias="", port=22)
            if "check" not in given:
                base = replace(base, check="yes")
            # Both last as long as the session through them does.
            via = replace(_named(base, jump.strip(), options, given), via=via, persist=made.persist)
    return via


def _named(base: Target, text: str, options: dict[str, Any], given: set[str]) -> Target:
    user, _, place = text.removeprefix("ssh://").rpartition("@")
    host, _, port = place.rpartition(":") if place.count(":") == 1 or "]:" in place else (place, "", "")
    # No way of its own to this one: a configuration for all hosts would lead it through itself.
    direct = {"proxyjump": "none", "proxycommand": "none"}
    said = {**options, **({"user": user} if user else {}), **({"port": port} if port else {}), **direct}
    return target(replace(base, host=host.strip("[]")), said, ("timeout", *given))


def _jump(command: str) -> tuple[str, dict[str, Any]]:
    """Return the host and options of ``ssh -W %h:%p HOST``, which inventories have for ``-J HOST``."""
    words = shlex.split(command)
    if words and os.path.basename(words[0]) == "ssh":
        options, rest = parse(words[1:])
        if "forward" in options and len(rest) == 1 and not options.keys() & {"proxyjump", "proxycommand"}:
            return rest[0], options
    raise ValueError(f"ProxyCommand would start a program, {command!r}; write ProxyJump, if it leads through a host")
