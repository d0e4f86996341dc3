"""The Python sources in a zip file, with their code compiled once for every program that carries them."""

from __future__ import annotations

import _imp
import io
import os
import sys
import zipfile
import zlib
from _frozen_importlib import ModuleSpec
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

    from .private_modules import Namespace

# Code of members by (path, size, crc): the same source is in the payload of nearly every module.
_codes: dict[tuple[str, int, int], CodeType] = {}
_MOST_CODES = 4000
_fix_filename: Any = getattr(_imp, "_fix_co_filename", None)


class Member:
    """One source file: ``path`` and ``parent`` directory in the archive, and ``key``, which says what it is."""

    __slots__ = ("is_package", "key", "parent", "path")

    def __init__(self, path: str, size: int, crc: int, *, is_package: bool) -> None:
        self.path = path
        self.is_package = is_package
        directory = path.rpartition("/")[0]
        self.parent = directory.rpartition("/")[0] if is_package else directory
        self.key = (path, size, crc)


class Archive:
    """A zip file in memory; ``members`` are its sources by module name, ``roots`` their top-level names."""

    def __init__(self, data: bytes) -> None:
        self._file = zipfile.ZipFile(io.BytesIO(data))
        self.members: dict[str, Member] = {}
        for info in self._file.infolist():
            path, suffix = os.path.splitext(info.filename)
            if suffix != ".py":
                continue
            name = path.removesuffix("/__init__")
            is_package = name != path
            self.members[name.replace("/", ".")] = Member(
                info.filename, info.file_size, info.CRC, is_package=is_package
            )
        self.roots = frozenset(name.partition(".")[0] for name in self.members)
        # What follows the last member is the directory, which a program that adds a member writes anew.
        self._start = data[: self._file.start_dir]

    def is_start_of(self, path: str) -> bool:
        """Return whether a file begins with the members of this archive."""
        try:
            with open(path, "rb") as file:
                return file.read(len(self._start)) == self._start
        except OSError:
            return False

    def source(self, member: Member) -> bytes:
        """Return the bytes of a member."""
        return self._file.read(member.path)

    def code(self, name: str, member: Member, filename: str) -> CodeType:
        """Return the code of a member; shared by all who have the same one."""
        code = _codes.get(member.key)
        if code is None:
            code = _installed_code(name, member, filename)
            if code is None:
                code = compile(self.source(member), filename, "exec", dont_inherit=True)
            while len(_codes) >= _MOST_CODES:
                _codes.pop(next(iter(_codes)), None)
            _codes[member.key] = code
        return code

    def spec(self, name: str, member: Member, space: Namespace) -> ModuleSpec:
        """Return the spec of a module whose source is a member."""
        filename = f"{space.prefix}/{member.path}"
        loader: Any = Loader(self, name, member, filename, space)
        spec = ModuleSpec(name, loader, origin=filename, is_package=member.is_package)
        spec.has_location = True
        if member.is_package:
            spec.submodule_search_locations = [filename.rpartition("/")[0]]
        return spec


def _installed_code(name: str, member: Member, filename: str) -> CodeType | None:
    """Return the code of the installed file that a member was made from, which costs a fifth of compiling.

    None unless that file is the same, byte for byte as far as length and checksum tell.
    """
    if _fix_filename is None:
        return None
    root, _, below = member.path.partition("/")
    package = sys.__dict__["modules"].get(root)
    for directory in list(getattr(package, "__path__", ())):
        path = os.path.join(directory, *below.split("/"))
        try:
            if os.stat(path).st_size != member.key[1]:
                continue
            loader = SourceFileLoader(name, path)
            if zlib.crc32(loader.get_data(path)) != member.key[2]:
                continue
            code = loader.get_code(name)
        except (OSError, ImportError, SyntaxError):
            continue
        if code is not None:
            _fix_filename(code, filename)
            return code
    return None


class Loader:
    """Loads one private module from an archive."""

    def __init__(self, archive: Archive, name: str, member: Member, filename: str, space: Namespace) -> None:
        self._archive = archive
        self._name = name
        self._member = member
        self._filename = filename
        self._space = space

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to the interpreter."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of the member."""
        exec(self._archive.code(self._name, self._member, self._filename), vars(module))
        self._space.executed(module, self._member.key)

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the member (for `runpy`)."""
        return self._archive.code(self._name, self._member, self._filename)

    def get_source(self, fullname: str) -> str:
        """Return the text of the member (for tracebacks)."""
        return self._archive.source(self._member).decode("utf-8", "replace")

    def get_filename(self, fullname: str) -> str:
        """Return where the member seems to lie."""
        return self._filename

    def is_package(self, fullname: str) -> bool:
        """Return whether the member is a package."""
        return self._member.is_package

    def get_data(self, path: str) -> bytes:
        """Return the bytes of any file in the archive (for `pkgutil.get_data`)."""
        inside = path.removeprefix(self._space.prefix).lstrip("/")
        try:
            return self._archive._file.read(inside)
        except KeyError:
            raise OSError(2, "No such file or directory", path) from None
