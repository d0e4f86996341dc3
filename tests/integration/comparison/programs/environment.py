"""The environment of a child: variables, folder, mask, arguments, and settings of the interpreter."""

from __future__ import annotations

import contextvars
import copy
import decimal
import gc
import locale
import multiprocessing
import os
import pickle
import resource
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from .stage import LIMIT, attempt, finish, launch, only, receive, run, say


def _change_environ() -> None:
    say(os.environ["COMPARE_A"], os.environ.get("COMPARE_B"), "COMPARE_B" in os.environ)
    os.environ["COMPARE_A"] = "the child's"
    os.environ["COMPARE_B"] = "new"
    os.environ.update(COMPARE_C="third")
    say(os.environ.pop("COMPARE_C"), os.environ.setdefault("COMPARE_D", "set"), os.getenv("COMPARE_A"))
    say(os.environb[b"COMPARE_B"], os.getenvb(b"COMPARE_D"), sorted(k for k in os.environ if "COMPARE_" in k))
    say(os.path.expandvars("$COMPARE_A and ${COMPARE_B}"))
    del os.environ["COMPARE_D"]
    attempt(os.environ.__getitem__, "COMPARE_D")
    say(
        dict(os.environ)["COMPARE_A"],
        os.environ.copy()["COMPARE_B"],
        len(os.environ) == len(list(os.environ)),
    )
    attempt(os.environ.__setitem__, "A=B", "x")
    attempt(os.environ.__setitem__, "COMPARE_E", 5)


def case_environ() -> None:
    """A child has its parent's variables as of its start, and changes its own."""
    os.environ["COMPARE_A"] = "the parent's"
    before = dict(os.environ)
    run(_change_environ)
    say(os.environ["COMPARE_A"], "COMPARE_B" in os.environ, dict(os.environ) == before)
    del os.environ["COMPARE_A"]


def _tell_later(connection: Any) -> None:
    connection.send("ready")
    connection.recv()
    say(os.environ.get("COMPARE_A"), os.environ.get("COMPARE_B"))


def case_parents_later_changes() -> None:
    """What the parent changes after the start is not seen by the child."""
    os.environ["COMPARE_A"] = "before"
    ours, theirs = multiprocessing.Pipe()
    process = launch(_tell_later, theirs)
    say(receive(ours))
    os.environ["COMPARE_A"] = "after"
    os.environ["COMPARE_B"] = "after"
    ours.send("go")
    finish(process)
    del os.environ["COMPARE_A"], os.environ["COMPARE_B"]


def _putenv() -> None:
    os.putenv("COMPARE_P", "by putenv")
    say(os.environ.get("COMPARE_P"))
    subprocess.run(["sh", "-c", "echo $COMPARE_P"], check=True)
    os.unsetenv("COMPARE_P")
    subprocess.run(["sh", "-c", "echo ${COMPARE_P-unset}"], check=True)
    os.environ["COMPARE_Q"] = "by environ"
    subprocess.run(["sh", "-c", "echo $COMPARE_Q"], check=True)


def case_programs_inherit_variables() -> None:
    """A program that a child runs has the child's variables, and the parent's programs do not."""
    run(_putenv)
    subprocess.run(["sh", "-c", "echo ${COMPARE_Q-unset} ${COMPARE_P-unset}"], check=True)


def _replace_environ() -> None:
    os.environ = {"ONLY": "one"}  # type: ignore[assignment] # noqa: B003
    say(os.environ, os.getenv("ONLY"), os.getenv("HOME"))


def _clear_environ() -> None:
    os.environ.clear()
    say(dict(os.environ))


def case_cleared_environ() -> None:
    """A child may clear its environment."""
    run(_clear_environ)
    say("PATH" in os.environ)


def _grandchild_environ() -> None:
    os.environ["COMPARE_G"] = "from the child"
    run(_tell_g, name="grandchild")


def _tell_g() -> None:
    say(os.environ.get("COMPARE_G"))


def case_environ_is_inherited() -> None:
    """A grandchild has the child's variables."""
    run(_grandchild_environ)
    _tell_g()


