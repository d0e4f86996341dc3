"""A Python program that runs in this one has the modules of a new interpreter, as far as they can be loaded twice."""

# ruff: noqa: E501 - programs in strings
from __future__ import annotations

import importlib.machinery
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import environment, run, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

#: Runs programs as a command of Ansible does.
HEAD = """
import json, os, sys
sys.path.insert(0, os.getcwd())
import mpthread_hook
mpthread_hook.enable()
import multiprocessing
from mpthread_hook._adapters import ansible_payload

def execute(code, **environ):
    program = ansible_payload.program(["-c"], code.encode(), "<string>", environ=environ, cwd=os.getcwd())
    program.start()
    result = program.wait()
    assert result.status == 0, result.stderr.decode()
    return json.loads(result.stdout.splitlines()[-1])
"""


def told(code: str, cwd: Path) -> Any:
    done = run(sys.executable, "-c", HEAD + code, env=environment(this_path()), cwd=str(cwd))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_a_package_remembers_is_the_programs_own(tmp_path: Path) -> None:
    """A package that this program uses is loaded anew for each program; the standard library is not."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "__init__.py").write_text("from . import part\nseen = []\n")
    (tmp_path / "kept" / "part.py").write_text("import decimal\nvalue = 0\n")
    found = told(
        """
import decimal, kept
kept.seen.append("main")
CODE = '''
import json, kept, sys, importlib, decimal
first = list(kept.seen), kept.part.value
kept.seen.append("program"); kept.part.value += 1
same = sys.modules["kept.part"] is kept.part is importlib.import_module("kept.part")
print(json.dumps([first, same, id(decimal), kept.__file__.endswith("__init__.py")]))
'''
runs = [execute(CODE), execute(CODE)]
print(json.dumps([runs, id(decimal), kept.seen, kept.part.value, sys.modules["kept"] is kept]))
""",
        tmp_path,
    )
    runs, decimal, seen, value, same = found
    assert runs == [[[[], 0], True, decimal, True]] * 2
    assert (seen, value, same) == (["main"], 0, True)


def test_compiled_parts_are_shared(tmp_path: Path) -> None:
    """A package with a compiled part is everybody's; one that only uses it is not; a path of its own counts."""
    pytest.importorskip("yaml", reason="the package with a compiled part that this test uses is not installed")
    if "_yaml" not in sys.modules.get("yaml", sys).__dict__ and not _has_compiled_yaml():
        pytest.skip("this yaml has no compiled part")
    (tmp_path / "user.py").write_text("import yaml\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "further.py").write_text("where = 'more'\n")
    assert told(
        """
import user, yaml
found = execute('''
import json, user, yaml, further
print(json.dumps([id(user), id(yaml), id(user.yaml), further.where]))
''', PYTHONPATH=os.path.join(os.getcwd(), "more"))
print(json.dumps([found[0] != id(user), found[1] == found[2] == id(yaml), found[3], "further" in sys.modules]))
""",
        tmp_path,
    ) == [True, True, "more", False]


def test_what_compiled_packages_require_is_shared(tmp_path: Path) -> None:
    """Or the program would have other classes than the ones that the compiled package knows."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    for name, files, requires in (
        ("fast", ["fast/__init__.py", f"fast/_core{suffix}"], ["Helper.Pack>=1 ; python_version > '3'", "odd; extra == 'x'"]),
        ("helper-pack", ["helper_pack.py"], ["deeper"]),
        ("deeper", ["deeper/__init__.py"], []),
        ("odd", ["odd.py"], []),
    ):
        info = tmp_path / f"{name.replace('-', '_')}-1.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *(f"Requires-Dist: {one}" for one in requires)]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        for file in files:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text("")
    assert told(
        """
import fast, helper_pack, deeper, odd
found = execute("import json, fast, helper_pack, deeper, odd; print(json.dumps([*map(id, (fast, helper_pack, deeper, odd))]))")
print(json.dumps([a == id(b) for a, b in zip(found, (fast, helper_pack, deeper, odd))]))
""",
        tmp_path,
    ) == [True, True, True, False]


def _has_compiled_yaml() -> bool:
    import yaml

    return bool(yaml.__with_libyaml__)


def test_its_classes_travel_by_name(tmp_path: Path) -> None:
    """Pickles of the program's own classes give the program's own classes back, in its children, too."""
    (tmp_path / "kinds.py").write_text(
        "class Kind:\n    def __init__(self, value): self.value = value\n"
        "def double(kind): return Kind(kind.value * 2)\n"
    )
    assert told(
        """
import kinds
found = execute('''
import json, kinds, multiprocessing, pickle, pickletools
def child(queue, back):
    kind = queue.get()
    back.put([kinds.double(kind), type(kind) is kinds.Kind])
if True:
    context = multiprocessing.get_context("fork")
    queue, back = context.Queue(), context.Queue()
    process = context.Process(target=child, args=(queue, back))
    process.start()
    queue.put(kinds.Kind(4))
    kind, same = back.get()
    process.join()
    copy = pickle.loads(pickle.dumps([kinds.Kind(1), kinds.double]))
    print(json.dumps([kind.value, type(kind) is kinds.Kind, same, type(copy[0]) is kinds.Kind, copy[1] is kinds.double]))
''')
queue = multiprocessing.Queue()
queue.put(kinds.Kind(3))
print(json.dumps([found, queue.get().value, type(kinds.Kind(1)) is kinds.Kind]))
""",
        tmp_path,
    ) == [[8, True, True, True, True], 3, True]


def test_a_finder_of_the_interpreter_is_asked(tmp_path: Path) -> None:
    """What only another finder knows (an editable installation) is found, and what nobody knows is missing."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "edited.py").write_text("where = 'edited'\n")
    assert told(
        """
import importlib.util
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "edited":
            return importlib.util.spec_from_file_location(name, os.path.join(os.getcwd(), "elsewhere", "edited.py"))
sys.meta_path.append(Finder)
print(json.dumps(execute('''
import json, edited
try:
    import nothing_of_that_name
except ModuleNotFoundError as error:
    missing = str(error)
print(json.dumps([edited.where, missing]))
''')))
""",
        tmp_path,
    ) == ["edited", "No module named 'nothing_of_that_name'"]
