"""Answers the commands that Ansible's action plugins send to a shell, where no shell can be started."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import time
from functools import partial
from typing import NamedTuple

from .ansible_execution import explain
from .shell_words import Group, Home, Redirection, Simple, Step, Text, Unsupported, Variable, Word, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?(\.exe)?")
#: What shells are called.
SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))
_NOT_FOUND = 127
#: Bytes of the longest line that says what runs a script.
_LINE = 1 << 10
_RESERVED = frozenset(
    ("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "in")
)


class Answer(NamedTuple):
    """What a command wrote and its exit status."""

    status: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


class CannotStart(Exception):
    """The command needs a program; ``program`` is its name."""

    def __init__(self, program: str) -> None:
        super().__init__(program)
        self.program = program


class Shell:
    """One shell: its directory, variables, mask and input, and the function that runs Python scripts for it.

    ``python(argv, environ, cwd, stdin)`` returns an `Answer`.
    """

    def __init__(
        self,
        python: Callable[[list[str], Mapping[str, str], str, bytes], Answer],
        cwd: str,
        environ: Mapping[str, str] | None = None,
        umask: int | None = None,
        stdin: bytes = b"",
    ) -> None:
        self._python = python
        self.cwd = cwd
        self.environ: dict[str, str] = dict(environ or {})
        self.umask = umask
        self.stdin = stdin
        #: What the last ``$(...)`` of the command that is read answered.
        self._substituted = Answer()

    def run(self, command: str) -> Answer:
        """Run a command; `Unsupported` or `CannotStart` if it takes a real shell or program."""
        return self.prepare(command)()

    def prepare(self, command: str | Sequence[str]) -> Callable[[], Answer]:
        """Return what runs a command, or a program by its words, which no shell has read; raises as `run`.

        What can be known before anything is done is found out here.
        """
        if isinstance(command, str):
            steps = parse(command)
            self._check(steps)
            return partial(self._list, steps)
        if command[0] in _NO_PROGRAMS or not self._can(command[0]):
            raise CannotStart(command[0])
        return partial(self._call, list(command), {})

    def _list(self, steps: Sequence[Step]) -> Answer:
        answer = Answer()
        stdout, stderr = [], []
        for step in steps:
            if (step.operator == "&&" and answer.status) or (step.operator == "||" and not answer.status):
                continue
            answer = self._group(step.command) if isinstance(step.command, Group) else self._simple(step.command)
            stdout.append(answer.stdout)
            stderr.append(answer.stderr)
        return Answer(answer.status, b"".join(stdout), b"".join(stderr))

    def _subshell(self) -> Shell:
        return Shell(self._python, self.cwd, self.environ, self.umask, self.stdin)

    def _group(self, group: Group) -> Answer:
        return self._subshell()._list(group.steps)

    # -- words ---------------------------------------------------------------------------------------------

    def _variable(self, name: str) -> str:
        return self.environ[name] if name in self.environ else os.environ.get(name, "")

    def _value(self, word: Word) -> tuple[str, bool]:
        """Return the text of a word, and whether it is a word even if that is empty."""
        text, counts = [], False
        for piece in word:
            if isinstance(piece, Text):
                text.append(piece.text)
                counts = True
                continue
            if isinstance(piece, Home):
                text.append(self._home(piece.user))
                counts = True
                continue
            if isinstance(piece, Variable):
                value = self._variable(piece.name)
            else:
                answer = self._subshell()._list(piece.command)
                value = os.fsdecode(answer.stdout).rstrip("\n")
                self._substituted = Answer(answer.status, b"", self._substituted.stderr + answer.stderr)
            if not piece.quoted and re.search(r"[\s*?\[]", value):
                raise Unsupported(value)  # it would be split into words and matched with files
            counts |= piece.quoted or bool(value)
            text.append(value)
        return "".join(text), counts

    def _home(self, user: str) -> str:
        if not user:
            return self._variable("HOME") or os.path.expanduser("~")
        return os.path.expanduser(f"~{user}")

    def _simple(self, command: Simple) -> Answer:
        self._substituted = Answer()
        assigned = {name: self._value(word)[0] for name, word in command.assignments}
        words = [text for text, counts in map(self._value, command.words) if counts]
        if not words:
            self.environ.update(assigned)
            return self._substituted
        try:
            sinks, stdin = self._redirected(command.redirections)
        except OSError as error:
            return Answer(1, b"", os.fsencode(f"sh: {error.filename}: {error.strerror}\n"))
        before, self.stdin = self.stdin, self.stdin if stdin is None else stdin
        try:
            answer = self._call(words, assigned)
        finally:
            self.stdin = before
        kept: dict[int, list[bytes]] = {1: [], 2: []}
        for number, text in ((1, answer.stdout), (2, answer.stderr)):
            sink = sinks[number]
            if isinstance(sink, int):
                kept[sink].append(text)
            elif text:
                with open(sink, "ab") as file:
                    file.write(text)
        return Answer(answer.status, b"".join(kept[1]), b"".join(kept[2]))

    def _redirected(self, redirections: Sequence[Redirection]) -> tuple[dict[int, str | int], bytes | None]:
        """Return where the streams 1 and 2 lead (a stream or a file, which is there then), and what 0 holds."""
        sinks: dict[int, str | int] = {1: 1, 2: 2}
        stdin = None
        for one in redirections:
            if isinstance(one.target, int):
                sinks.update(dict.fromkeys(one.streams, sinks[one.target]))
                continue
            path = self.path(self._value(one.target)[0])
            if one.mode == "rb":
                with open(path, "rb") as file:
                    stdin = file.read()
                continue
            with open(path, one.mode, opener=self._open):
                sinks.update(dict.fromkeys(one.streams, path))
        return sinks, stdin

    def _open(self, path: str, flags: int) -> int:
        made = not os.path.exists(path)
        fd = os.open(path, flags, self.masked(0o666))
        if made:
            self.unmask(path, 0o666)
        return fd

    def masked(self, mode: int) -> int:
        """Return what the shell's mask leaves of a mode."""
        return mode & ~(self.umask or 0)

    def unmask(self, path: str, mode: int) -> None:
        """Give something new what the process's mask took and the shell's leaves."""
        if self.umask is not None:
            os.chmod(path, self.masked(mode))

    def _call(self, words: list[str], assigned: dict[str, str]) -> Answer:
        function = _command(words[0])
        if function is not None:
            return _try(function, self, words[1:], assigned)
        environ = {**self.environ, **assigned}
        if is_python(words[0]):
            return self._python(words, environ, self.cwd, self.stdin)
        script = self._script(words[0])
        if script is None:
            raise CannotStart(words[0])
        return self._python([sys.executable or "python3", script, *words[1:]], environ, self.cwd, self.stdin)

    def _script(self, name: str) -> str | None:
        """Return the file of a program that is a Python script; None if it is anything else."""
        found = shutil.which(self.path(name) if "/" in name else name, path=self._variable("PATH") or None)
        return found if found is not None and _is_for_python(found) else None

    def _can(self, name: str) -> bool:
        return _command(name) is not None or is_python(name) or self._script(name) is not None

    def _check(self, steps: Sequence[Step]) -> None:
        """Raise `CannotStart` for a program that would be needed, before anything has been done."""
        for step in steps:
            if isinstance(step.command, Group):
                self._check(step.command.steps)
                continue
            for word in step.command.words[:1]:
                if len(word) == 1 and isinstance(word[0], Text):
                    name = word[0].text
                    if name in _RESERVED:
                        raise Unsupported(name)
                    if not self._can(name):
                        raise CannotStart(name)

    def path(self, path: str) -> str:
        """Return a path as the shell's directory makes it; the empty one is that of nothing, not the directory's."""
        return os.path.join(self.cwd, path) if path else ""


