"""Take this program's ability to create processes away, as a phone's system does, and prove that it is gone.

`deny()` asks the kernel (seccomp on Linux, x86-64 and AArch64) and, where there is none to ask, falls back
to an audit hook, which stops Python code only.  Neither can be taken back.  The demo and the tests' sandbox
use it; nothing that is served does.

Numbers are those of the Linux headers `linux/seccomp.h`, `linux/filter.h` and `linux/audit.h`.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2
_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1  # the threads that already run obey as well

_RET_ALLOW = 0x7FFF0000
_RET_ERRNO = 0x00050000
_CLONE_THREAD = 0x00010000

# Offsets in `struct seccomp_data`: nr, arch, instruction pointer, six arguments of 8 bytes.
_NR = 0
_ARCH = 4
_FLAGS = 16  # low half of the first argument; both architectures are little-endian

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

# Per machine: audit number, `seccomp` itself, clone, clone3, and what is refused whatever its arguments.
_MACHINES: dict[str, tuple[int, int, int, int, tuple[int, ...]]] = {
    "x86_64": (0xC000003E, 317, 56, 435, (57, 58, 59, 322)),  # fork, vfork, execve, execveat
    "aarch64": (0xC00000B7, 277, 220, 435, (221, 281)),  # execve, execveat; it has no fork
}

#: What a refused start of a process raises under the audit hook.
_MESSAGE = "this program denied itself the creation of processes"
_EVENTS = frozenset(
    (
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    )
)

_active = ""
_attempts: list[str] = []


def active() -> str:
    """Return the name of the guard in force: ``"seccomp"``, ``"audit hook"`` or ``""``."""
    return _active


def attempts() -> list[str]:
    """Return what Python code tried to start since `deny()`: programs by name, else what it called."""
    return list(_attempts)


def deny() -> str:
    """Refuse fork, vfork, exec and every clone that is not a thread from now on; return the guard's name.

    Under seccomp the calls fail with EPERM, and clone3 with ENOSYS, so that the C library falls back to
    clone, whose flags the filter can read.  Calling it again changes nothing.
    """
    global _active
    if not _active:
        _active = "seccomp" if _install_filter() else "audit hook"
        sys.addaudithook(_audit)
    return _active


def _program(machine: str) -> bytes:
    """Return the BPF program as the bytes of an array of `struct sock_filter`."""
    arch, _, clone, clone3, refused = _MACHINES[machine]
    eperm = _RET_ERRNO | errno.EPERM
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, eperm),  # the 32-bit entry of the same kernel has other numbers: refuse all of it
        (_LOAD, 0, 0, _NR),
        (_AT_LEAST, 0, 1, 0x40000000),  # x32: the same calls under other numbers
        (_RETURN, 0, 0, eperm),
        (_EQUAL, 0, 1, clone3),
        (_RETURN, 0, 0, _RET_ERRNO | errno.ENOSYS),
    ]
    for number in refused:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, eperm)]
    code += [
        (_EQUAL, 1, 0, clone),
        (_RETURN, 0, 0, _RET_ALLOW),
        (_LOAD, 0, 0, _FLAGS),
        (_ANY_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _RET_ALLOW),
        (_RETURN, 0, 0, eperm),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _install_filter() -> bool:
    machine = os.uname().machine if sys.platform.startswith("linux") else ""
    if machine not in _MACHINES or sys.maxsize < 2**32:
        return False
    try:
        import ctypes  # noqa: PLC0415 - there are builds without it, which then get the audit hook
    except ImportError:
        return False

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    code = _program(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero):
        return False
    number = ctypes.c_long(_MACHINES[machine][1])
    operation, flags = ctypes.c_ulong(_SET_MODE_FILTER), ctypes.c_ulong(_FLAG_TSYNC)
    if not libc.syscall(number, operation, flags, ctypes.byref(program)):
        return True
    # Kernels and sandboxes that have no such call may still have its older form.
    mode = ctypes.c_ulong(_MODE_FILTER)
    return not libc.prctl(_PR_SET_SECCOMP, mode, ctypes.byref(program), zero, zero)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in _EVENTS:
        _attempts.append(_program_of(arguments) or event)
        if _active == "seccomp":
            return  # the kernel says no, and says it to C code as well
        raise PermissionError(errno.EPERM, _MESSAGE)


def check() -> dict[str, str]:
    """Try every way to start a process; return what each met: ``"denied"``, ``"absent"`` or ``"possible"``.

    A child that does start ends at once.  The entry ``thread`` says whether threads still start.
    """
    # Only here: the sandbox loads this module first of all, and must leave the program as it found it.
    import subprocess  # noqa: PLC0415
    import threading  # noqa: PLC0415

    command = [sys.executable or "python", "-c", ""]
    tries: dict[str, Callable[[], object]] = {
        "fork": _try_fork,
        "subprocess": lambda: subprocess.run(command, check=False),
        "subprocess (preexec)": lambda: subprocess.run(command, check=False, preexec_fn=_nothing),
        "posix_spawn": lambda: os.waitpid(os.posix_spawn(command[0], command, os.environ), 0),
        "system": lambda: _raise_status(os.system("exit 0")),
    }
    found = {}
    already = len(_attempts)
    for name, attempt in tries.items():
        try:
            attempt()
        except (PermissionError, BlockingIOError):
            found[name] = "denied"
        except (AttributeError, NotImplementedError):
            found[name] = "absent"
        except OSError as error:
            found[name] = "denied" if error.errno in (errno.ENOSYS, errno.ENOTSUP) else f"failed: {error}"
        else:
            found[name] = "possible"
    del _attempts[already:]
    ran: list[bool] = []
    thread = threading.Thread(target=ran.append, args=(True,))
    thread.start()
    thread.join()
    found["thread"] = "possible" if ran else "denied"
    return found


def _nothing() -> None:
    """Make `subprocess` take fork() instead of vfork()."""


def _try_fork() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def _raise_status(status: int) -> None:
    # system() has no exception: it reports a fork that failed as -1 and a shell that did not start as 127.
    if status:
        raise PermissionError(errno.EPERM, f"system() returned {status}")


def children() -> list[int]:
    """Return the pids of the OS processes that are children of this program now (Linux; else empty)."""
    pids: list[int] = []
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                pids += map(int, file.read().split())
    except OSError:
        pass
    return pids


def _program_of(arguments: tuple[object, ...]) -> str:
    program = arguments[0] if arguments else None
    if isinstance(program, bytes):
        program = os.fsdecode(program)
    return os.path.basename(program) if isinstance(program, str) else ""
