"""A program in a thread process has modules of its own, and everybody else keeps theirs."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Runs scripts of ours as programs that add an archive or a folder to their path.
HEAD = """
import base64, io, json, os, sys, zipfile
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from mpthread_hook._adapters import ansible_payload, private_modules
from mpthread_hook._adapters.python_program import Program

def packed(**sources):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in sources.items():
            file.writestr(name.replace("__SLASH__", "/") + ".py", text)
    return buffer.getvalue()

BODY = '''
import os, sys, tempfile, shutil
folder = tempfile.mkdtemp()
try:
    path = os.path.join(folder, "payload.zip")
    with open(path, "wb") as file:
        file.write(__import__("base64").b64decode(DATA))
    sys.path.insert(0, path)
    main()
finally:
    shutil.rmtree(folder)
'''

def script(code, data):
    # As in a payload: one long literal.  The padding is a member that nobody imports.
    text = base64.b64encode(data).decode()
    lines = "".join("    " + line + chr(10) for line in code.strip().splitlines())
    return f"DATA = '{text}'\\ndef main():\\n{lines}\\n{BODY}".encode()

def start(code, data, *arguments):
    program = ansible_payload.program(["-", *arguments], script(code, data), "<stdin>", environ={}, cwd=None)
    program.start()
    return program

def execute(code, data, *arguments):
    result = start(code, data, *arguments).wait()
    assert result.status == 0, result.stderr.decode()
    return json.loads(result.stdout)

PAD = {"padding": "# " + os.urandom(3000).hex()}
"""


def told(code: str, *, cwd: str | None = None) -> Any:
    done = run(sys.executable, "-c", HEAD + code, env=environment(this_path()), cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_namesakes_live_side_by_side(tmp_path: Path) -> None:
    """A package of the archive is loaded for the program alone, though one of that name is loaded already."""
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "__init__.py").write_text("where = 'shared'\n")
    (tmp_path / "twin" / "part.py").write_text("where = 'shared part'\n")
    assert told(
        """
sys.path.insert(0, os.getcwd())
import twin.part
data = packed(twin__SLASH____init__="where = 'private'", twin__SLASH__part="from . import where as above\\nimport json, sys\\nwhere = 'private part'", **PAD)
found = execute('''
import json, twin, importlib, importlib.util
from twin import part
from twin.part import above
print(json.dumps([twin.where, part.where, above, sys.modules["twin"] is twin, "twin.part" in sys.modules,
    importlib.import_module("twin.part") is part, importlib.import_module(".part", "twin") is part,
    importlib.util.find_spec("twin.part").origin.endswith("payload.zip/twin/part.py"),
    sys.modules.get("twin.none", 1), json is sys.modules["json"]]))
''', data)
print(json.dumps([found, twin.where, twin.part.where, sys.modules["twin"].where, any("payload" in e for e in sys.path)]))
""",
        cwd=str(tmp_path),
    ) == [
        ["private", "private part", "private", True, True, True, True, True, 1, True],
        "shared", "shared part", "shared", False,
    ]  # fmt: skip


def test_shared_code_finds_the_programs_modules(tmp_path: Path) -> None:
    """What the stdlib looks up by name (annotations, dataclasses, runpy) is the program's own."""
    (tmp_path / "twin.py").write_text("class Kind: pass\n")
    source = (
        "from __future__ import annotations\nimport dataclasses, typing as t\nclass Kind: pass\n"
        "@dataclasses.dataclass\nclass Record:\n    kind: Kind\n    count: t.ClassVar[int] = 1\n"
    )
    assert told(
        f"""
sys.path.insert(0, os.getcwd())
import twin, typing
data = packed(twin={source!r}, tool="import json, sys, twin\\nprint(json.dumps([__name__, sys.modules['__main__'].__name__, isinstance(twin.Kind(), sys.modules['twin'].Kind), extra]))", **PAD)
hints = execute('''
import dataclasses, json, typing, twin
found = typing.get_type_hints(twin.Record)
print(json.dumps([found["kind"] is twin.Kind, [f.name for f in dataclasses.fields(twin.Record)]]))
''', data)
ran = execute('''
import runpy
runpy.run_module("tool", init_globals=dict(extra=5), run_name="__main__", alter_sys=True)
''', data)
print(json.dumps([hints, ran, sys.modules["twin"] is twin, sys.argv]))
""",
        cwd=str(tmp_path),
    ) == [[True, ["kind"]], ["__main__", "__main__", True, 5], True, ["-c"]]


