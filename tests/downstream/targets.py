"""The integration targets of an ansible-core source distribution: what they are and what they need."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from functools import cached_property

#: The folder of targets inside a source distribution.
TARGETS = os.path.join("test", "integration", "targets")


def unpack(sdist: str, folder: str) -> str:
    """Return the root of a source distribution: ``sdist`` itself, or what its archive holds, in ``folder``."""
    if os.path.isdir(sdist):
        return os.path.abspath(sdist)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
        root = archive.getnames()[0].partition("/")[0]
    return os.path.join(folder, root)


@dataclass(frozen=True)
class Target:
    """One folder of ``test/integration/targets``."""

    root: str
    name: str

    @property
    def folder(self) -> str:
        return os.path.join(self.root, TARGETS, self.name)

    @cached_property
    def aliases(self) -> frozenset[str]:
        """What ``aliases`` says of it: one path of words a line, a comment after ``#``."""
        return frozenset(filter(None, (line.partition("#")[0].strip() for line in self._lines("aliases"))))

    @property
    def is_script(self) -> bool:
        """Whether it brings a ``runme.sh``; else it is a role."""
        return os.path.exists(os.path.join(self.folder, "runme.sh"))

    @property
    def is_test(self) -> bool:
        """Whether it is run by itself: others are there to be used by those."""
        return bool(self.aliases) and not any(alias.startswith("hidden") for alias in self.aliases)

    def having(self, prefix: str) -> list[str]:
        """Return what follows ``prefix/`` in its aliases."""
        start = f"{prefix}/"
        return sorted(alias[len(start) :].strip("/") for alias in self.aliases if alias.startswith(start))

    def needs(self) -> set[str]:
        """Return the names of the targets that must be there when this one runs, itself among them."""
        found: set[str] = set()
        left = [self.name]
        while left:
            name = left.pop()
            target = Target(self.root, name)
            if name in found or not os.path.isdir(target.folder):
                continue
            found.add(name)
            left += (
                target.having("needs/target") + target.having("setup/once") + target.having("setup/always")
            )
            left += [match[1] for match in map(_ROLE.match, target._lines("meta", "main.yml")) if match]
            left += target._linked()
        return found

    def _lines(self, *path: str) -> list[str]:
        try:
            with open(os.path.join(self.folder, *path), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _linked(self) -> list[str]:
        """Return the targets into which a link of this one leads."""
        base = os.path.join(os.path.realpath(self.root), TARGETS) + os.sep
        paths = [
            os.path.join(top, name)
            for top, folders, files in os.walk(self.folder)
            for name in folders + files
        ]
        ends = [os.path.realpath(path) for path in paths if os.path.islink(path)]
        return [end[len(base) :].partition(os.sep)[0] for end in ends if end.startswith(base)]


_ROLE = re.compile(r"\s*-\s*(?:role\s*:\s*)?['\"]?([\w.-]+)['\"]?\s*$")


def those_of(root: str) -> list[Target]:
    """Return the targets that are tests, by name."""
    targets = [Target(root, name) for name in sorted(os.listdir(os.path.join(root, TARGETS)))]
    return [target for target in targets if target.is_test]


def place(target: Target, folder: str) -> str:
    """Copy a target with what it needs into ``folder``, as ansible-test does; return its integration folder."""
    for name in sorted(target.needs()):
        copy = os.path.join(folder, TARGETS, name)
        shutil.copytree(os.path.join(target.root, TARGETS, name), copy, symlinks=True)
    for path in target.having("needs/file"):
        source, copy = os.path.join(target.root, path), os.path.join(folder, path)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(source, copy)
    return os.path.join(folder, "test", "integration")