def _set_in_threads() -> None:
    names = [f"COMPARE_{number}" for number in range(8)]
    threads = [threading.Thread(target=os.environ.__setitem__, args=(name, "set")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del os.environ["COMPARE_S"]
    say(sorted(name for name in os.environ if name.startswith("COMPARE_")))
    run(_tell_s, name="grandchild")


def _tell_s() -> None:
    say(sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("COMPARE_")))


def case_siblings_environ() -> None:
    """Children that start with the same variables do not see each other's changes, nor does their parent."""
    os.environ["COMPARE_S"] = "the parent's"
    ours, theirs = multiprocessing.Pipe()
    process = launch(_tell_siblings, theirs)
    say(receive(ours))
    run(_set_in_threads)
    run(_tell_s, name="sibling")
    ours.send("go")
    finish(process)
    os.environ["COMPARE_S"] = "another"
    run(_tell_s, name="younger")
    del os.environ["COMPARE_S"]
    run(_tell_s, name="youngest")
    _tell_s()


def _tell_siblings(connection: Any) -> None:
    connection.send("ready")
    connection.recv()
    _tell_s()


def _chdir(path: str) -> None:
    say(os.getcwd() == os.path.dirname(path))
    os.chdir(path)
    say(os.getcwd() == path, Path.cwd() == Path(path), os.path.abspath("x") == os.path.join(path, "x"))
    with open("made-by-the-child", "w", encoding="utf-8") as file:
        file.write("x")
    say(os.listdir("."), os.path.exists("made-by-the-child"), os.stat("made-by-the-child").st_size)
    subprocess.run(["ls"], check=True)
    fd = os.open("..", os.O_RDONLY)
    os.fchdir(fd)
    say(os.getcwd() == os.path.dirname(path), os.getcwdb() == os.fsencode(os.path.dirname(path)))
    attempt(os.chdir, "missing")


def case_folder() -> None:
    """A child that changes its folder changes nobody else's, and relative paths are its own."""
    folder = os.path.realpath("child-folder")
    os.mkdir(folder)
    before = os.getcwd()
    run(_chdir, folder)
    say(os.getcwd() == before, os.path.exists("made-by-the-child"), os.listdir(folder))


def _in_threads_folder(path: str) -> None:
    import threading

    os.chdir(path)
    thread = threading.Thread(target=lambda: say(os.getcwd() == path))
    thread.start()
    thread.join()
    other = threading.Thread(target=os.chdir, args=("..",))
    other.start()
    other.join()
    say(os.getcwd() == os.path.dirname(path))
    run(_tell_folder, os.path.dirname(path), name="grandchild")


def _tell_folder(path: str) -> None:
    say(os.getcwd() == path)


def case_folder_of_threads() -> None:
    """All threads of a child, and its children, share its folder."""
    folder = os.path.realpath("threads-folder")
    os.mkdir(folder)
    run(_in_threads_folder, folder)


def _umask() -> None:
    say(oct(os.umask(0o077)))
    with open("with-umask", "w", encoding="utf-8"):
        pass
    say(oct(os.stat("with-umask").st_mode & 0o777), oct(os.umask(0o027)))
    os.mkdir("folder-with-umask")
    say(oct(os.stat("folder-with-umask").st_mode & 0o777))


def case_umask() -> None:
    """A child's file mode mask is its own."""
    before = os.umask(0o022)
    run(_umask)
    say(oct(os.umask(before)))


def _argv() -> None:
    sys.argv[:] = ["changed"]
    sys.argv.append("more")
    say(sys.argv)


def case_argv_in_place() -> None:
    """A child's changes of the list sys.argv are its own."""
    before = list(sys.argv)
    run(_argv)
    say(sys.argv == before)
    sys.argv[:] = before


def _path() -> None:
    sys.path.insert(0, "/added/by/the/child")
    sys.path[-1:] = []
    say(sys.path[0])


def case_path_in_place() -> None:
    """A child's changes of the list sys.path are its own."""
    before = list(sys.path)
    run(_path)
    say(sys.path == before)
    sys.path[:] = before


def _assign_argv() -> None:
    say([os.path.basename(sys.argv[0]), len(sys.argv) > 1])
    sys.argv = ["assigned"]
    say(sys.argv)


def case_argv_assigned() -> None:
    """A child has its parent's arguments, and what it assigns to sys.argv is its own."""
    before = list(sys.argv)
    run(_assign_argv)
    say(sys.argv == before)
    sys.argv = before


def _assign_path() -> None:
    sys.path = [*sys.path, "/assigned"]
    say(sys.path[-1])


def case_path_assigned() -> None:
    """What a child assigns to sys.path is its own."""
    before = list(sys.path)
    run(_assign_path)
    say(sys.path == before)
    sys.path = before


def _locale() -> None:
    say(locale.setlocale(locale.LC_NUMERIC))
    say(locale.setlocale(locale.LC_ALL, "C"), locale.setlocale(locale.LC_CTYPE))


def case_locale() -> None:
    """A child's locale is its own."""
    before = locale.setlocale(locale.LC_CTYPE)
    run(_locale)
    say(locale.setlocale(locale.LC_CTYPE) == before)
    locale.setlocale(locale.LC_ALL, before)


def _decimal() -> None:
    say(decimal.getcontext().prec)
    decimal.getcontext().prec = 5
    say(decimal.Decimal(1) / decimal.Decimal(3))


def case_decimal_context() -> None:
    """A child's decimal context is its own; a forked one starts with a copy of its parent's."""
    decimal.getcontext().prec = 10
    run(_decimal)
    say(decimal.Decimal(1) / decimal.Decimal(3))
    decimal.getcontext().prec = 28


_variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="the default")


