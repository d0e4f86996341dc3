"""What is known of each module of ansible.builtin where no program can be started.

`docs/generate.py` makes a page of it, and the tests play or start each.
"""

from __future__ import annotations

import os
import re

PLAYS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plays")
#: Plays whose outcome there is compared with that of Ansible with processes.
COMPARED = ("modules.yml", "commands.yml", "language.yml", "once.yml")

#: Modules that fail without programs: a task, and the program that the message must name.
NEEDS_A_COMMAND = {
    "command": ("    - command: uname -a\n", "uname"),
    "shell": ("    - shell: uname -a | cat\n", "uname"),
    "raw": ("    - raw: uname -a\n", "uname"),
    "script": (f"    - script: {PLAYS}/only_even.yml\n", "only_even.yml"),
    "apt": ("    - apt: {name: nothing}\n", "apt-get"),
    "apt_key": ("    - apt_key: {url: 'http://127.0.0.1:9/'}\n", "apt-key"),
    "cron": ("    - cron: {name: nothing, job: 'true', user: root}\n", "crontab"),
    "debconf": ("    - debconf: {name: nothing}\n", "debconf-show"),
    "dnf5": ("    - dnf5: {name: nothing}\n", "dnf"),
    "dpkg_selections": ("    - dpkg_selections: {name: nothing, selection: hold}\n", "dpkg"),
    "git": ("    - git: {repo: 'file:///nowhere', dest: /nowhere/else}\n", "git"),
    "group": ("    - group: {name: somebodys_new}\n", "groupadd"),
    "iptables": ("    - iptables: {chain: INPUT, protocol: icmp, jump: ACCEPT}\n", "iptables"),
    "rpm_key": ("    - rpm_key: {key: /nowhere}\n", "rpm"),
    "subversion": ("    - subversion: {repo: 'file:///nowhere', dest: /nowhere/else}\n", "svn"),
    "systemd": ("    - systemd: {name: nothing, state: started}\n", "systemctl"),
    "systemd_service": ("    - systemd_service: {name: nothing, state: started}\n", "systemctl"),
    "user": ("    - user: {name: somebody_new}\n", "useradd"),
}
#: Modules of ansible.builtin that no test plays without programs, and why.
NOT_PLAYED = {
    "apt_repository": "needs the system's own Python with python3-apt",
    "async_wrapper": "part of `async`, which works",
    "deb822_repository": "needs the package python3-debian",
    "dnf": "needs the system's own Python with python3-dnf",
    "expect": "needs the package pexpect, which forks",
    "hostname": "it would rename the machine that the tests run on",
    "import_playbook": "runs nothing itself",
    "mount_facts": "works, without what `blkid` and `lsblk` know",
    "package": "as the package manager's own module",
    "package_facts": "asks the package manager",
    "pip": "works where pip is a Python script on the path; it would change what is installed",
    "reboot": "Ansible refuses it for a local connection",
    "service": "as the service manager's own module",
    "service_facts": "works, and knows of no service",
    "sysvinit": "asks the service manager",
    "yum": "as `dnf`",
}


def played() -> list[str]:
    """Return the modules that the compared plays have."""
    found: set[str] = set()
    for play in COMPARED:
        with open(os.path.join(PLAYS, play), encoding="utf-8") as file:
            found.update(re.findall(r"^ *(?:- )?ansible\.builtin\.(\w+):", file.read(), re.MULTILINE))
    return sorted(found)
