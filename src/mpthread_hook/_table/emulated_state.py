"""Rows outside multiprocessing: what a process has (streams, descriptors, environment, directory)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

_DESCRIPTORS = "mpthread_hook._emulation.descriptors"
_DIRECTORY = "mpthread_hook._emulation.directory"
_ENVIRONMENT = "mpthread_hook._emulation.environment"
_PROGRAMS = "mpthread_hook._emulation.programs"
_STREAMS = "mpthread_hook._emulation.streams"
_OWN = "Descriptors 0, 1 and 2 are the calling process's own; all others are shared by the program."

# fmt: off
ROWS: tuple[Row, ...] = (
    ("sys", "", "threaded", _STREAMS, "install", None, None, "stdin, stdout, stderr, their __dunder__ forms and argv are per process; path, modules and flags are shared."),
    ("os", "", "threaded", _DESCRIPTORS, "install", None, None, "While there are thread processes, open() takes 0, 1 and 2 as the calling process's own."),
    ("os", "", "threaded", _ENVIRONMENT, "install", None, None, "environ and environb are the calling process's own; a child starts with a copy."),
    ("os", "", "threaded", _DIRECTORY, "install", None, None, "Working directory and umask are per process where the kernel can do it (Linux), else shared."),
    ("os", "chdir", "threaded", _DIRECTORY, "chdir", None, None, "Moves the calling process only where that can be done (Linux), else the whole program."),
    ("os", "fchdir", "threaded", _DIRECTORY, "fchdir", None, None, "As chdir."),
    ("os", "umask", "threaded", _DIRECTORY, "umask", None, None, "Belongs to the calling process where that can be done (Linux), else to the whole program."),
    ("os", "putenv", "threaded", _ENVIRONMENT, "putenv", None, None, "Changes what programs started by the calling process get."),
    ("os", "unsetenv", "threaded", _ENVIRONMENT, "unsetenv", None, None, "Changes what programs started by the calling process get."),
    ("os", "system", "threaded", _PROGRAMS, "system", None, None, "The program gets the calling process's descriptors and environment."),
    ("os", "close", "threaded", _DESCRIPTORS, "close", None, None, _OWN),
    ("os", "closerange", "threaded", _DESCRIPTORS, "closerange", None, None, "In a thread process closes its own 0 to 2 and nothing of the program's."),
    ("os", "device_encoding", "threaded", _DESCRIPTORS, "device_encoding", None, None, _OWN),
    ("os", "dup", "threaded", _DESCRIPTORS, "dup", None, None, _OWN),
    ("os", "dup2", "threaded", _DESCRIPTORS, "dup2", None, None, _OWN),
    ("os", "fdatasync", "threaded", _DESCRIPTORS, "fdatasync", None, None, _OWN),
    ("os", "fpathconf", "threaded", _DESCRIPTORS, "fpathconf", None, None, _OWN),
    ("os", "fstat", "threaded", _DESCRIPTORS, "fstat", None, None, _OWN),
    ("os", "fsync", "threaded", _DESCRIPTORS, "fsync", None, None, _OWN),
    ("os", "ftruncate", "threaded", _DESCRIPTORS, "ftruncate", None, None, _OWN),
    ("os", "get_blocking", "threaded", _DESCRIPTORS, "get_blocking", None, None, _OWN),
    ("os", "get_inheritable", "threaded", _DESCRIPTORS, "get_inheritable", None, None, _OWN),
    ("os", "get_terminal_size", "threaded", _DESCRIPTORS, "get_terminal_size", None, None, _OWN),
    ("os", "isatty", "threaded", _DESCRIPTORS, "isatty", None, None, _OWN),
    ("os", "lseek", "threaded", _DESCRIPTORS, "lseek", None, None, _OWN),
    ("os", "open", "threaded", _DESCRIPTORS, "open", None, None, "Takes the lowest of 0 to 2 that the calling process has closed, if any."),
    ("os", "pread", "threaded", _DESCRIPTORS, "pread", None, None, _OWN),
    ("os", "pwrite", "threaded", _DESCRIPTORS, "pwrite", None, None, _OWN),
    ("os", "read", "threaded", _DESCRIPTORS, "read", None, None, _OWN),
    ("os", "readv", "threaded", _DESCRIPTORS, "readv", None, None, _OWN),
    ("os", "sendfile", "threaded", _DESCRIPTORS, "sendfile", None, None, _OWN),
    ("os", "set_blocking", "threaded", _DESCRIPTORS, "set_blocking", None, None, _OWN),
    ("os", "set_inheritable", "threaded", _DESCRIPTORS, "set_inheritable", None, None, _OWN),
    ("os", "tcgetpgrp", "threaded", _DESCRIPTORS, "tcgetpgrp", None, None, _OWN),
    ("os", "ttyname", "threaded", _DESCRIPTORS, "ttyname", None, None, _OWN),
    ("os", "write", "threaded", _DESCRIPTORS, "write", None, None, _OWN),
    ("os", "writev", "threaded", _DESCRIPTORS, "writev", None, None, _OWN),
    ("logging", "", "threaded", _STREAMS, "install_logging", None, None, "A StreamHandler that holds a stream of the parent writes to the calling process's own."),
    ("subprocess", "", "threaded", _PROGRAMS, "install", None, None, "Programs get the calling process's descriptors 0 to 2 and its environment."),
)
