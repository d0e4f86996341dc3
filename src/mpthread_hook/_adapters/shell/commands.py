"""What the shell answers itself, by name: its own commands, and those of the other files here."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time

from . import files, keys, system, texts
from .answer import NOT_FOUND, Answer
from .syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .running import Shell


def _echo(_shell: Shell, arguments: Sequence[str]) -> Answer:
    end = "\n"
    if arguments[:1] == ["-n"]:
        arguments, end = arguments[1:], ""
    text = " ".join(arguments)
    if re.search(r"\\([\\abcefnrtv0-9]|\Z)", text) or re.match(r"-[neE]+(\s|\Z)", text):
        raise Unsupported(text)  # shells disagree
    return Answer(0, os.fsencode(text + end))


def _umask(shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) != 1 or not re.fullmatch("[0-7]{1,4}", arguments[0]):
        raise Unsupported(" ".join(arguments))
    shell.umask = int(arguments[0], 8)
    return Answer()


_KINDS: dict[str, Callable[[str], object]] = {
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
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": int.__eq__,
    "-ne": int.__ne__,
    "-lt": int.__lt__,
    "-le": int.__le__,
    "-gt": int.__gt__,
    "-ge": int.__ge__,
}


def _test(shell: Shell, arguments: Sequence[str]) -> Answer:
    found: object
    if arguments[:1] == ["!"] and len(arguments) in {2, 3, 4} and arguments[1:2] not in (["="], ["!="]):
        return Answer(int(not _test(shell, arguments[1:]).status))
    if len(arguments) < 2:
        found = "".join(arguments)
    elif len(arguments) == 2 and arguments[0] in _KINDS:
        found = _KINDS[arguments[0]](shell.path(arguments[1]))
    elif len(arguments) == 2 and arguments[0] in {"-n", "-z"}:
        found = bool(arguments[1]) is (arguments[0] == "-n")
    elif len(arguments) == 3 and arguments[1] in {"=", "!="}:
        found = (arguments[0] == arguments[2]) is (arguments[1] == "=")
    elif len(arguments) == 3 and arguments[1] in _NUMBERS:
        first, second = arguments[::2]
        if not (re.fullmatch(r"-?\d+", first) and re.fullmatch(r"-?\d+", second)):
            return Answer(2, b"", f"test: {first} {arguments[1]} {second}: not two numbers\n".encode())
        found = _NUMBERS[arguments[1]](int(first), int(second))
    else:
        raise Unsupported(" ".join(arguments))
    return Answer(0 if found else 1)


def _bracket(shell: Shell, arguments: Sequence[str]) -> Answer:
    if arguments[-1:] != ["]"]:
        raise Unsupported(" ".join(arguments))
    return _test(shell, arguments[:-1])


def _sleep(_shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) != 1 or not re.fullmatch(r"\d+(\.\d+)?", arguments[0]):
        raise Unsupported(" ".join(arguments))
    if float(arguments[0]):
        time.sleep(float(arguments[0]))
    return Answer()


def _cd(shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) > 1 or arguments == ["-"]:
        raise Unsupported(" ".join(arguments))
    path = shell.path((arguments[0] or ".") if arguments else shell.home(""))
    if not os.path.isdir(path):
        number = errno.ENOTDIR if os.path.exists(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), path)
    shell.assign("OLDPWD", shell.cwd)
    shell.chdir(os.path.normpath(path))
    return Answer()


def _pwd(shell: Shell, arguments: Sequence[str]) -> Answer:
    if arguments:
        raise Unsupported(" ".join(arguments))
    return Answer(0, os.fsencode(shell.cwd + "\n"))


def _command_v(shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) != 2 or arguments[0] != "-v":
        raise Unsupported(" ".join(arguments))
    name = arguments[1]
    if name in ONLY_SHELLS or name in _IN_SHELLS:
        return Answer(0, os.fsencode(name + "\n"))
    found = shutil.which(name, path=shell.variable("PATH") or None)
    if found is None and name in COMMANDS:
        found = name
    return Answer(0, os.fsencode(found + "\n")) if found else Answer(NOT_FOUND)


def _exit(shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) > 1 or not re.fullmatch(r"\d{0,3}", "".join(arguments)):
        raise Unsupported(" ".join(arguments))
    shell.leaving = "exit"
    return Answer(int(arguments[0]) & 0xFF if arguments else shell.status)


def _break(shell: Shell, arguments: Sequence[str]) -> Answer:
    if arguments:
        raise Unsupported(" ".join(arguments))
    shell.leaving = "break"
    return Answer()


def _continue(shell: Shell, arguments: Sequence[str]) -> Answer:
    if arguments:
        raise Unsupported(" ".join(arguments))
    shell.leaving = "continue"
    return Answer()


def _set(shell: Shell, arguments: Sequence[str]) -> Answer:
    rest = shell.set_options(arguments)
    if not arguments or (rest and rest[0] != "--"):
        raise Unsupported(" ".join(arguments))
    if rest:
        shell.parameters = rest[1:]
    return Answer()


def _source(shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) != 1 or "/" not in arguments[0]:
        raise Unsupported(" ".join(arguments))  # shells look for it in different places
    try:
        return shell.source(arguments[0])
    except OSError as error:
        raise Unsupported(arguments[0]) from error  # some shells end then, and others go on


def _shift(shell: Shell, arguments: Sequence[str]) -> Answer:
    if arguments or not shell.parameters:
        raise Unsupported(" ".join(arguments))
    del shell.parameters[0]
    return Answer()


def _line(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Take a line of the input, and give its words to variables, the rest to the last one (``read``)."""
    rest = [word for word in arguments if word != "-r"]
    if not rest or b"\\" in shell.stdin or not all(re.fullmatch(_NAME, name) for name in rest):
        raise Unsupported(" ".join(arguments))
    line, end, shell.stdin = shell.stdin.partition(b"\n")
    words = os.fsdecode(line).strip(" \t").split(None, len(rest) - 1)
    for number, name in enumerate(rest):
        shell.assign(name, words[number] if number < len(words) else "")
    return Answer(0 if end else 1)


