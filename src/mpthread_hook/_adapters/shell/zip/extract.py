"""`unzip`: makes files of the members of an archive."""

from __future__ import annotations

import errno
import os
import re
import stat
import zipfile
import zlib
from typing import NamedTuple

from .listing import padded, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ..running import Shell
    from .command import Options, Output
    from .entries import Entry

#: Bytes that are held at a time.
_CHUNK = 1 << 18
#: The longest target of a symbolic link.
_LONGEST = 1 << 16
_VERBS = {zipfile.ZIP_STORED: " extracting", zipfile.ZIP_DEFLATED: "  inflating", zipfile.ZIP_BZIP2: " bunzipping"}
#: What is written into names by systems that keep old versions of files.
_VERSION = re.compile(r";\d*\Z")
_WARNING, _ERROR, _NO_PASSWORD, _DISK, _UNKNOWN = 1, 2, 5, 50, 81


class _Link(NamedTuple):
    """A file that becomes a symbolic link in the end, unless another member has taken its place."""

    name: str
    target: str
    key: tuple[int, int]
    gone: bool = False


class Extractor:
    """Makes one file after the other in a directory."""

    def __init__(
        self, shell: Shell, options: Options, archive: zipfile.ZipFile, file: BinaryIO, output: Output
    ) -> None:
        self._shell = shell
        self._options = options
        self._archive = archive
        self._file = file
        self._output = output
        self._prefix = options.directory.rstrip("/") + "/" if options.directory else ""
        self._mask = shell.mask()
        self._nothing_replaced = "n" in options.letters
        self._warned = False
        #: The status for members that nobody can read here.
        self.skipped = 0
        self._directories: list[tuple[str, Entry]] = []
        self._links: list[_Link] = []

    def begin(self) -> bool:
        """Make the directory, if only that is missing; return whether it is there."""
        path = self._shell.path(self._prefix)
        if not self._prefix or os.path.isdir(path):
            return True
        try:
            os.mkdir(path.rstrip("/"), 0o777 & ~self._mask)
            self._shell.unmask(path, 0o777)
        except OSError as error:
            self._output.error(
                f"checkdir:  cannot create extraction directory: {self._options.directory.rstrip('/')}\n"
                f"           {error.strerror}",
                _ERROR,
            )
            return False
        return True

    def __call__(self, entry: Entry) -> None:
        info = entry.info
        if info.compress_type not in _VERBS:
            text = f"unsupported compression method {info.compress_type}"
            self._say(f"   skipping: {padded(entry.name)}  {text}")
            self.skipped = _UNKNOWN
            return
        if entry.is_encrypted:
            self._output.line(f"   skipping: {padded(entry.name)}  unable to get password")
            self._output.status = max(self._output.status, _NO_PASSWORD)
            return
        parts = self._parts(entry)
        try:
            self._make(entry, parts)
        except OSError as error:
            where = self._prefix + "/".join(parts)
            self._output.error(f"error:  cannot create {shown(where)}\n        {error.strerror}", _DISK)

    def finish(self) -> None:
        """Put links in their places, and give directories their modes and times, the deepest first."""
        if self._links:
            self._say("finishing deferred symbolic links:")
        for name, target, key, gone in self._links:
            path = self._shell.path(name)
            try:
                found = os.lstat(path)
                if gone or (found.st_dev, found.st_ino) != key or not stat.S_ISREG(found.st_mode):
                    text = f"warning:  deferred symlink ({shown(name)}) failed:\n          invalid placeholder file"
                    self._output.error(text)
                    continue
                self._say(f"  {padded(name)} -> {shown(target)}")
                os.unlink(path)
                os.symlink(target, path)
            except OSError as error:
                self._output.error(f"symlink error:  {error.strerror}", _WARNING)
        for name, entry in sorted(self._directories, key=lambda one: one[0], reverse=True):
            self._give(name, entry)

    def _say(self, text: str, end: str = "\n") -> None:
        if not self._options.quiet:
            self._output.line(text, end)

    def _parts(self, entry: Entry) -> list[str]:
        """Return the parts of a name, without those that lead out of the directory."""
        name = entry.name
        if "\\" in name and "/" not in name and entry.system == 0:
            name = name.replace("\\", "/")
            if not self._warned:
                self._warned = True
                archive = self._options.archive
                self._output.error(f"warning:  {archive} appears to use backslashes as path separators", _WARNING)
        if name.startswith("/"):
            self._output.error(f"warning:  stripped absolute path spec from {shown(entry.name)}", _WARNING)
        if "j" in self._options.letters:
            name = name.rpartition("/")[2]
        parts = [part for part in name.split("/") if part != ""]
        if parts and not entry.is_directory and name.endswith(parts[-1]) and parts[-1] in {".", ".."}:
            parts[-1] = "_" * len(parts[-1])
        parts = ["".join(char for char in part if char >= " " and char != "\x7f") for part in parts]
        if parts:
            parts[-1] = _VERSION.sub("", parts[-1])
        return [part for part in parts if part not in {"", ".", ".."}]

    def _make(self, entry: Entry, parts: list[str]) -> None:
        above = parts if entry.is_directory else parts[:-1]
        made = False
        for count in range(1, len(above) + 1):
            name = self._prefix + "/".join(above[:count])
            path = self._shell.path(name)
            made = not os.path.isdir(path)
            if made and os.path.exists(path):
                self._output.error(
                    f"checkdir error:  {shown(name)} exists but is not directory\n"
                    f"                 unable to process {shown(entry.name)}.",
                    _ERROR,
                )
                return
            try:
                if made:
                    os.mkdir(path, 0o777 & ~self._mask)
                    self._shell.unmask(path, 0o777)
            except OSError as error:
                self._output.error(
                    f"checkdir error:  cannot create {shown(name)}\n"
                    f"                 {error.strerror}\n"
                    f"                 unable to process {shown(entry.name)}.",
                    _ERROR,
                )
                return
        if "j" not in self._options.letters and ".." in re.split(r"[/\\]", entry.name.rstrip("/").rpartition("/")[0]):
            self._say(f'warning:  skipped "../" path component(s) in {shown(entry.name)}')
            self._output.status = max(self._output.status, _WARNING)
        if entry.is_directory:
            if made:
                name = self._prefix + "/".join(parts)
                self._say(f"   creating: {shown(name)}/")
                self._directories.append((name, entry))
        elif parts:
            self._file_of(entry, self._prefix + "/".join(parts))

    def _file_of(self, entry: Entry, name: str) -> None:
        path = self._shell.path(name)
        if os.path.lexists(path):
            if not self._may_replace(name):
                return
            try:
                os.unlink(path)
                self._links = [link._replace(gone=link.gone or link.name == name) for link in self._links]
            except OSError as error:
                number = errno.EISDIR if os.path.isdir(path) else error.errno or 0
                reason = os.strerror(number)
                self._output.error(f"error:  cannot delete old {shown(name)}\n        {reason}", _DISK)
                return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(path, flags, 0o666 & ~self._mask), "wb") as file:
            if entry.is_symlink:
                self._link(entry, name, file)
                return
            self._say(f"{_VERBS[entry.info.compress_type]}: {padded(name)}  ", "")
            if self._copy(entry, name, file):
                self._say("")
        self._give(name, entry)

    def _may_replace(self, name: str) -> bool:
        """Return whether a file may be replaced: nobody is there who could be asked."""
        if "o" in self._options.letters and "n" not in self._options.letters:
            return True
        path = self._shell.path(name)
        if os.path.islink(path):
            more = "" if os.path.exists(path) else " with no target"
            self._output.line(f"{shown(name)} exists and is a symbolic link{more}.")
        if not self._nothing_replaced:
            self._nothing_replaced = True
            self._output.error(
                f"replace {shown(name)}? [y]es, [n]o, [A]ll, [N]one, [r]ename:  NULL\n"
                '(EOF or read error, treating as "[N]one" ...)',
                _WARNING,
            )
        return False

    def _copy(self, entry: Entry, name: str, file: BinaryIO) -> bool:
        """Write the contents of a member, also wrong ones; return whether they are right."""
        checksum = 0
        try:
            with self._archive.open(entry.info) as source:
                # What is wrong is said, but it is there: `zipfile` would keep the last piece back.
                source._expected_crc = None  # type: ignore[attr-defined]
                while data := source.read(_CHUNK):
                    checksum = zlib.crc32(data, checksum)
                    file.write(data)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # not about the archive
                raise
            verb = _VERBS[entry.info.compress_type].strip().removesuffix("ing")
            self._output.error(f"  error:  invalid compressed data to {verb}e", _ERROR)
            return False
        if checksum != entry.info.CRC:
            where = padded(name, 23) if self._options.quiet else ""
            self._output.error(f"{where} bad CRC {checksum:08x}  (should be {entry.info.CRC:08x})", _ERROR)
            return False
        return True

    def _link(self, entry: Entry, name: str, file: BinaryIO) -> None:
        """Write where a link leads into a file, which becomes the link when nothing can go through it any more."""
        if entry.info.file_size > _LONGEST:
            self._output.error(f"warning:  symbolic link ({shown(name)}) failed", _WARNING)
            return
        data = self._archive.read(entry.info)
        file.write(data)
        target = os.fsdecode(data)
        self._say(f"    linking: {padded(name)}  -> {shown(target)} ")
        state = os.fstat(file.fileno())
        self._links.append(_Link(name, target, (state.st_dev, state.st_ino)))

    def _give(self, name: str, entry: Entry) -> None:
        path = self._shell.path(name)
        mtime = entry.mtime(self._file)
        try:
            os.utime(path, (mtime, mtime))
            os.chmod(path, entry.mode(self._mask))
        except (OSError, OverflowError) as error:
            text = f"warning:  cannot set modif./access times for {shown(name)}\n          {error}"
            self._output.error(text, _WARNING)
