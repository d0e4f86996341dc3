"""Answers the commands that Ansible's action plugins send to a shell, where no shell can be started."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
from functools import partial

from ..ansible_execution import explain
from .answer import NOT_FOUND, Answer, CannotStart, complaint
from .commands import COMMANDS, ONLY_SHELLS
from .files import collate
from .patterns import WILDCARDS, translate
from .syntax import (
    HERE,
    LENGTH,
    Arithmetic,
    Case,
    For,
    Function,
    Group,
    Home,
    If,
    Output,
    Pattern,
    Redirection,
    Simple,
    Step,
    Text,
    Unsupported,
    Variable,
    Word,
    walk,
)
from .words import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .syntax import Command, Compound

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?(\.exe)?")
#: What shells are called.
SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))
#: Bytes of the longest line that says what runs a script.
_LINE = 1 << 10


#: What ``set`` turns on and off, by letter; the last one has none.
OPTIONS = {"e": "errexit", "u": "nounset", "": "pipefail"}
#: What leaves loops, and whatever else a command is in, too.
_OUT_OF_LOOPS = frozenset(("exit", "return"))


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
        parameters: Sequence[str] = (),
        name: str = "sh",
    ) -> None:
        self._python = python
        self.environ: dict[str, str] = dict(environ or {})
        #: Variables that programs do not get.
        self.variables: dict[str, str] = {}
        named = self.variable("PWD")
        self.chdir(named if _is_same(named, cwd) else cwd)
        self.umask = umask
        self.stdin = stdin
        self.parameters = list(parameters)
        self.name = name
        #: Of the last command.
        self.status = 0
        #: Why no further command is run: "exit", "return" in a function, or "break" or "continue" in a loop.
        self.leaving = ""
        #: Of `OPTIONS`, those that are on.
        self.options: set[str] = set()
        #: How many conditions are being looked at, where a command that fails is not the last one.
        self._conditions = 0
        #: Commands by the names that they were given here.
        self.functions: dict[str, Compound] = {}
        #: For each function that is being run, what it has made its own, as that was before.
        self.calls: list[dict[str, tuple[str | None, str | None]]] = []
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
        if command[0] in ONLY_SHELLS:
            raise CannotStart(command[0])
        if _builtin(command[0]) is None:
            is_shell, program = self._program(command)
            try:
                if is_shell:
                    self._inner(program, {})  # raises for what cannot be run of it
            except OSError:
                pass  # a file that cannot be read is the command's own failure
        return partial(self.call, list(command), {})

    def _list(self, steps: Sequence[Step]) -> Answer:
        answer = Answer(self.status)
        stdout, stderr = [], []
        for number, step in enumerate(steps):
            if (step.operator == "&&" and answer.status) or (step.operator == "||" and not answer.status):
                continue
            tested = step.negated or (number + 1 < len(steps) and steps[number + 1].operator != ";")
            self._conditions += tested
            try:
                answer = self._pipeline(step.commands) if len(step.commands) > 1 else self._command(step.commands[0])
            finally:
                self._conditions -= tested
            stdout.append(answer.stdout)
            stderr.append(answer.stderr)
            if step.negated and not self.leaving:
                answer = Answer(int(not answer.status))
            self.status = answer.status
            counts = answer.status and not tested and not self._conditions and _counts(step.commands)
            if counts and "errexit" in self.options:
                self.leaving = self.leaving or "exit"
            if self.leaving:
                break
        return Answer(answer.status, b"".join(stdout), b"".join(stderr))

    def _pipeline(self, commands: Sequence[Command]) -> Answer:
        """Run commands one after the other, each with the output of the one before it; the last one's status counts."""
        answer = Answer(0, self.take_stdin())
        stderr = []
        failed = 0
        for command in commands:
            shell = self._subshell()
            shell.stdin = answer.stdout
            answer = shell._command(command)
            stderr.append(answer.stderr)
            failed = answer.status or failed
        status = failed if "pipefail" in self.options else answer.status
        return Answer(status, answer.stdout, b"".join(stderr))

    def _command(self, command: Command) -> Answer:
        if isinstance(command, Simple):
            return self._simple(command)
        if isinstance(command, Function):
            self.functions[command.name] = command.body
            return Answer()
        return self._redirect(command.redirections, partial(self._compound, command))

    def _compound(self, command: Compound) -> Answer:
        if isinstance(command, Group):
            shell = self._subshell() if command.subshell else self
            answer = shell._list(command.steps)
            self.stdin = shell.stdin
            return answer
        parts: list[Answer] = []
        status = 0
        if isinstance(command, If):
            for condition, body in command.branches:
                if not condition or not self._condition(condition, parts):
                    status = 0 if self.leaving else self._part(body, parts)
                    break
                if self.leaving:
                    break
        elif isinstance(command, Case):
            text = self._text(command.word)
            for patterns, body in command.branches:
                if any(re.fullmatch(self._pattern(pattern), text) for pattern in patterns):
                    status = self._part(body, parts) if body else 0
                    break
        elif isinstance(command, For):
            for field in self.parameters.copy() if command.words is None else self._fields(command.words):
                self.assign(command.name, field)
                status = self._part(command.steps, parts)
                if self._leaves_loop():
                    break
        else:
            while (not self._condition(command.condition, parts)) is command.zero and not self.leaving:
                status = self._part(command.steps, parts)
                if self._leaves_loop():
                    break
        if self.leaving in _OUT_OF_LOOPS:
            status = self.status
        return Answer(status, b"".join(part.stdout for part in parts), b"".join(part.stderr for part in parts))

    def _part(self, steps: Sequence[Step], parts: list[Answer]) -> int:
        parts.append(self._list(steps))
        return parts[-1].status

    def _condition(self, steps: Sequence[Step], parts: list[Answer]) -> int:
        self._conditions += 1
        try:
            return self._part(steps, parts)
        finally:
            self._conditions -= 1

    def _leaves_loop(self) -> bool:
        """Return whether the loop that has run its list once is left; what was said of the loop is done with."""
        leaving = self.leaving
        if leaving not in _OUT_OF_LOOPS:
            self.leaving = ""
        return leaving == "break" or leaving in _OUT_OF_LOOPS

    def chdir(self, path: str) -> None:
        """Be in another directory, which may be called by a path with symbolic links."""
        self.cwd = path
        exported = "PWD" in self.environ or "PWD" in os.environ
        (self.environ if exported else self.variables)["PWD"] = path

    def assign(self, name: str, value: str) -> None:
        """Give a variable a value."""
        (self.environ if name in self.environ else self.variables)[name] = value

    def take_stdin(self) -> bytes:
        """Return the input that is left, which is gone then."""
        data, self.stdin = self.stdin, b""
        return data

    def _subshell(self) -> Shell:
        return self.with_environ({})

    def with_environ(self, environ: Mapping[str, str]) -> Shell:
        """Return a copy of this shell that has these variables in its environment, too."""
        everything = {**self.environ, **environ}
        copy = Shell(self._python, self.cwd, everything, self.umask, self.stdin, self.parameters, self.name)
        copy.variables = dict(self.variables)
        copy.functions, copy.calls = dict(self.functions), [dict(call) for call in self.calls]
        copy.status, copy.options, copy._conditions = self.status, set(self.options), self._conditions
        return copy

    # -- words ---------------------------------------------------------------------------------------------

    def variable(self, name: str) -> str:
        """Return the value of a variable, empty if there is none."""
        if name in self.variables:
            return self.variables[name]
        return self.environ[name] if name in self.environ else os.environ.get(name, "")

    def locale(self, category: str) -> str:
        """Return the locale that the variables ask for in a category, such as ``LC_TIME``."""
        return self.variable("LC_ALL") or self.variable(category) or self.variable("LANG") or "C"

    def _parameter(self, name: str) -> str | None:
        """Return the value of a variable or of what shells have for parameters; None if there is none."""
        if name == "?":
            return str(self.status)
        if name == "#":
            return str(len(self.parameters))
        if name in "@*":
            return " ".join(self.parameters) if self.parameters else None
        if name.isdigit():
            number = int(name)
            return self.name if not number else self.parameters[number - 1] if number <= len(self.parameters) else None
        known = name in self.variables or name in self.environ or name in os.environ
        return self.variable(name) if known else None

    def _expanded(self, piece: Variable | Output | Arithmetic) -> str | Word:
        """Return the text that an expansion is, or the word that it stands for."""
        if isinstance(piece, Arithmetic):
            from .arithmetic import evaluate  # noqa: PLC0415 - few calculate

            return str(evaluate(self._text(piece.expression), self.variable, self.assign))
        if isinstance(piece, Output):
            shell = self._subshell()
            answer = shell._list(piece.command)
            self._substituted = Answer(answer.status, b"", self._substituted.stderr + answer.stderr)
            return os.fsdecode(answer.stdout).rstrip("\n")
        value = self._parameter(piece.name)
        asks = piece.operator[-1:] in {"-", "+", "="} or piece.name == "@"
        if value is None and not asks and "nounset" in self.options:
            raise Unsupported(f"{piece.name}: parameter not set")  # each shell ends in another way then
        if piece.operator == LENGTH:
            return str(len(value or ""))
        if piece.operator[:1] in {"%", "#"}:
            return self._without(value or "", piece.operator, piece.other)
        none = not value if ":" in piece.operator else value is None
        if piece.operator.endswith("-") and none:
            return piece.other
        if piece.operator.endswith("+"):
            return "" if none else piece.other
        if piece.operator.endswith("=") and none:
            value = self._text(piece.other)
            self.assign(piece.name, value)
        return value or ""

    def _without(self, value: str, operator: str, word: Word) -> str:
        """Return a value without what matches a pattern, at its end (``%``) or its start; doubled, the longest."""
        pattern = re.compile(self._pattern(word))
        places = range(len(value) + 1)
        at_end = operator[0] == "%"
        for at in places if at_end is (len(operator) > 1) else reversed(places):
            if pattern.fullmatch(value[at:] if at_end else value[:at]):
                return value[:at] if at_end else value[at:]
        return value

    def _pattern(self, word: Word) -> str:
        """Return a regular expression for what a word matches that is a pattern."""
        parts = []
        for piece in word:
            text = self._text((piece,))
            plain = isinstance(piece, (Text, Home)) or (not isinstance(piece, Pattern) and piece.quoted)
            if not plain and "\\" in text:
                raise Unsupported(text)  # shells disagree
            parts.append(WILDCARDS.sub(r"\\\g<0>", text) if plain else text)
        return translate("".join(parts))

    def _text(self, word: Word) -> str:
        """Return the text of a word that stays one: it is not split, and stands for no names of files."""
        text = []
        for piece in word:
            if isinstance(piece, (Text, Pattern)):
                text.append(piece.text)
            elif isinstance(piece, Home):
                text.append(self.home(piece.user))
            else:
                found = self._expanded(piece)
                text.append(found if isinstance(found, str) else self._text(found))
        return "".join(text)

    def _fields(self, words: Sequence[Word]) -> list[str]:
        """Return the words that a command gets: split where they are not quoted, and names for patterns."""
        return [name for word in words for field in self._split(word) for name in self._names(field)]

    def _split(self, word: Word) -> list[list[tuple[str, bool]]]:
        """Return the fields of a word, each as texts and whether they may be patterns."""
        if word == (Variable("@", True),):
            return [[(parameter, False)] for parameter in self.parameters]
        fields: list[list[tuple[str, bool]]] = []
        joined = False  # whether the next text belongs to the last field

        def add(text: str, *, pattern: bool) -> None:
            nonlocal joined
            if not joined:
                fields.append([])
            fields[-1].append((text, pattern))
            joined = True

        for piece in word:
            if isinstance(piece, (Text, Pattern)):
                add(piece.text, pattern=isinstance(piece, Pattern))
            elif isinstance(piece, Home):
                add(self.home(piece.user), pattern=False)
            elif piece.quoted:
                if isinstance(piece, Variable) and piece.name == "@":
                    raise Unsupported("$@ in the middle of a word")
                add(self._text((piece,)), pattern=False)
            else:
                found = self._expanded(piece)
                parts = re.split(r"[ \t\n]+", found if isinstance(found, str) else self._text(found))
                for number, part in enumerate(parts):
                    joined = joined and not number
                    if part:
                        add(part, pattern=True)
                if len(parts) > 1 and not parts[-1]:
                    joined = False
        return fields

    def _names(self, field: list[tuple[str, bool]]) -> list[str]:
        """Return the names of files that a field is a pattern for; the field itself, if it is for none."""
        text = "".join(part for part, _ in field)
        if not any(pattern and re.search(r"[*?\[]", part) for part, pattern in field):
            return [text]
        wanted = "".join(part if pattern else glob.escape(part) for part, pattern in field)
        return collate(self, glob.glob(wanted, root_dir=self.cwd)) or [text]

    def home(self, user: str) -> str:
        """Return the home directory of a user, of this one if that is empty."""
        if not user:
            return self.variable("HOME") or os.path.expanduser("~")
        return os.path.expanduser(f"~{user}")

    def _simple(self, command: Simple) -> Answer:
        self._substituted = Answer()
        words = self._fields(command.words)
        if not words:
            for name, word in command.assignments:
                self.assign(name, self._text(word))
            return self._substituted
        assigned = {name: self._text(word) for name, word in command.assignments}
        return self._redirect(command.redirections, lambda: self.call(words, assigned))

    def _redirect(self, redirections: Sequence[Redirection], run: Callable[[], Answer]) -> Answer:
        """Run something with its streams leading elsewhere."""
        try:
            sinks, stdin = self._redirected(redirections)
        except OSError as error:
            return Answer(1, b"", os.fsencode(f"sh: {error.filename}: {error.strerror}\n"))
        if stdin is None:
            answer = run()
        else:
            before, self.stdin = self.stdin, stdin
            try:
                answer = run()
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
            if one.mode == HERE:
                stdin = os.fsencode(self._text(one.target))
                continue
            path = self.path(self._text(one.target))
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

    def mask(self) -> int:
        """Return the mask: the process's, where the shell has none of its own."""
        if self.umask is not None:
            return self.umask
        mask = os.umask(0o077)
        os.umask(mask)
        return mask

    def unmask(self, path: str, mode: int) -> None:
        """Give something new what the process's mask took and the shell's leaves."""
        if self.umask is not None:
            os.chmod(path, self.masked(mode))

    def call(self, words: list[str], assigned: Mapping[str, str]) -> Answer:
        """Run a program by its words, with these variables added to its environment; raises as `run`."""
        if words[0] in self.functions:
            return self._with(assigned, partial(self._function, self.functions[words[0]], words[1:]))
        function = _builtin(words[0])
        if function is not None:
            return self._with(assigned, partial(_try, function, self, words))
        environ = {**self.environ, **assigned}
        is_shell, program = self._program(words)
        if not is_shell:
            return self._python(program, environ, self.cwd, self.take_stdin())
        try:
            return self._inner(program, environ)()
        except OSError as error:
            return Answer(2, b"", complaint(words[0], error))
        except (CannotStart, Unsupported) as error:
            # To this shell it is a program that does not start, and nothing of it has been done.
            return refuse(error.program if isinstance(error, CannotStart) else " ".join(words))

    def _function(self, body: Compound, arguments: list[str]) -> Answer:
        before, self.parameters = self.parameters, arguments
        self.calls.append({})
        try:
            answer = self._command(body)
        finally:
            self.parameters = before
            for name, (exported, value) in self.calls.pop().items():
                for variables, old in ((self.environ, exported), (self.variables, value)):
                    variables.pop(name, None)
                    if old is not None:
                        variables[name] = old
        if self.leaving == "return":
            self.leaving = ""
        return answer

    def _with(self, assigned: Mapping[str, str], run: Callable[[], Answer]) -> Answer:
        """Run something of this shell's own with variables that are in its environment only as long."""
        before = {name: self.environ.get(name) for name in assigned}
        self.environ.update(assigned)
        try:
            return run()
        finally:
            for name, value in before.items():
                if value is None:
                    self.environ.pop(name, None)
                else:
                    self.environ[name] = value

    def _program(self, words: Sequence[str]) -> tuple[bool, list[str]]:
        """Return whether a shell runs a program, or else Python, and the words for it; `CannotStart` for any other."""
        if is_python(words[0]) or os.path.basename(words[0]) in SHELLS:
            return not is_python(words[0]), list(words)
        path = self.path(words[0]) if "/" in words[0] else words[0]
        script = shutil.which(path, path=self.variable("PATH") or None)
        kind = _first_line(script) if script is not None else ""
        if script is None or not kind:
            raise CannotStart(words[0])
        return kind == "shell", ["sh" if kind == "shell" else sys.executable or "python3", script, *words[1:]]

    def _inner(self, words: list[str], environ: Mapping[str, str]) -> Callable[[], Answer]:
        """Return what runs another shell: with a text, ``-c``, or a file, and parameters; raises as `prepare`."""
        rest = words[1:]
        options: list[str] = []
        takes_text = False
        while rest and rest[0].startswith("-") and rest[0] not in {"-", "--"}:
            word = rest.pop(0)
            takes_text |= "c" in word
            options.append(word.replace("c", "", 1))
            if word.endswith("o"):
                options += rest[:1]
                del rest[:1]
        if takes_text and rest:
            text, name, parameters = rest[0], (*rest[1:2], "sh")[0], rest[2:]
        elif rest and not takes_text and not rest[0].startswith("-"):
            with open(self.path(rest[0]), encoding="utf-8", errors="surrogateescape") as file:
                text, name, parameters = file.read(), rest[0], rest[1:]
        else:
            raise Unsupported(" ".join(words))
        shell = Shell(self._python, self.cwd, environ, self.umask, b"", parameters, name)
        if shell.set_options([word for word in options if word != "-"]):
            raise Unsupported(" ".join(words))
        run = shell.prepare(text)

        def run_with_input() -> Answer:
            shell.stdin = self.take_stdin()
            return run()

        return run_with_input

    def source(self, path: str) -> Answer:
        """Run the commands of a file in this shell; OSError if it cannot be read."""
        with open(self.path(path), encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        try:
            run = self.prepare(text)
        except CannotStart as error:
            return refuse(error.program)
        return run()

    def set_options(self, words: Sequence[str]) -> list[str]:
        """Turn options on (``-``) and off (``+``) as ``set`` does; returns the words that are none."""
        rest = list(words)
        while rest and rest[0][:1] in {"-", "+"} and rest[0] not in {"-", "+", "--"}:
            word = rest.pop(0)
            for letter in word[1:]:
                name = OPTIONS.get(letter, "") if letter != "o" else rest.pop(0) if rest else ""
                if name not in OPTIONS.values():
                    raise Unsupported(" ".join(words))
                (self.options.add if word[0] == "-" else self.options.discard)(name)
        return rest

    def _require(self, name: str) -> None:
        """Raise `CannotStart` for what neither this shell nor Python nor another shell can run."""
        if _builtin(name) is None:
            self._program([name])

    def _check(self, steps: Sequence[Step]) -> None:
        """Raise `CannotStart` for a program that would be needed, before anything has been done."""
        commands = list(walk(steps))
        functions = self.functions.keys() | {one.name for one in commands if isinstance(one, Function)}
        if wrong := functions & ONLY_SHELLS:
            raise Unsupported(min(wrong))  # what a shell looks for first differs
        for command in commands:
            for word in command.words[:1] if isinstance(command, Simple) else ():
                name = word[0].text if len(word) == 1 and isinstance(word[0], Text) else ""
                if name == ".":
                    return  # what comes after it may be a function of that file
                made = "/" in name and not os.path.exists(self.path(name))  # perhaps by what comes before it
                if name and not made and name not in functions:
                    self._require(name)

    def path(self, path: str) -> str:
        """Return a path as the shell's directory makes it; the empty one is that of nothing, not the directory's."""
        return os.path.join(self.cwd, path) if path else ""


def _is_same(named: str, folder: str) -> bool:
    """Return whether a path names a directory from the root on."""
    try:
        return os.path.isabs(named) and os.path.samefile(named, folder)
    except OSError:
        return False


def _counts(commands: Sequence[Command]) -> bool:
    """Return whether a failure is one of these commands, and not only that of the last one in a list or a loop."""
    first = commands[0]
    return len(commands) > 1 or isinstance(first, Simple) or (isinstance(first, Group) and first.subshell)


def is_python(program: str) -> bool:
    """Return whether a program is the interpreter, as far as that can be told: there is only one here."""
    return program == sys.executable or _PYTHON.fullmatch(os.path.basename(program)) is not None


def _first_line(path: str) -> str:
    """Return what the first line of a program names: "python", or "shell", or nothing that can be run here."""
    try:
        with open(path, "rb") as file:
            first = file.readline(_LINE)
            second = file.readline(_LINE)  # where the name is too long for the first line, a shell is asked
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    words = os.fsdecode(first[2:]).split()
    if words and os.path.basename(words[0]) == "env":
        del words[0]
    elif words == ["/bin/sh"] and second.startswith(b"'''exec' "):
        words = [os.fsdecode(second.split(b" ", 1)[1]).partition(' "$0"')[0].strip(' "')]
    if words and is_python(words[0]):
        return "python"
    return "shell" if len(words) == 1 and os.path.basename(words[0]) in SHELLS else ""


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
