"""``run``: what ``python SCRIPT``, ``python -m MODULE`` and ``python -c COMMAND`` do, but hooked."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import types

from .. import _switch, enable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_USAGE = """\
usage: mpthread_hook run [--children] [--trace FILE] (SCRIPT | -m MODULE | -c COMMAND) [ARGUMENT ...]

Run a program as `python` would, with thread-backed multiprocessing. SCRIPT may be a file,
or a folder or zip file that has a __main__.py. Everything after it belongs to the program.
With --children the hook is also on in every Python program that it starts.
With --trace a timeline of this program's thread processes is written to FILE; Perfetto opens it.
"""


def main(argv: list[str]) -> int:
    """Run what ``argv`` names in this interpreter; returns 0, or 2 where ``argv`` makes no sense.

    The program's own `SystemExit` and exceptions pass through.
    """
    if argv[:1] in (["-h"], ["--help"]):
        print(_USAGE, end="")
        return 0
    children, trace = False, ""
    while argv[:1] == ["--children"] or (argv[:1] == ["--trace"] and len(argv) > 1):
        if argv[0] == "--trace":
            trace, argv = argv[1], argv[2:]
        else:
            children, argv = True, argv[1:]
    kind = argv[0] if argv and argv[0] in ("-m", "-c", "--trace") else ""
    if not argv or (kind and len(argv) < 2) or (not kind and argv[0].startswith("-")):
        wrong = (
            f"what {kind} names is missing" if kind else f"no option {argv[0]}" if argv else "nothing to run"
        )
        print(f"{_USAGE}mpthread_hook run: {wrong}", file=sys.stderr)
        return 2
    if children and not _include_children():
        return 2
    # Whoever runs us (`coverage run`) may have imported multiprocessing already, and is not to be warned of it;
    # the program itself has not begun.
    enable(late=None if "strict" in _switch.words() else "rebind")
    if trace and not _begin_trace(trace):
        return 2
    if kind == "-c":
        _run_command(argv[1], argv[2:])
    elif kind == "-m":
        _run_module(argv[1], argv[2:])
    else:
        _run_script(argv[0], argv[1:])
    return 0


def _begin_trace(path: str) -> bool:
    from .._observe.trace import Trace  # noqa: PLC0415 - most runs do not need it

    try:
        trace = Trace(path)
    except OSError as error:
        print(f"mpthread_hook run: --trace: {error}", file=sys.stderr)
        return False
    trace.begin()
    return True


def _include_children() -> bool:
    """Leave in the environment what turns the hook on in every interpreter that inherits it."""
    from . import vendor  # noqa: PLC0415 - most runs do not need it

    place = vendor.on_the_path()
    if place is None:
        text = "--children: no start-up file of this copy would run; `mpthread_hook vendor` writes one"
        print(f"mpthread_hook run: {text}", file=sys.stderr)
        return False
    if place:
        rest = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([place, rest]) if rest else place
    words = _switch.words() & {"strict", "debug", "ps"}
    os.environ[_switch.VARIABLE] = ",".join(["1", *sorted(words)])
    return True


def _run_command(command: str, arguments: list[str]) -> None:
    _set_path("")
    sys.argv[:] = ["-c", *arguments]
    _execute(compile(command, "<string>", "exec"), None, None)


def _run_module(name: str, arguments: list[str]) -> None:
    _set_path(os.getcwd())
    sys.argv[:] = ["-m", *arguments]  # what packages see while they are imported, as with `python -m`
    spec = _find(name)
    sys.argv[0] = spec.origin or name
    _execute(_code(spec), spec, spec.origin)


def _find(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        sys.exit(f"mpthread_hook run: {name} cannot be run: {error}")
    if spec is None:
        sys.exit(f"mpthread_hook run: no module named {name}, or it is a package without __main__")
    return spec


def _run_script(path: str, arguments: list[str]) -> None:
    sys.argv[:] = [path, *arguments]
    whole = os.path.join(os.getcwd(), path)  # as the interpreter does it, without tidying it up
    if os.path.isdir(path) or (os.path.isfile(path) and _is_archive(path)):
        spec = importlib.machinery.PathFinder.find_spec("__main__", [whole])
        if spec is None:
            sys.exit(f"mpthread_hook run: can't find '__main__' module in {path!r}")
        _set_path(whole)
        _execute(_code(spec), spec, spec.origin)
        return
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"mpthread_hook run: can't open file {path!r}: {error}", file=sys.stderr)
        sys.exit(2)  # as `python` itself
    _set_path(os.path.dirname(os.path.abspath(os.path.realpath(path))))
    if path.endswith(".pyc"):
        loader = importlib.machinery.SourcelessFileLoader("__main__", path)
        code = loader.get_code("__main__")
        assert code is not None
    else:
        code = compile(source, whole, "exec")
    _execute(code, None, whole)


def _is_archive(path: str) -> bool:
    from zipfile import is_zipfile  # noqa: PLC0415 - of no use to most programs, and `run` stays small

    return is_zipfile(path)


def _code(spec: ModuleSpec) -> types.CodeType:
    get_code = getattr(spec.loader, "get_code", None)
    code: types.CodeType | None = get_code(spec.name) if get_code is not None else None
    if code is None:
        sys.exit(f"mpthread_hook run: {spec.name} has no code that could be run")
    return code


def _set_path(entry: str) -> None:
    # With -P or PYTHONSAFEPATH the interpreter put nothing in front, and neither do we.
    if not sys.flags.safe_path:
        sys.path[0] = entry


def _execute(code: types.CodeType, spec: ModuleSpec | None, origin: str | None) -> None:
    # A module of its own, which stays: `spawn`, pickles and exit hooks look for `__main__` until the end.
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __spec__=spec,
        __package__=spec.parent if spec is not None else None,
        __loader__=spec.loader if spec is not None else None,
        __builtins__=__builtins__,
    )
    if origin is not None:
        module.__file__ = origin
    if spec is not None:
        module.__dict__["__cached__"] = spec.cached
    sys.modules["__main__"] = module
    exec(code, module.__dict__)
