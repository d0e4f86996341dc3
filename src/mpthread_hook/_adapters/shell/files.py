"""Commands that make, change, move and remove files."""

from __future__ import annotations

import errno
import locale
import os
import re
import secrets
import shutil
import stat
import string
import sys
import time
from functools import partial

from .answer import Answer, complaint, each, read_options
from .syntax import Unsupported
from .system import group_name, user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from .running import Shell


def mkdir(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Make directories, with ``-p`` their parents, too."""
    options, paths = read_options(arguments, "p")

    def make(path: str) -> None:
        missing = [path]
        while "p" in options and (parent := os.path.dirname(missing[-1])) and not os.path.isdir(parent):
            missing.append(parent)
        for directory in reversed(missing):
            try:
                os.mkdir(directory, shell.masked(0o777))
                shell.unmask(directory, 0o777)
            except FileExistsError:
                if "p" not in options or not os.path.isdir(directory):
                    raise

    return each("mkdir", map(shell.path, paths), make)


def rm(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Remove files, with ``-r`` whole trees; ``-f`` says nothing of what is not there."""
    options, paths = read_options(arguments, "frR")
    whole = "r" in options or "R" in options

    def remove(path: str) -> None:
        try:
            if whole and os.path.isdir(path) and not os.path.islink(path):
                if os.path.basename(path.rstrip("/")) in {"", ".", ".."}:  # as every `rm`
                    raise OSError(errno.EINVAL, "refusing to remove it", path)
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            if "f" not in options:
                raise

    return each("rm", map(shell.path, paths), remove)


def rmdir(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Remove empty directories."""
    _, paths = read_options(arguments, "")
    return each("rmdir", map(shell.path, paths), os.rmdir)


def touch(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Make files, or give those that are there the present time; ``-c`` makes none."""
    options, paths = read_options(arguments, "c")

    def change(path: str) -> None:
        if not os.path.exists(path):
            if "c" in options:
                return
            os.close(shell.open(path, os.O_WRONLY | os.O_CREAT))
        os.utime(path)

    return each("touch", map(shell.path, paths), change)


_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_SYMBOLIC = re.compile(r"([ugoa]*)([-+=])([rwxX]*)")


def chmod(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Change modes, given in octal or as ``u+x,g-w``."""
    if len(arguments) < 2:
        raise Unsupported(" ".join(arguments))
    mode, *paths = arguments
    if mode.startswith("-R"):
        raise Unsupported(mode)
    _mode(mode, 0, directory=False)  # raises for one that is not known, before anything is done

    def change(path: str) -> None:
        old = os.stat(path).st_mode
        os.chmod(path, _mode(mode, old & 0o7777, directory=os.path.isdir(path)))

    return each("chmod", map(shell.path, paths), change)


def _mode(text: str, mode: int, *, directory: bool) -> int:
    if re.fullmatch("[0-7]{1,4}", text):
        return int(text, 8)
    for clause in text.split(","):
        match = _SYMBOLIC.fullmatch(clause)
        if match is None or not match[1]:
            raise Unsupported(text)
        who = sum({_WHO[letter] for letter in match[1].replace("a", "ugo")})
        bits = 0
        for letter in match[3]:
            if letter == "X":
                bits |= 0o111 if directory or mode & 0o111 else 0
            else:
                bits |= {"r": 0o444, "w": 0o222, "x": 0o111}[letter]
        bits &= who
        mode = mode | bits if match[2] == "+" else mode & ~bits if match[2] == "-" else mode & ~who | bits
    return mode


def _to(
    name: str, shell: Shell, paths: Sequence[str], function: Callable[[str, str], None], *, follow: bool = True
) -> Answer:
    """Do something with every path but the last and where it leads to: the last one, or inside it."""
    if len(paths) < 2:
        raise Unsupported(" ".join((name, *paths)))
    *sources, target = map(shell.path, paths)
    inside = os.path.isdir(target) and (follow or not os.path.islink(target))
    if len(sources) > 1 and not inside:
        error = OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), target)
        return Answer(1, b"", complaint(name, error))

    def act(source: str) -> None:
        end = os.path.join(target, os.path.basename(source.rstrip("/"))) if inside else target
        function(source, end)

    return each(name, sources, act)


def _same(source: str, target: str, *, follow: bool) -> None:
    """Raise for two names of one file, or, if links are not followed, of one link."""
    look = os.stat if follow else os.lstat
    try:
        same = os.path.samestat(look(source), look(target))
    except FileNotFoundError:
        return
    if same:
        raise OSError(errno.EINVAL, f"it and {target} are the same file", source)


def mv(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Move files and directories; ``-f`` is what is done anyway."""
    _, paths = read_options(arguments, "f")

    def move(source: str, target: str) -> None:
        os.lstat(source)  # the error is that of the source
        _same(source, target, follow=False)
        if os.path.isdir(target) and not os.path.islink(target) and not os.path.isdir(source):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.move(source, target)

    return _to("mv", shell, paths, move)


def cp(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Copy files, with ``-r`` whole trees, with ``-p`` their modes, times and owners."""
    options, paths = read_options(arguments, "rRfp")
    whole = "r" in options or "R" in options
    keep = "p" in options

    def copy(source: str, target: str) -> None:
        status = os.lstat(source) if whole else os.stat(source)
        if not whole and stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, "it is a directory, and -r was not given", source)
        _same(source, target, follow=True)
        if whole and stat.S_ISDIR(status.st_mode):
            inner = os.path.realpath(target)
            if os.path.commonpath((inner, os.path.realpath(source))) == os.path.realpath(source):
                raise OSError(errno.EINVAL, "a directory cannot be copied into itself", source)
        _copy(shell, source, target, status, keep=keep, force="f" in options)

    return _to("cp", shell, paths, copy)


def _copy(shell: Shell, source: str, target: str, status: os.stat_result, *, keep: bool, force: bool) -> None:
    kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode) & 0o777
    if kind == stat.S_IFDIR:
        left = None
        if not os.path.isdir(target):
            os.mkdir(target, shell.masked(mode))
            shell.unmask(target, mode)
            left = stat.S_IMODE(os.stat(target).st_mode)
            os.chmod(target, left | stat.S_IRWXU)  # or nothing could be put into it
        for name in os.listdir(source):
            inner = os.path.join(source, name)
            _copy(shell, inner, os.path.join(target, name), os.lstat(inner), keep=keep, force=force)
        if left is not None:
            os.chmod(target, left)
    elif kind == stat.S_IFLNK:
        if os.path.lexists(target):
            os.unlink(target)
        os.symlink(os.readlink(source), target)
    elif kind == stat.S_IFREG:
        with open(source, "rb") as file, _new(shell, target, mode, force=force) as copy:
            shutil.copyfileobj(file, copy)
    else:
        raise OSError(errno.EINVAL, "it is no file, directory or symbolic link", source)
    if keep:
        _keep(target, status, link=kind == stat.S_IFLNK)


def _new(shell: Shell, path: str, mode: int, *, force: bool) -> BinaryIO:
    """Open a file to write it anew; one that is there keeps its mode."""
    try:
        return open(path, "wb", opener=partial(shell.open, mode=mode))
    except PermissionError:
        if not force:
            raise
        os.unlink(path)
        return open(path, "wb", opener=partial(shell.open, mode=mode))


def _keep(path: str, status: os.stat_result, *, link: bool) -> None:
    """Give a copy the owner, mode and times of what it was copied from, as far as that is allowed."""
    mode = stat.S_IMODE(status.st_mode)
    try:
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
    except OSError:
        mode &= 0o777  # it is not his, so it must not act for him
    if not link:
        os.chmod(path, mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def ln(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Make links, with ``-s`` symbolic ones; ``-f`` replaces, ``-n`` does not go into a link to a directory."""
    options, paths = read_options(arguments, "sfn")
    symbolic = "s" in options

    def link(source: str, target: str) -> None:
        if not symbolic:
            os.lstat(source)
            _same(source, target, follow=False)
        if "f" in options and os.path.lexists(target):
            os.unlink(target)
        if symbolic:
            os.symlink(source, target)
        else:
            os.link(source, target)

    if symbolic and len(paths) >= 2:
        # What a symbolic link holds is a text, which belongs to where the link is.
        texts = dict(zip(map(shell.path, paths[:-1]), paths[:-1], strict=True))
        return _to("ln", shell, paths, lambda source, end: link(texts[source], end), follow="n" not in options)
    return _to("ln", shell, paths, link, follow="n" not in options)


def readlink(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print where a symbolic link leads, with ``-f`` the path that is left when all are followed."""
    options, paths = read_options(arguments, "f")
    if len(paths) != 1:
        raise Unsupported(" ".join(arguments))
    path = shell.path(paths[0])
    if "f" in options:
        return _resolved(path)
    try:
        return Answer(0, os.fsencode(os.readlink(path) + "\n"))
    except OSError:
        return Answer(1)


def realpath(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Print the path that is left when all symbolic links are followed."""
    _, paths = read_options(arguments, "")
    if len(paths) != 1:
        raise Unsupported(" ".join(arguments))
    return _resolved(shell.path(paths[0]))


def _resolved(path: str) -> Answer:
    found = os.path.realpath(path)
    # Only the last part may be missing.
    return Answer(0, os.fsencode(found + "\n")) if path and os.path.isdir(os.path.dirname(found)) else Answer(1)


def mktemp(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Make an empty file, with ``-d`` a directory, whose name ends in what nobody else has."""
    options, rest = read_options(arguments, "d")
    folder = shell.variable("TMPDIR") or "/tmp"
    template = rest[0] if len(rest) == 1 else os.path.join(folder, "tmp.XXXXXXXXXX")
    stem = template.rstrip("X")
    count = len(template) - len(stem)
    if len(rest) > 1 or count < 3:
        raise Unsupported(" ".join(arguments))
    while True:
        name = stem + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))
        try:
            if "d" in options:
                os.mkdir(shell.path(name), 0o700)
            else:
                os.close(os.open(shell.path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        return Answer(0, os.fsencode(name + "\n"))


def collate(shell: Shell, names: Iterable[str]) -> list[str]:
    """Sort as the shell's locale does; `Unsupported` for one that this program has not got."""
    names = list(names)
    wanted = shell.locale("LC_COLLATE")
    if len(names) < 2 or re.fullmatch(r"C|POSIX|C\.(utf-?8)", wanted, re.IGNORECASE):
        return sorted(names, key=os.fsencode)
    if locale.setlocale(locale.LC_COLLATE) != wanted:
        raise Unsupported(f"the order of names in {wanted}")
    return sorted(names, key=lambda name: (locale.strxfrm(name), os.fsencode(name)))


def ls(shell: Shell, arguments: Sequence[str]) -> Answer:
    """List files and what is in directories, one name a line, as where nobody looks; ``-l`` says more of each."""
    options, paths = read_options(arguments, "1aAdl")
    errors: list[bytes] = []
    files: list[str] = []
    folders: list[str] = []
    describe = _long if "l" in options else _short
    for path in collate(shell, paths or ["."]):
        try:
            mode = os.lstat(shell.path(path)).st_mode
            if stat.S_ISLNK(mode) and "l" not in options and os.path.exists(shell.path(path)):
                mode = os.stat(shell.path(path)).st_mode
        except OSError as error:
            errors.append(complaint("ls", error, path))
            continue
        (folders if stat.S_ISDIR(mode) and "d" not in options else files).append(path)
    # Directories that are listed later make room for themselves among the files, too.
    blocks = [describe(shell, "", files, folders)] if files else []
    for path in folders:
        try:
            names = os.listdir(shell.path(path))
        except OSError as error:
            errors.append(complaint("ls", error, path))
            continue
        if "a" in options:
            names += [".", ".."]
        elif "A" not in options:
            names = [name for name in names if not name.startswith(".")]
        title = f"{path}:\n" if len(paths) > 1 else ""
        total = f"total {_blocks(shell, path, names)}\n" if "l" in options else ""
        blocks.append(title + total + describe(shell, path, collate(shell, names), ()))
    failed = 2 if sys.platform.startswith("linux") else 1
    return Answer(failed if errors else 0, os.fsencode("\n".join(blocks)), b"".join(errors))


def _short(_shell: Shell, _folder: str, names: Sequence[str], _room: Sequence[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def _blocks(shell: Shell, folder: str, names: Iterable[str]) -> int:
    """Return how many kilobytes of the disk files take."""
    return sum(os.lstat(shell.path(os.path.join(folder, name))).st_blocks for name in names) // 2


#: Seconds for which a file's time is shown with its hour, and not its year: half of a year of 365.2425 days.
_RECENT = 31556952 // 2
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN_TIMES = re.compile(r"(C|POSIX|en_US)(\.utf-?8)?", re.IGNORECASE)


def _long(shell: Shell, folder: str, names: Sequence[str], room: Sequence[str]) -> str:
    """Describe files as GNU ls does, in columns in which those of ``room`` fit, too.

    `Unsupported` elsewhere, where months have other names, and for several devices, whose numbers have columns.
    """
    wanted = shell.locale("LC_TIME")
    if not sys.platform.startswith("linux") or not _PLAIN_TIMES.fullmatch(wanted):
        raise Unsupported(f"ls -l in {wanted}")
    rows = [_columns(shell, os.path.join(folder, name), name) for name in names]
    if sum("," in row[4] for row in rows) > 1:
        raise Unsupported(f"ls -l of the devices in {folder or os.curdir}")
    others = [_columns(shell, os.path.join(folder, name), name) for name in room]
    widths = [max((len(row[column]) for row in rows + others), default=0) for column in range(5)]
    lines = []
    for mode, links, owner, group, size, moment, name in rows:
        left = f"{mode:{widths[0]}} {links:>{widths[1]}} {owner:{widths[2]}} {group:{widths[3]}}"
        lines.append(f"{left} {size:>{widths[4]}} {moment} {name}\n")
    return "".join(lines)


def _columns(shell: Shell, path: str, name: str) -> tuple[str, str, str, str, str, str, str]:
    place = shell.path(path)
    status = os.lstat(place)
    mode = stat.filemode(status.st_mode)
    if not stat.S_ISLNK(status.st_mode):
        try:
            marks = os.listxattr(place, follow_symlinks=False)
        except OSError:
            marks = []
        if any(mark.startswith("system.posix_acl_") for mark in marks):
            mode += "+"
        elif "security.selinux" in marks:
            mode += "."
    size = str(status.st_size)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        size = f"{os.major(status.st_rdev)}, {os.minor(status.st_rdev)}"
    now = time.time()
    recent = now - _RECENT < status.st_mtime <= now
    moment = time.localtime(status.st_mtime)
    day = f"{_MONTHS[moment.tm_mon - 1]} {moment.tm_mday:2}"
    shown = f"{day} {time.strftime('%H:%M', moment)}" if recent else f"{day} {moment.tm_year:5}"
    target = f" -> {os.readlink(place)}" if stat.S_ISLNK(status.st_mode) else ""
    owner, group = user_name(status.st_uid) or str(status.st_uid), group_name(status.st_gid) or str(status.st_gid)
    return mode, str(status.st_nlink), owner, group, size, shown, name + target
