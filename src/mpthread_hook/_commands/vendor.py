"""``vendor``: put the package and sitecustomize.py into an application, for bundles that install nothing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: What an application does not need.
_LEFT_OUT = ("__pycache__", "*.pyc", "_demo", "demo.py", "pytest_plugin.py", "packaging.py", "00-*")
_MARK = "mpthread_hook_waiting"
_PTH = "00-mpthread_hook.pth"

_NEXT = """
In pyproject.toml, for Briefcase:

    sources = [
        "src/{app}",  # your own
        "{package}",
        "{sitecustomize}",
    ]

A Linux system package and Android run no sitecustomize.py: there, and to be safe everywhere, the first line
of the application is `import mpthread_hook.auto`. {variable} decides what happens where processes work.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the destination and what may be overwritten."""
    parser.add_argument(
        "destination", metavar="DEST", help="a folder that will be on the application's sys.path"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a sitecustomize.py that is not ours")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit status 1 if DEST is not up to date"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def sitecustomize() -> str:
    """Return the path of the sitecustomize.py that comes with this package, or raise FileNotFoundError."""
    for path in (
        os.path.join(_PACKAGE, "_startup", "sitecustomize.py"),  # installed
        os.path.join(_PACKAGE, os.pardir, "sitecustomize.py"),  # vendored
        os.path.join(_PACKAGE, os.pardir, os.pardir, "sitecustomize.py"),  # a checkout
    ):
        if os.path.isfile(path) and _is_ours(path):
            return os.path.normpath(path)
    raise FileNotFoundError("this copy of mpthread_hook came without its sitecustomize.py")


def on_the_path() -> str | None:
    """Return the folder that turns the hook on when it is on `PYTHONPATH`.

    Empty if none is needed, because the .pth file beside the package runs at each start; None if there is none.
    """
    from site import getsitepackages, getusersitepackages  # noqa: PLC0415 - -S and -I leave it out

    above = os.path.dirname(_PACKAGE)
    # Without a home there is no place of the user's.
    places = [os.path.realpath(place) for place in (*getsitepackages(), getusersitepackages()) if place]
    if os.path.isfile(os.path.join(above, _PTH)) and os.path.realpath(above) in places:
        return ""
    for place in (above, os.path.dirname(above)):  # vendored; a checkout, which keeps the package in src
        # Through the finder, because `place` may be a zip file and the file a .pyc.
        spec = PathFinder.find_spec("sitecustomize", [place])
        loader: Any = spec.loader if spec is not None else None
        if spec is not None and loader is not None and _MARK.encode() in loader.get_data(spec.origin):
            return place
    return None


def _is_ours(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return _MARK in file.read()


def _files(destination: str) -> dict[str, str]:
    """Return ``{target: source}`` for every file that is to be there."""
    ignore = shutil.ignore_patterns(*_LEFT_OUT)
    files = {}
    for folder, folders, names in os.walk(_PACKAGE):
        left_out = ignore(folder, [*folders, *names])
        folders[:] = sorted(set(folders) - left_out)
        inside = os.path.relpath(folder, _PACKAGE)
        for name in sorted(set(names) - left_out):
            target = os.path.normpath(os.path.join(destination, "mpthread_hook", inside, name))
            files[target] = os.path.join(folder, name)
    source = sitecustomize()
    files[os.path.join(destination, "sitecustomize.py")] = source
    # The copy can make the next copy.
    files[os.path.join(destination, "mpthread_hook", "_startup", "sitecustomize.py")] = source
    return files


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _extra(destination: str, files: dict[str, str]) -> list[str]:
    """Return what an older copy left in the package's folder."""
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(os.path.join(destination, "mpthread_hook"))
        for name in names
        if os.path.basename(folder) != "__pycache__" and os.path.join(folder, name) not in files
    ]


def main(options: argparse.Namespace) -> int:
    """Write the files and say what to do next; returns 1 if something is in the way, or stale."""
    if not os.path.isdir(_PACKAGE):
        return _complain("this copy is in an archive; use one that is installed, or unpack it")
    try:
        return _vendor(options)
    except BrokenPipeError:
        raise  # the reader of what is printed, not a file
    except OSError as error:
        return _complain(f"{error.filename or options.destination}: {error.strerror or error}")


def _vendor(options: argparse.Namespace) -> int:
    destination = os.path.normpath(options.destination)
    if os.path.realpath(os.path.join(destination, "mpthread_hook")) == os.path.realpath(_PACKAGE):
        return _complain("the destination is where this package is; name the application's folder")
    try:
        files = _files(destination)
    except FileNotFoundError as error:
        return _complain(str(error))
    stale = [target for target, source in files.items() if _content(target) != _content(source)]
    extra = _extra(destination, files)
    if options.check:
        for target in stale:
            print(f"{target} is {'missing' if _content(target) is None else 'not up to date'}")
        for target in extra:
            print(f"{target} is not part of this version")
        return 1 if stale or extra else 0
    theirs = os.path.join(destination, "sitecustomize.py")
    if os.path.isfile(theirs) and not _is_ours(theirs) and not options.force:
        return _complain(
            f"{theirs} is not ours: rename the module and import it from your application, or pass --force"
        )
    for target in stale:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(files[target], target)
    for target in extra:
        os.remove(target)
    _tell(options, destination, stale, len(files))
    return 0


def _complain(text: str) -> int:
    print(f"mpthread_hook vendor: {text}", file=sys.stderr)
    return 1


def _tell(options: argparse.Namespace, destination: str, written: list[str], total: int) -> None:
    relative = os.path.relpath(destination)  # `sources` count from the folder of pyproject.toml
    if not relative.startswith(os.pardir):
        destination = relative
    sources = [
        os.path.normpath(os.path.join(destination, name)).replace(os.sep, "/")
        for name in ("mpthread_hook", "sitecustomize.py")
    ]
    if options.json:
        print(json.dumps({"written": written, "files": total, "sources": sources}, indent=1))
        return
    print(f"{len(written)} of {total} files written to {destination}")
    print(
        _NEXT.format(app="app", package=sources[0], sitecustomize=sources[1], variable="MPTHREAD_HOOK"),
        end="",
    )