def test_modules_of_the_interpreter_are_shared() -> None:
    """One that the program is the first to import is everybody's, and is initialised once."""
    assert told(
        """
assert "colorsys" not in sys.modules
data = packed(helper="import colorsys", **PAD)
found = execute("import json, colorsys, helper; print(json.dumps([colorsys is helper.colorsys, id(colorsys)]))", data)
import colorsys
print(json.dumps([found[0], found[1] == id(colorsys), id(sys.modules["colorsys"]) == found[1], "helper" in sys.modules]))
"""
    ) == [True, True, True, False]


def test_a_shared_module_gets_shared_parts() -> None:
    """What it imports is put into the shared package, also if the program has one of that name for itself."""
    assert told(
        """
for name in [name for name in sys.modules if name.partition(".")[0] == "urllib" or name == "http.cookiejar"]:
    del sys.modules[name]
found = execute('''
import json, urllib, http.cookiejar, urllib.request
print(json.dumps([http.cookiejar.urllib is urllib, urllib.request is http.cookiejar.urllib.request]))
''', packed(**PAD))
print(json.dumps([found, sys.modules["http.cookiejar"].urllib is sys.modules["urllib"]]))
"""
    ) == [[False, False], True]


def test_settings_of_a_process_are_its_own() -> None:
    """`tempfile.tempdir`, the opener of urllib, finders and the path: nobody else sees them."""
    assert told(
        """
import tempfile, urllib.request
tempfile.gettempdir()
data = packed(**PAD)
before = (tempfile.tempdir, urllib.request._opener, list(sys.meta_path), list(sys.path))
execute('''
import json, tempfile, urllib.request
tempfile.tempdir = "/nowhere"
urllib.request.install_opener(urllib.request.build_opener())
class Finder:
    def find_spec(self, name, path=None, target=None):
        return None
sys.meta_path.append(Finder())
sys.path = ["/only"] + sys.path
print(json.dumps(None))
''', data)
again = execute("import json, tempfile; print(json.dumps([tempfile.tempdir == '/nowhere', '/only' in sys.path]))", data)
after = (tempfile.tempdir, urllib.request._opener, list(sys.meta_path), list(sys.path))
print(json.dumps([[a == b for a, b in zip(before, after)], again]))
"""
    ) == [[True] * 4, [False, False]]


def test_a_namespace_is_used_again_as_new() -> None:
    """The next program finds the modules loaded, and in the state they had after their import."""
    assert told(
        """
data = packed(state="import os\\nruns = []\\narguments = None\\nident = id(runs)", **PAD)
code = "import json, state; state.runs.append(1); print(json.dumps([state.ident, state.runs, state.arguments])); state.arguments = 'secret'"
first, second = execute(code, data), execute(code, data)
print(json.dumps([first == second, second[1:], len(ansible_payload.pool._idle)]))
"""
    ) == [True, [[1], None], 1]


def test_registrations_survive_the_reset() -> None:
    """What one module registered in another when it was imported is there for the next program too."""
    assert told(
        """
data = packed(registry="kinds = []\\nclass Base:\\n    known = {}\\n    def __init_subclass__(cls): Base.known[cls.__name__] = 1",
    plugin="import registry\\nregistry.kinds.append('plugin')\\nclass Plugin(registry.Base): pass",
    late="import registry\\nregistry.kinds.append('late')", **PAD)
code = "import json, registry, plugin; registry.kinds.append('run'); print(json.dumps([registry.kinds, registry.Base.known]))"
lazy = "import json, registry; registry.Base.known['run'] = 1; import late; print(json.dumps([registry.kinds, registry.Base.known]))"
print(json.dumps([execute(code, data), execute(code, data), execute(lazy, data), execute(lazy, data)]))
"""
    ) == [
        [["plugin", "run"], {"Plugin": 1}],
        [["plugin", "run"], {"Plugin": 1}],
        [["plugin", "late"], {"Plugin": 1, "run": 1}],
        [["plugin", "late"], {"Plugin": 1, "run": 1}],
    ]


