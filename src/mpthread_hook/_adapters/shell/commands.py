"""The commands that the shell answers itself, with the options that every system knows."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time

from .answer import Answer
from .words import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .running import Shell

#: The status of a command that is not there.
NOT_FOUND = 127


def complaint(name: str, error: OSError) -> bytes:
    """Return what a command says of an error of the system."""
    where = f": {error.filename}" if error.filename else ""
    return os.fsencode(f"{name}{where}: {error.strerror}\n")


def _each(name: str, paths: Iterable[str], function: Callable[[str], object]) -> Answer:
    """Do something with every path, also after one that fails, as the commands do."""
    errors = []
    for path in paths:
        try:
            function(path)
        except OSError as error:
            errors.append(complaint(name, error))
    return Answer(1 if errors else 0, b"", b"".join(errors))


def _options(arguments: list[str], known: str) -> tuple[set[str], list[str]]:
    """Take the options off; `Unsupported` for one that is not ``known``."""
    options: set[str] = set()
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if not set(word[1:]) <= set(known):
            raise Unsupported(word)
        options.update(word[1:])
    return options, rest


def _echo(_shell: Shell, arguments: list[str]) -> Answer:
    end = "\n"
    if arguments[:1] == ["-n"]:
        arguments, end = arguments[1:], ""
    text = " ".join(arguments)
    if "\\" in text or text.startswith("-"):
        raise Unsupported(text)  # shells disagree
    return Answer(0, os.fsencode(text + end))


def _umask(shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) != 1 or not re.fullmatch("[0-7]{1,4}", arguments[0]):
        raise Unsupported(" ".join(arguments))
    shell.umask = int(arguments[0], 8)
    return Answer()


def _mkdir(shell: Shell, arguments: list[str]) -> Answer:
    options, paths = _options(arguments, "p")

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

    return _each("mkdir", map(shell.path, paths), make)


def _rm(shell: Shell, arguments: list[str]) -> Answer:
    options, paths = _options(arguments, "fr")

    def remove(path: str) -> None:
        try:
            if "r" in options and os.path.isdir(path) and not os.path.islink(path):
                if os.path.basename(path.rstrip("/")) in {"", ".", ".."}:  # as every `rm`
                    raise OSError(errno.EINVAL, "refusing to remove it", path)
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            if "f" not in options:
                raise

    return _each("rm", map(shell.path, paths), remove)


_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_SYMBOLIC = re.compile(r"([ugoa]*)([-+=])([rwxX]*)")


def _chmod(shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) < 2:
        raise Unsupported(" ".join(arguments))
    mode, *paths = arguments
    if mode.startswith("-R"):
        raise Unsupported(mode)
    _mode(mode, 0, directory=False)  # raises for one that is not known, before anything is done

    def change(path: str) -> None:
        old = os.stat(path).st_mode
        os.chmod(path, _mode(mode, old & 0o7777, directory=os.path.isdir(path)))

    return _each("chmod", map(shell.path, paths), change)


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


_TESTS: dict[str, Callable[[str], object]] = {
    "-e": os.path.exists,
    "-f": os.path.isfile,
    "-d": os.path.isdir,
    "-L": os.path.islink,
    "-h": os.path.islink,
    "-r": lambda path: os.access(path, os.R_OK),
    "-w": lambda path: os.access(path, os.W_OK),
    "-x": lambda path: os.access(path, os.X_OK),
    "-s": lambda path: os.path.exists(path) and os.path.getsize(path),
}


def _test(shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) == 2 and arguments[0] in _TESTS:
        found = _TESTS[arguments[0]](shell.path(arguments[1]))
    elif len(arguments) == 2 and arguments[0] in {"-n", "-z"}:
        found = bool(arguments[1]) is (arguments[0] == "-n")
    elif len(arguments) == 3 and arguments[1] in {"=", "!="}:
        found = (arguments[0] == arguments[2]) is (arguments[1] == "=")
    else:
        raise Unsupported(" ".join(arguments))
    return Answer(0 if found else 1)


def _bracket(shell: Shell, arguments: list[str]) -> Answer:
    if arguments[-1:] != ["]"]:
        raise Unsupported(" ".join(arguments))
    return _test(shell, arguments[:-1])


def _sleep(_shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) != 1 or not re.fullmatch(r"\d+(\.\d+)?", arguments[0]):
        raise Unsupported(" ".join(arguments))
    if float(arguments[0]):
        time.sleep(float(arguments[0]))
    return Answer()


def _cd(shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) > 1 or arguments == ["-"]:
        raise Unsupported(" ".join(arguments))
    path = shell.path((arguments[0] or ".") if arguments else shell._home(""))
    if not os.path.isdir(path):
        number = errno.ENOTDIR if os.path.exists(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), path)
    shell.cwd = os.path.normpath(path)
    return Answer()


def _pwd(shell: Shell, arguments: list[str]) -> Answer:
    if arguments:
        raise Unsupported(" ".join(arguments))
    return Answer(0, os.fsencode(shell.cwd + "\n"))


def _command_v(shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) != 2 or arguments[0] != "-v":
        raise Unsupported(" ".join(arguments))
    name = arguments[1]
    if name in COMMANDS:
        return Answer(0, os.fsencode(name + "\n"))
    found = shutil.which(name, path=shell._variable("PATH") or None)
    return Answer(0, os.fsencode(found + "\n")) if found else Answer(NOT_FOUND)


def _cat(shell: Shell, arguments: list[str]) -> Answer:
    _, paths = _options(arguments, "u")
    status, found, errors = 0, [], []
    for path in paths or ["-"]:
        try:
            if path == "-":
                found.append(shell.stdin)
                continue
            with open(shell.path(path), "rb") as file:
                found.append(file.read())
        except OSError as error:
            status = 1
            errors.append(os.fsencode(f"cat: {path}: {error.strerror}\n"))
    return Answer(status, b"".join(found), b"".join(errors))


def _basename(_shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) not in {1, 2} or arguments[0].startswith("-"):
        raise Unsupported(" ".join(arguments))
    name = os.path.basename(arguments[0].rstrip("/")) or arguments[0][:1]
    if len(arguments) == 2 and name != arguments[1]:
        name = name.removesuffix(arguments[1])
    return Answer(0, os.fsencode(name + "\n"))


def _dirname(_shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise Unsupported(" ".join(arguments))
    start = arguments[0].rstrip("/").rpartition("/")[0].rstrip("/")
    return Answer(0, os.fsencode((start or ("/" if arguments[0].startswith("/") else ".")) + "\n"))


def _getent(_shell: Shell, arguments: list[str]) -> Answer:
    if len(arguments) not in {1, 2} or arguments[0] not in {"passwd", "group"}:
        raise Unsupported(" ".join(arguments))
    import grp  # noqa: PLC0415 - not everywhere, unless the account adapter serves them
    import pwd  # noqa: PLC0415

    entries: Sequence[Any] = pwd.getpwall() if arguments[0] == "passwd" else grp.getgrall()
    if len(arguments) == 2:
        entries = [entry for entry in entries if arguments[1] in {entry[0], str(entry[2])}][:1]
        if not entries:
            return Answer(2)
    # The last field of a group is a list: its members.
    fields = [[",".join(one) if isinstance(one, list) else str(one) for one in entry] for entry in entries]
    return Answer(0, os.fsencode("".join(f"{':'.join(entry)}\n" for entry in fields)))


def _true(_shell: Shell, _arguments: list[str]) -> Answer:
    return Answer()


def _false(_shell: Shell, _arguments: list[str]) -> Answer:
    return Answer(1)


#: What this shell does itself, by name.
COMMANDS: dict[str, Callable[[Shell, list[str]], Answer]] = {
    ":": _true,
    "[": _bracket,
    "basename": _basename,
    "cat": _cat,
    "cd": _cd,
    "chmod": _chmod,
    "command": _command_v,
    "dirname": _dirname,
    "echo": _echo,
    "false": _false,
    "getent": _getent,
    "mkdir": _mkdir,
    "pwd": _pwd,
    "rm": _rm,
    "sleep": _sleep,
    "test": _test,
    "true": _true,
    "umask": _umask,
}