_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def _export(shell: Shell, arguments: Sequence[str]) -> Answer:
    if not arguments or not all(re.match(rf"{_NAME}(=|\Z)", word) for word in arguments):
        raise Unsupported(" ".join(arguments))
    for word in arguments:
        name, given, value = word.partition("=")
        if given or name in shell.variables:
            shell.environ[name] = value if given else shell.variables[name]
            shell.variables.pop(name, None)
    return Answer()


def _local(shell: Shell, arguments: Sequence[str]) -> Answer:
    """Make variables the function's own, until it is over."""
    if not shell.calls or not arguments or not all(re.match(rf"{_NAME}(=|\Z)", word) for word in arguments):
        raise Unsupported(" ".join(arguments))
    for word in arguments:
        name, given, value = word.partition("=")
        if not given and shell.variable(name):
            raise Unsupported(word)  # some shells keep the value, others do not
        shell.calls[-1].setdefault(name, (shell.environ.get(name), shell.variables.get(name)))
        if given:
            shell.assign(name, value)
    return Answer()


def _return(shell: Shell, arguments: Sequence[str]) -> Answer:
    if not shell.calls or len(arguments) > 1 or not all(re.fullmatch("[0-9]+", word) for word in arguments):
        raise Unsupported(" ".join(arguments))
    shell.leaving = "return"
    return Answer(int(arguments[0]) & 0xFF if arguments else shell.status)


def _env(shell: Shell, arguments: Sequence[str]) -> Answer:
    assigned: dict[str, str] = {}
    rest = list(arguments)
    while rest and (match := re.match(rf"({_NAME})=", rest[0])):
        assigned[match[1]] = rest.pop(0)[match.end() :]
    if not rest:
        return system.printenv(shell.with_environ(assigned), [])
    if rest[0].startswith("-") or rest[0] in ONLY_SHELLS:
        raise Unsupported(" ".join(arguments))
    return shell.call(rest, assigned)