def _contextvar() -> None:
    say(_variable.get())
    _variable.set("the child's")
    say(_variable.get())


def case_context_variables() -> None:
    """A child's context variables are its own; a forked one starts with its parent's values."""
    _variable.set("the parent's")
    run(_contextvar)
    say(_variable.get())


def _warning_filters() -> None:
    warnings.simplefilter("error")
    attempt(warnings.warn, "an error")


def case_warning_filters() -> None:
    """A child's warning filters are its own."""
    before = list(warnings.filters)
    run(_warning_filters)
    say(list(warnings.filters) == before)
    warnings.filters[:] = before  # type: ignore[index]


def _interpreter() -> None:
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(0.01)
    gc.disable()
    sys.setprofile(lambda *_: None)
    sys.setprofile(None)


def case_interpreter_settings() -> None:
    """A child's settings of the interpreter are its own."""
    before = sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled()
    run(_interpreter)
    say((sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled()) == before)
    sys.setrecursionlimit(before[0])
    sys.setswitchinterval(before[1])
    gc.enable()


def _timezone() -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    say(time.tzname, time.localtime(0).tm_hour)


def case_time_zone() -> None:
    """A child's time zone is its own."""
    before = time.tzname
    run(_timezone)
    say(time.tzname == before)
    time.tzset()


def _limits() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    del soft
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    say(resource.getrlimit(resource.RLIMIT_CORE)[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    say(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft - 1)


def case_resource_limits() -> None:
    """A child's resource limits are its own."""
    before = resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)
    run(_limits)
    say((resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)) == before)


def _nice() -> None:
    say(os.nice(1) - os.getpriority(os.PRIO_PROCESS, 0))


def case_priority() -> None:
    """A child that lowers its priority lowers nobody else's."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    run(_nice)
    say(os.getpriority(os.PRIO_PROCESS, 0) == before)


def _socket_timeout() -> None:
    socket.setdefaulttimeout(3)
    say(socket.getdefaulttimeout())


def case_socket_default() -> None:
    """A child's default timeout of sockets is its own."""
    run(_socket_timeout)
    say(socket.getdefaulttimeout())
    socket.setdefaulttimeout(None)


def _flags() -> None:
    say(sys.flags.optimize, sys.flags.dev_mode, sys.flags.isolated, sys.flags.utf8_mode, __debug__)
    say(sys.executable == os.environ["COMPARE_EXECUTABLE"], sys.dont_write_bytecode)


def case_flags() -> None:
    """A child has its parent's interpreter and flags."""
    os.environ["COMPARE_EXECUTABLE"] = sys.executable
    run(_flags)
    del os.environ["COMPARE_EXECUTABLE"]


def _main_module() -> None:
    main = sys.modules["__main__"]
    say(os.path.basename(str(main.__file__)), hasattr(main, "main"))


@only("fork")
def case_main_module() -> None:
    """A forked child's __main__ is the program."""
    run(_main_module)


def _times(connection: Any) -> None:
    connection.send(time.process_time() >= 0)
    connection.send(os.times().children_user >= 0)


def case_clocks() -> None:
    """A child can ask for its times."""
    ours, theirs = multiprocessing.Pipe()
    process = launch(_times, theirs)
    say(receive(ours), receive(ours))
    finish(process)


def case_replaced_environ() -> None:
    """A child may assign os.environ."""
    before = os.environ
    run(_replace_environ)
    say(os.environ is before, type(os.environ).__name__)
    os.environ = before  # noqa: B003 - repairs what a child may have done


def _copy_variables() -> None:
    os.environ["COPIED"] = "1"
    deep = copy.deepcopy(os.environ)
    os.environ["COPIED"] = "2"
    say(deep["COPIED"], hasattr(deep, "encodekey"), type(deep).__name__)
    flat = copy.copy(os.environ)  # noqa: PLW1507 - that is what is asked here
    os.environ["COPIED"] = "3"
    say(flat["COPIED"], os.environ.copy()["COPIED"], len(deep) == len(os.environ))
    try:
        pickle.dumps(os.environ)
    except Exception as error:
        say(type(error).__name__)


def case_copies_of_variables() -> None:
    """A copy of os.environ is one of the process that made it."""
    run(_copy_variables)
    child = launch(time.sleep, LIMIT)
    _copy_variables()
    child.kill()
    finish(child)
