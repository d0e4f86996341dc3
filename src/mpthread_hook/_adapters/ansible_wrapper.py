"""What the script around a payload does, without writing its zip file out and reading it back.

Only for a script that is known by what it is made of: its function has the parameters and uses the names
that it has used from ansible-core 2.19 on.  Any other one, and one that is to do more than run the module,
runs as it is.
"""

from __future__ import annotations

import os
import sys
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .archive import Archive
    from .private_modules import Namespace

_FUNCTION = "_ansiballz_main"
_LOADER = "ansible.module_utils._internal._ansiballz._loader"
#: Modules that start another interpreter on the zip file, which must then be there.
_RESPAWN = "ansible.module_utils.common.respawn"

_PARAMETERS = (
    "zip_data", "ansible_module", "module_fqn", "params", "profile", "date_time", "extensions", "rlimit_nofile",
)  # fmt: skip
_NAMES = {
    _FUNCTION: frozenset(
        ("AttributeError", "OSError", "RLIMIT_NOFILE", "ValueError", "__file__", "__main__", "argv", "b64decode",
         "base64", "chdir", "dirname", "encode", "expanduser", "getcwd", "getrlimit", "join", "len", "min",
         "mkdtemp", "open", "os", "os.path", "path", "realpath", "resource", "rmtree", "setrlimit", "shutil",
         "sys", "tempfile", "write", "zipfile")
    ),
    "invoke_module": frozenset(
        ("ZipFile", "ZipInfo", "_loader", "ansible.module_utils._internal._ansiballz", "close", "date_time",
         "encode", "filename", "insert", "path", "run_module", "utctimetuple", "writestr")
    ),
}  # fmt: skip


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _functions(constant)


def is_known(head: CodeType) -> bool:
    """Return whether the code before the call of a script is what is written down here."""
    found = {code.co_name: code for code in _functions(head) if code.co_name in _NAMES}
    if found.keys() != _NAMES.keys():
        return False
    main = found[_FUNCTION]
    known = main.co_varnames[: main.co_argcount] == _PARAMETERS and not main.co_kwonlyargcount
    return known and all(frozenset(found[name].co_names) == names for name, names in _NAMES.items())


def run(main: dict[str, Any], call: CodeType, archive: Archive, space: Namespace) -> None:
    """Run the script's call, ``call``, in the namespace ``main``, which has its functions."""
    function = main[_FUNCTION]
    calls: list[dict[str, Any]] = []
    main[_FUNCTION] = lambda **arguments: calls.append(arguments)
    exec(call, main)
    main[_FUNCTION] = function
    for arguments in calls:
        plain = arguments.keys() == set(_PARAMETERS) and not (arguments["extensions"] or arguments["rlimit_nofile"])
        if plain and len(sys.argv) != 2 and _RESPAWN not in archive.members:
            _run_module(main, arguments, archive, space)
        else:
            function(**arguments)


def _run_module(main: dict[str, Any], arguments: dict[str, Any], archive: Archive, space: Namespace) -> None:
    try:
        os.getcwd()
    except OSError:
        try:
            os.chdir(os.path.expanduser("~"))
        except OSError:
            os.chdir("/")
    file = main.get("__file__")
    without = {"", ".", os.path.dirname(os.path.realpath(file)) if file else None}
    sys.path = [space.prefix, *(entry for entry in sys.path if entry not in without)]
    space.mount(space.prefix, archive)
    space.import_(_LOADER)
    space.modules[_LOADER].run_module(
        json_params=arguments["params"].encode(),
        profile=arguments["profile"],
        module_fqn=arguments["module_fqn"],
        modlib_path=space.prefix,
        extensions={},
    )