def is_python(program: str) -> bool:
    """Return whether a program is the interpreter, as far as that can be told: there is only one here."""
    return program == sys.executable or _PYTHON.fullmatch(os.path.basename(program)) is not None


def _is_for_python(path: str) -> bool:
    """Return whether the first line of a program names Python: there is no other way to run it here."""
    try:
        with open(path, "rb") as file:
            first = file.readline(_LINE)
            second = file.readline(_LINE)  # where the name is too long for the first line, a shell is asked
    except OSError:
        return False
    if not first.startswith(b"#!"):
        return False
    words = os.fsdecode(first[2:]).split()
    if words and os.path.basename(words[0]) == "env":
        del words[0]
    elif words == ["/bin/sh"] and second.startswith(b"'''exec' "):
        words = [os.fsdecode(second.split(b" ", 1)[1]).partition(' "$0"')[0].strip(' "')]
    return bool(words) and is_python(words[0])


def _try(function: Callable[..., Answer], shell: Shell, arguments: list[str], assigned: dict[str, str]) -> Answer:
    try:
        return function(shell, arguments)
    except OSError as error:
        return Answer(1, b"", _complaint(function.__name__.strip("_"), error))


def _complaint(name: str, error: OSError) -> bytes:
    where = f": {error.filename}" if error.filename else ""
    return os.fsencode(f"{name}{where}: {error.strerror}\n")


def _each(name: str, paths: Iterable[str], function: Callable[[str], object]) -> Answer:
    """Do something with every path, also after one that fails, as the commands do."""
    errors = []
    for path in paths:
        try:
            function(path)
        except OSError as error:
            errors.append(_complaint(name, error))
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


# ---------------------------------------------------------------------------------------------------------
# Commands


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
    return Answer(0, os.fsencode(found + "\n")) if found else Answer(_NOT_FOUND)


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
# What only shells know.
_NO_PROGRAMS = frozenset((":", "cd", "command", "umask"))
#: Where programs of the names above do the same everywhere.
_PLACES = frozenset(("/bin", "/usr/bin"))


def _command(name: str) -> Callable[[Shell, list[str]], Answer] | None:
    folder, _, base = name.rpartition("/")
    return COMMANDS.get(base) if not folder or (folder in _PLACES and base not in _NO_PROGRAMS) else None


def refuse(program: str) -> Answer:
    """Return what a shell answers for a program that it cannot start, with the reason.

    For one that is not there, too, in the shell's words: by them Ansible tells that it was the interpreter.
    """
    text = f"{explain(program)}\n"
    if shutil.which(program) is None and not os.path.exists(program):
        text += f"sh: {program}: not found\n"
    return Answer(_NOT_FOUND, b"", text.encode())