def _expr(_shell: Shell, arguments: Sequence[str]) -> Answer:
    from .expr import expr  # noqa: PLC0415 - few use it

    return expr(arguments)


def _basename(_shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) not in {1, 2} or arguments[0].startswith("-"):
        raise Unsupported(" ".join(arguments))
    name = os.path.basename(arguments[0].rstrip("/")) or arguments[0][:1]
    if len(arguments) == 2 and name != arguments[1]:
        name = name.removesuffix(arguments[1])
    return Answer(0, os.fsencode(name + "\n"))


def _dirname(_shell: Shell, arguments: Sequence[str]) -> Answer:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise Unsupported(" ".join(arguments))
    start = arguments[0].rstrip("/").rpartition("/")[0].rstrip("/")
    return Answer(0, os.fsencode((start or ("/" if arguments[0].startswith("/") else ".")) + "\n"))


def _tar(shell: Shell, arguments: Sequence[str]) -> Answer:
    from .tar.command import tar  # noqa: PLC0415 - loads much, for the few who unpack

    return tar(shell, list(arguments))


def _unzip(shell: Shell, arguments: Sequence[str]) -> Answer:
    from .zip.command import unzip  # noqa: PLC0415 - as for tar

    return unzip(shell, list(arguments))


def _zipinfo(shell: Shell, arguments: Sequence[str]) -> Answer:
    from .zip.command import zipinfo  # noqa: PLC0415 - as for tar

    return zipinfo(shell, list(arguments))


def _true(_shell: Shell, _arguments: Sequence[str]) -> Answer:
    return Answer()


def _false(_shell: Shell, _arguments: Sequence[str]) -> Answer:
    return Answer(1)


#: By name.
COMMANDS: Mapping[str, Callable[[Shell, list[str]], Answer]] = {
    ":": _true,
    ".": _source,
    "[": _bracket,
    "basename": _basename,
    "break": _break,
    "cat": texts.cat,
    "cd": _cd,
    "chmod": files.chmod,
    "command": _command_v,
    "continue": _continue,
    "cp": files.cp,
    "cut": texts.cut,
    "date": system.date,
    "dirname": _dirname,
    "echo": _echo,
    "env": _env,
    "exit": _exit,
    "export": _export,
    "expr": _expr,
    "false": _false,
    "getent": system.getent,
    "grep": texts.grep,
    "head": texts.head,
    "hostname": system.hostname,
    "id": system.identity,
    "ln": files.ln,
    "local": _local,
    "ls": files.ls,
    "mkdir": files.mkdir,
    "mktemp": files.mktemp,
    "mv": files.mv,
    "printenv": system.printenv,
    "printf": texts.printf,
    "pwd": _pwd,
    "read": _line,
    "readlink": files.readlink,
    "realpath": files.realpath,
    "return": _return,
    "rm": files.rm,
    "rmdir": files.rmdir,
    "seq": texts.seq,
    "set": _set,
    "shift": _shift,
    "sleep": _sleep,
    "sort": texts.sort,
    "ssh-keygen": keys.ssh_keygen,
    "tail": texts.tail,
    "tar": _tar,
    "tee": texts.tee,
    "test": _test,
    "touch": files.touch,
    "tr": texts.tr,
    "true": _true,
    "umask": _umask,
    "unzip": _unzip,
    "wc": texts.wc,
    "which": system.which,
    "whoami": system.whoami,
    "zipinfo": _zipinfo,
    **texts.DIGESTS,
}
#: What is no program, since it changes the shell.
ONLY_SHELLS = frozenset(
    ". : break cd command continue exit export local read return set shift umask".split()  # noqa: SIM905 - one line
)
# What is a program, and shells have it in them as well.
_IN_SHELLS = frozenset(("[", "echo", "false", "printf", "pwd", "test", "true"))
