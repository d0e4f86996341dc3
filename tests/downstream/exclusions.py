"""What is not run, and why: rules over aliases, which say what a target needs, then single targets.

The same list holds for stock and for the hook.  A target that stock itself fails on a machine is not listed
here: the run says so, and judges nothing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .targets import Target

#: (pattern over an alias, reason).
ALIASES = (
    ("windows*", "needs a Windows host"),
    ("shippable/windows/*", "needs a Windows host"),
    ("network/*", "needs a network device"),
    ("shippable/ios/*", "needs a network device"),
    ("cloud/*", "needs a service in a container"),
    ("needs/httptester", "needs a service in a container"),
    ("needs/ssh", "needs an SSH server"),
    ("needs/privileged", "needs a privileged container"),
    ("skip/docker", "is not for containers"),
    ("needs/target/ansible-test", "tests ansible-test, not ansible-core"),
    ("disabled*", "is disabled by ansible-core"),
    ("unsupported*", "is disabled by ansible-core"),
    ("needs/target/dnf", "needs the package manager dnf"),
    ("context/windows", "needs a Windows host"),
)

#: (pattern over a target's name, reason).
NAMES = (
    ("ansible-test*", "tests ansible-test, not ansible-core"),
    ("win_*", "needs a Windows host"),
    ("*_winrm", "needs a Windows host"),
    ("*_windows*", "needs a Windows host"),
    ("connection_psrp", "needs a Windows host"),
    ("ansible-galaxy*", "downloads from a network"),
    ("fork_safe_stdio", "is decided by which thread is first: stock failed 8 of 25 runs here"),
    ("*httptester*", "needs a service in a container"),
)

#: (pattern over a target's name, program that must be there).
PROGRAMS = (
    ("apt*", "apt-get"),
    ("dnf*", "dnf"),
    ("git", "git"),
    ("iptables", "iptables"),
    ("rpm_key", "rpm"),
    ("subversion", "svn"),
    ("systemd", "systemctl"),
    ("yum*", "yum"),
    ("ssh_agent", "ssh-agent"),
)

#: Accounts, packages or settings of the machine are changed by these, so they are run only on demand.
DESTRUCTIVE = "destructive"
#: Those that make accounts without being marked, themselves or through what they need; one that is cut off leaves them.
ACCOUNTS = frozenset(("file", "setup_test_user", "setup_become_user_pair"))

#: Targets in which ``~`` is looked for in the environment and among the accounts; others get a home of their own.
ACCOUNT_HOME = ("async",)

#: Targets that end otherwise where no program can be started, and do not say why; strict as all others elsewhere.
ASK_FOR_PROGRAMS = {
    "connection_remote_is_local": "wants a file to be put, which the connection does without in this process",
    "gathering_facts": "asks ip for the addresses of the machine",
    "getent": "looks for getent with a command, and skips its tests when it finds none",
    "service_facts": "finds no program that knows services, and reports none",
    "stat": "asks the program file for a type, and reports that it is unknown",
}


def reasons(target: Target, *, destructive: bool) -> Iterator[str]:
    """Yield why a target is not run here; nothing if it is."""
    for pattern, reason in ALIASES:
        if any(fnmatchcase(alias, pattern) for alias in target.aliases):
            yield reason
    for pattern, reason in NAMES:
        if fnmatchcase(target.name, pattern):
            yield reason
    for pattern, program in PROGRAMS:
        if fnmatchcase(target.name, pattern) and not shutil.which(program):
            yield f"needs the program {program}"
    if "needs/root" in target.aliases and os.geteuid() != 0:
        yield "needs root"
    if "needs/target/setup_pexpect" in target.aliases and not importlib.util.find_spec("pexpect"):
        yield "needs the package pexpect"
    if not destructive and (DESTRUCTIVE in target.aliases or ACCOUNTS & target.needs()):
        yield "changes the machine that it runs on (--destructive runs it)"