def test_another_version_of_a_module_gets_another_namespace() -> None:
    """Modules are told apart by what they are made of, not by their names; a subset of them is no difference."""
    assert told(
        """
one = packed(state="value = 1", extra="e = 1", **PAD)
two = packed(state="value = 2", **PAD)
three = packed(other="value = 3", **PAD)
code = "import json, state; print(json.dumps(state.value))"
values = [execute(code, one), execute(code, two), execute(code, one)]
values.append(execute("import json, other; print(json.dumps(other.value))", three))
print(json.dumps([values, len(ansible_payload.pool._idle)]))
"""
    ) == [[1, 2, 1, 3], 2]


def test_programs_at_the_same_time_do_not_meet() -> None:
    """Two programs of one archive that run together each have their own."""
    assert told(
        """
import threading
sys.all_three = threading.Barrier(3, timeout=60)
data = packed(state="owner = None", **PAD)
code = '''
import json, state
state.owner = sys.argv[1]
sys.all_three.wait()
print(json.dumps([state.owner, id(state)]))
'''
programs = [start(code, data, name) for name in "abc"]
found = [json.loads(program.wait().stdout) for program in programs]
print(json.dumps([[owner for owner, _ in found], len({number for _, number in found})]))
"""
    ) == [["a", "b", "c"], 3]


def test_a_namespace_that_somebody_may_still_use_is_not_used_again() -> None:
    """A program that was killed, or left a thread behind, takes its namespace with it."""
    assert told(
        """
from mpthread_hook import _identity
data = packed(state="x = 1", **PAD)
execute("import json, state; print(json.dumps(1))", data)
program = start("import time, state\\nprint('on', flush=True)\\ntime.sleep(60)", data)
while b"on" not in program._stdout.getvalue():
    pass
_identity.kill(program.record, -9)
killed = program.wait().status
after_kill = len(ansible_payload.pool._idle)
execute("import json, threading, time, state; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print(json.dumps(1))", data)
print(json.dumps([killed, after_kill, len(ansible_payload.pool._idle)]))
"""
    ) == [-9, 0, 0]


def test_a_replaced_module_stays_replaced() -> None:
    """A module may put something else under its name while it is imported, as `distro` and shims do."""
    assert told(
        """
data = packed(shim="import sys\\nimport real_one\\nsys.modules[__name__] = real_one", real_one="name = 'real'", **PAD)
code = "import json, shim, real_one; print(json.dumps([shim.name, shim is real_one]))"
print(json.dumps([execute(code, data), execute(code, data)]))
"""
    ) == [["real", True], ["real", True]]


def test_a_folder_of_scripts_is_private_too(tmp_path: Path) -> None:
    """A script that is no payload finds what lies beside it, for itself alone."""
    (tmp_path / "beside.py").write_text("import sys\nvalue = sys.argv[1]\n")
    (tmp_path / "script.py").write_text("import beside, sys\nprint(beside.value, __file__ == sys.argv[0], __name__)\n")
    assert told(
        """
path = os.path.join(os.getcwd(), "script.py")
program = ansible_payload.program([path, "word"], open(path, "rb").read(), path, environ={}, cwd=None)
program.start()
result = program.wait()
print(json.dumps([result.status, result.stdout.decode(), "beside" in sys.modules]))
""",
        cwd=str(tmp_path),
    ) == [0, "word True __main__\n", False]


def test_tracebacks_show_the_programs_source() -> None:
    """An uncaught exception ends with status 1 and lines from inside the archive, and none of ours."""
    assert told(
        """
data = packed(broken="def go():\\n    raise KeyError('inside')", **PAD)
result = start("import broken; broken.go()", data).wait()
text = result.stderr.decode()
print(json.dumps([result.status, "raise KeyError('inside')" in text, "mpthread_hook" in text, text.splitlines()[-1]]))
"""
    ) == [1, True, False, "KeyError: 'inside'"]


def test_disable_takes_it_all_back() -> None:
    """After `disable()` neither `sys` nor the modules that were told about namespaces show a trace."""
    assert told(
        """
import importlib.util, runpy, pkgutil
from types import ModuleType
execute("import json; print(json.dumps(1))", packed(**PAD))
private_modules.lift()
mpthread_hook.disable()
print(json.dumps([type(sys) is ModuleType, [n for m in (importlib.util, runpy, pkgutil) for n in vars(m) if n == "__import__"]]))
"""
    ) == [True, []]
