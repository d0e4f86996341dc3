"""Answers the commands that Ansible's action plugins send to a shell, where no shell can be started."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import partial

from ..ansible_execution import explain
from .answer import NOT_FOUND, Answer, CannotStart, complaint
from .commands import COMMANDS, ONLY_SHELLS
from .words import Group, Home, Redirection, Simple, Step, Text, Unsupported, Variable, Word, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?(\.exe)?")
#: What shells are called.
SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))
#: Bytes of the longest line that says what runs a script.
_LINE = 1 << 10
_RESERVED = frozenset(
    ("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "in")
)  # fmt: skip


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
        #: Variables that programs do not get.
        self.variables: dict[str, str] = {}
        self.umask = umask
        self.stdin = stdin
        #: Of the last command, and whether it said that it was the last one.
        self.status = 0
        self.exited = False
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
        if command[0] in ONLY_SHELLS or not self._can(command[0]):
            raise CannotStart(command[0])
        return partial(self.call, list(command), {})

    def _list(self, steps: Sequence[Step]) -> Answer:
        answer = Answer()
        stdout, stderr = [], []
        for step in steps:
            if (step.operator == "&&" and answer.status) or (step.operator == "||" and not answer.status):
                continue
            answer = self._pipeline(step.commands) if len(step.commands) > 1 else self._command(step.commands[0])
            stdout.append(answer.stdout)
            stderr.append(answer.stderr)
            self.status = answer.status
            if self.exited:
                break
        return Answer(answer.status, b"".join(stdout), b"".join(stderr))

    def _pipeline(self, commands: Sequence[Simple | Group]) -> Answer:
        """Run commands one after the other, each with the output of the one before it; the last one's status counts."""
        answer = Answer(0, self.stdin)
        stderr = []
        for command in commands:
            shell = self._subshell()
            shell.stdin = answer.stdout
            answer = shell._command(command)
            stderr.append(answer.stderr)
        return Answer(answer.status, answer.stdout, b"".join(stderr))

    def _command(self, command: Simple | Group) -> Answer:
        return self._subshell()._list(command.steps) if isinstance(command, Group) else self._simple(command)

    def _subshell(self) -> Shell:
        return self.with_environ({})

    def with_environ(self, environ: Mapping[str, str]) -> Shell:
        """Return a copy of this shell that has these variables in its environment, too."""
        copy = Shell(self._python, self.cwd, {**self.environ, **environ}, self.umask, self.stdin)
        copy.variables = dict(self.variables)
        copy.status = self.status
        return copy

    # -- words ---------------------------------------------------------------------------------------------

    def variable(self, name: str) -> str:
        """Return the value of a variable, empty if there is none."""
        if name in self.variables:
            return self.variables[name]
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
                text.append(self.home(piece.user))
                counts = True
                continue
            if isinstance(piece, Variable):
                value = self.variable(piece.name)
            else:
                answer = self._subshell()._list(piece.command)
                value = os.fsdecode(answer.stdout).rstrip("\n")
                self._substituted = Answer(answer.status, b"", self._substituted.stderr + answer.stderr)
            if not piece.quoted and re.search(r"[\s*?\[]", value):
                raise Unsupported(value)  # it would be split into words and matched with files
            counts |= piece.quoted or bool(value)
            text.append(value)
        return "".join(text), counts

    def home(self, user: str) -> str:
        """Return the home directory of a user, of this one if that is empty."""
        if not user:
            return self.variable("HOME") or os.path.expanduser("~")
        return os.path.expanduser(f"~{user}")

    def _simple(self, command: Simple) -> Answer:
        self._substituted = Answer()
        assigned = {name: self._value(word)[0] for name, word in command.assignments}
        words = [text for text, counts in map(self._value, command.words) if counts]
        if not words:
            for name, value in assigned.items():
                (self.environ if name in self.environ else self.variables)[name] = value
            return self._substituted
        try:
            sinks, stdin = self._redirected(command.redirections)
        except OSError as error:
            return Answer(1, b"", os.fsencode(f"sh: {error.filename}: {error.strerror}\n"))
        before, self.stdin = self.stdin, self.stdin if stdin is None else stdin
        try:
            answer = self.call(words, assigned)
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
            with open(path, one.mode, opener=self.open):
                sinks.update(dict.fromkeys(one.streams, path))
        return sinks, stdin

    def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        """Open a file as `os.open`; a new one gets what the mask leaves of ``mode``."""
        made = not os.path.exists(path)
        fd = os.open(path, flags, self.masked(mode))
        if made:
            self.unmask(path, mode)
        return fd

    def masked(self, mode: int) -> int:
        """Return what the shell's mask leaves of a mode."""
        return mode & ~(self.umask or 0)

    def unmask(self, path: str, mode: int) -> None:
        """Give something new what the process's mask took and the shell's leaves."""
        if self.umask is not None:
            os.chmod(path, self.masked(mode))

    def call(self, words: list[str], assigned: Mapping[str, str]) -> Answer:
        """Run a program by its words, with these variables added to its environment; raises as `run`."""
        function = _builtin(words[0])
        if function is not None:
            return _try(function, self.with_environ(assigned) if assigned else self, words)
        environ = {**self.environ, **assigned}
        if is_python(words[0]):
            return self._python(words, environ, self.cwd, self.stdin)
        script = self._script(words[0])
        if script is None:
            raise CannotStart(words[0])
        return self._python([sys.executable or "python3", script, *words[1:]], environ, self.cwd, self.stdin)

    def _script(self, name: str) -> str | None:
        """Return the file of a program that is a Python script; None if it is anything else."""
        found = shutil.which(self.path(name) if "/" in name else name, path=self.variable("PATH") or None)
        return found if found is not None and _is_for_python(found) else None

    def _can(self, name: str) -> bool:
        return _builtin(name) is not None or is_python(name) or self._script(name) is not None

    def _check(self, steps: Sequence[Step]) -> None:
        """Raise `CannotStart` for a program that would be needed, before anything has been done."""
        for command in (command for step in steps for command in step.commands):
            if isinstance(command, Group):
                self._check(command.steps)
                continue
            for word in command.words[:1]:
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


def _try(function: Callable[[Shell, list[str]], Answer], shell: Shell, words: list[str]) -> Answer:
    try:
        return function(shell, words[1:])
    except Unsupported as error:
        raise Unsupported(" ".join(words)) from error
    except OSError as error:
        return Answer(1, b"", complaint(words[0], error))


#: Where programs of the names above do the same everywhere.
_PLACES = frozenset(("/bin", "/usr/bin"))


def _builtin(name: str) -> Callable[[Shell, list[str]], Answer] | None:
    folder, _, base = name.rpartition("/")
    return COMMANDS.get(base) if not folder or (folder in _PLACES and base not in ONLY_SHELLS) else None


def refuse(program: str) -> Answer:
    """Return what a shell answers for a program that it cannot start, with the reason.

    For one that is not there, too, in the shell's words: by them Ansible tells that it was the interpreter.
    """
    text = f"{explain(program)}\n"
    if shutil.which(program) is None and not os.path.exists(program):
        text += f"sh: {program}: not found\n"
    return Answer(NOT_FOUND, b"", text.encode())
