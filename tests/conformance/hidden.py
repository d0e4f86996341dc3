"""Make a home for an interpreter in which some C modules cannot be imported, as where they are lacking.

The home is a tree of links to the real standard library less the modules' files, and is chosen by PYTHONHOME,
so launched interpreters see it too. `subprocess` of these Python versions does not import without
`_posixsubprocess`, and CPython's test modules import `subprocess`; so the start-up file lets `subprocess`
alone have it, and nobody else: what the tests launch themselves still works, what we serve has to do without.
"""

from __future__ import annotations

import os
from pathlib import Path

HIDDEN = ("_multiprocessing", "_posixshmem", "_posixsubprocess")

STARTUP = """
def _lend():
    import importlib.util, os, sys
    path = {path!r}
    spec = importlib.util.spec_from_file_location("_posixsubprocess", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["_posixsubprocess"] = module
    try:
        conformance_watch.install()
        import subprocess
    finally:
        del sys.modules["_posixsubprocess"]
_lend()
"""


def make_home(where: Path, prefix: str, stdlib: str, dynload: str) -> tuple[Path, str]:
    """Build the home under `where`; return it and the path of the real `_posixsubprocess`."""
    home = where / "home"
    library = home / Path(stdlib).relative_to(prefix)
    library.mkdir(parents=True)
    for entry in os.scandir(stdlib):
        if os.path.realpath(entry.path) != os.path.realpath(dynload) and entry.name != "site-packages":
            (library / entry.name).symlink_to(entry.path)
    (library / "site-packages").mkdir(exist_ok=True)
    shadow = library / Path(dynload).name
    shadow.mkdir()
    lent = ""
    for entry in os.scandir(dynload):
        stem = entry.name.split(".")[0]
        if stem == "_posixsubprocess":
            lent = entry.path
        if stem not in HIDDEN:
            (shadow / entry.name).symlink_to(entry.path)
    if not lent:
        raise RuntimeError("this interpreter has its C modules built in: they cannot be hidden")
    return home, lent
