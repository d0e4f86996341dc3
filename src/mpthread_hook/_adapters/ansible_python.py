"""What ``python ...`` does where no interpreter can be started: it runs in a thread process of this one."""

from __future__ import annotations

import os

from . import ansible_async, ansible_payload
from .shell.answer import Answer
from .shell.syntax import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from .python_program import Program

# Options of the interpreter that change nothing here: this one runs already.
_FLAGS = frozenset(("-B", "-E", "-I", "-O", "-OO", "-P", "-S", "-b", "-bb", "-d", "-q", "-s", "-u", "-v"))

# What the interpreter does for `-m`.
_MODULE = """\
import os, runpy, sys
sys.path.insert(0, os.getcwd())
runpy.run_module(%r, run_name="__main__", alter_sys=True)
"""


def run_python(argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes | BinaryIO = b"") -> Answer:
    """Run ``python ...`` in this program; its input is all there, or what it reads from a stream."""
    rest = _without_flags(argv)
    if rest and not rest[0].startswith("-"):
        job = ansible_async.job(rest, cwd)
        if job is not None:
            return job.start(environ, cwd, prepare)
    try:
        program = prepare(argv, environ, cwd, stdin)
    except OSError as error:
        text = f"{argv[0]}: can't open file {error.filename!r}: [Errno {error.errno}] {error.strerror}\n"
        return Answer(2, b"", text.encode())
    program.start()
    return Answer(*program.wait())


def _without_flags(argv: list[str]) -> list[str]:
    rest = argv[1:]
    while rest and rest[0] in _FLAGS:
        rest.pop(0)
    return rest


def prepare(argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes | BinaryIO = b"") -> Program:
    """Return the program that ``python ...`` is; OSError if its script cannot be read."""
    rest = _without_flags(argv)
    if not rest or rest[0] == "-":
        source, filename, arguments = stdin if isinstance(stdin, bytes) else stdin.read(), "<stdin>", rest or [""]
        stdin = b""
    elif rest[0] == "-c" and len(rest) > 1:
        source, filename, arguments = rest[1].encode(), "<string>", ["-c", *rest[2:]]
    elif rest[0] == "-m" and len(rest) > 1:
        source, filename, arguments = (_MODULE % rest[1]).encode(), "<string>", ["-m", *rest[2:]]
    elif rest[0].startswith("-"):
        raise Unsupported(" ".join(argv))
    else:
        filename, arguments = os.path.join(cwd, rest[0]), rest
        with open(filename, "rb") as file:
            source = file.read()
    return ansible_payload.program(arguments, source, filename, environ=environ, cwd=cwd, stdin=stdin)
