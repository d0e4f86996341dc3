"""What a worker changes, its parent and its siblings do not see: on a miniature of Ansible's own shape."""

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

FILES = {
    "utils/display.py": """
import multiprocessing
class Display:
    def __init__(self):
        self._final_q = None
    def set_queue(self, queue):
        self._final_q = queue
display = Display()
""",
    "_internal/_templating/_access.py": """
from contextvars import ContextVar
class AnsibleAccessContext:
    _contextvar = ContextVar("AnsibleAccessContext")
    def __init__(self):
        self.stack = []
    @staticmethod
    def current():
        try:
            return AnsibleAccessContext._contextvar.get()
        except LookupError:
            found = AnsibleAccessContext()
            AnsibleAccessContext._contextvar.set(found)
            return found
""",
    "executor/process/worker.py": """
import multiprocessing
from ansible.utils.display import display
from ansible._internal._templating._access import AnsibleAccessContext
current_worker = None
class Thing:
    def __init__(self, **values):
        self.__dict__.update(values)
    def __getstate__(self):
        raise AssertionError("not to be pickled")
class WorkerProcess(multiprocessing.get_context("fork").Process):
    def __init__(self, queue, host, task, task_vars, loader):
        super().__init__()
        self._final_q, self._host, self._task, self._task_vars, self._loader = queue, host, task, task_vars, loader
        self._play_context = Thing(user="root")
        loader._tempfiles = set()
    def start(self):
        super().start()
    def run(self):
        global current_worker
        current_worker = self
        display.set_queue(self._final_q)
        self._task.args["name"] = self._host.name
        self._task.environment.append(self._host.name)
        self._task.done = True
        self._task_vars["seen"] = self._host.name
        self._play_context.user = self._host.name
        self._loader._tempfiles.add(self._host.name)
        stack = AnsibleAccessContext.current().stack
        stack.append(self._host.name)
        self._final_q.put([
            self._host.name, self._task.args, self._task.environment, list(self._loader._tempfiles), stack,
            display._final_q is self._final_q, __import__("sys").modules[__name__].current_worker is self,
            self._task.uuid, sorted(self._host.vars), self._loader.shared is SHARED,
        ])
        self._host.vars = {}
        self._host.groups = []
SHARED = object()
""",
    "plugins/loader.py": """
import sys, threading, types
begun, go_on = threading.Event(), threading.Event()
class PluginLoader:
    def _load_module_source(self, name, path):
        if name in sys.modules:
            return sys.modules[name]
        module = types.ModuleType(name)
        sys.modules[name] = module
        begun.set()
        go_on.wait(60)
        exec(open(path).read(), module.__dict__)
        return module
""",
}


@pytest.fixture
def miniature(tmp_path: Path) -> Path:
    """A package of Ansible's name with the few modules that are patched."""
    for name, text in FILES.items():
        path = tmp_path / "ansible" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in [tmp_path / "ansible", *(tmp_path / "ansible").rglob("*/")]:
        (folder / "__init__.py").touch()
    return tmp_path


def told(folder: Path, code: str) -> Any:
    head = "import json, sys\nimport mpthread_hook\nmpthread_hook.enable()\n"
    done = run(sys.executable, "-c", head + code, env=environment([str(folder), *this_path()]))
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_worker_has_its_own_of_everything(miniature: Path) -> None:
    """Task, host, variables, loader, context, queue and `current_worker` are the worker's; the parent's stay."""
    found = told(
        miniature,
        """
from ansible.executor.process import worker as w
from ansible.utils.display import display
from ansible._internal._templating._access import AnsibleAccessContext
AnsibleAccessContext.current().stack.append("parent")
task = w.Thing(args={"n": 1}, environment=["e"], uuid="u", done=False)
loader, task_vars = w.Thing(shared=w.SHARED), {"v": 1}
hosts = [w.Thing(name=name, vars={"v": name}, groups=["g"]) for name in "ab"]
queue = w.multiprocessing.get_context("fork").SimpleQueue()
workers = [w.WorkerProcess(queue, host, task, task_vars, loader) for host in hosts]
for worker in workers: worker.start()
for worker in workers: worker.join()
results = sorted(queue.get() for _ in workers)
print(json.dumps([results, [worker.exitcode for worker in workers],
    [task.args, task.environment, task.done, task_vars, sorted(loader._tempfiles), display._final_q, w.current_worker],
    [[host.vars, host.groups] for host in hosts], AnsibleAccessContext.current().stack]))
""",
    )
    row = [{"n": 1, "name": "a"}, ["e", "a"], ["a"], ["a"], True, True, "u", ["v"], True]
    other = [{"n": 1, "name": "b"}, ["e", "b"], ["b"], ["b"], True, True, "u", ["v"], True]
    assert found == [
        [["a", *row], ["b", *other]],
        [0, 0],
        [{"n": 1}, ["e"], False, {"v": 1}, [], None, None],
        [[{"v": "a"}, ["g"]], [{"v": "b"}, ["g"]]],
        ["parent"],
    ]


def test_without_workers_nothing_differs(miniature: Path) -> None:
    """In the main program the patched classes behave as they are written, and `disable()` undoes them."""
    assert told(
        miniature,
        """
from ansible.utils.display import Display, display
from ansible.executor.process import worker as w
display.set_queue(5)
w.current_worker = 6
before = [display._final_q, vars(display)["_final_q"], w.current_worker]
mpthread_hook.disable()
after = [display._final_q, "_final_q" in vars(Display), type(w).__name__, w.WorkerProcess.run.__name__]
print(json.dumps([before, after]))
""",
    ) == [[5, 5, 6], [5, False, "module", "run"]]


def test_nobody_gets_half_a_plugin(miniature: Path) -> None:
    """A thread that asks for a plugin while another one runs its code waits for the whole of it."""
    (miniature / "plugin.py").write_text("class LookupModule: pass\n")
    assert told(
        miniature,
        f"""
import multiprocessing, threading
from ansible.plugins import loader
one, path, found = loader.PluginLoader(), {str(miniature / "plugin.py")!r}, []
def ask():
    found.append(hasattr(one._load_module_source("ansible.plugins.lookup.x", path), "LookupModule"))
first = threading.Thread(target=ask)
first.start()
loader.begun.wait(60)
second = threading.Thread(target=ask)
second.start()
second.join(0.2)
early = list(found)
loader.go_on.set()
first.join(); second.join()
print(json.dumps([early, found]))
""",
    ) == [[], [True, True]]


def test_connection_caches_are_per_process(miniature: Path) -> None:
    """A connection that a worker opened is not handed to another one."""
    (miniature / "plugin.py").write_text("SSH_CONNECTION_CACHE = {}\nSFTP_CONNECTION_CACHE = {}\nOTHER = {}\n")
    assert told(
        miniature,
        f"""
import multiprocessing
from ansible.plugins import loader
loader.go_on.set()
plugin = loader.PluginLoader()._load_module_source("ansible.plugins.connection.paramiko_ssh", {str(miniature / "plugin.py")!r})
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
def work(name):
    cache = plugin.SSH_CONNECTION_CACHE
    before = [list(cache), "k" in cache]
    cache["k"] = name
    queue.put([before, dict(cache), len(cache), cache.pop("k", None), cache.get("k")])
plugin.SSH_CONNECTION_CACHE["main"] = 1
children = [context.Process(target=work, args=(name,)) for name in "ab"]
for child in children: child.start()
for child in children: child.join()
print(json.dumps([sorted((queue.get() for _ in children), key=str), dict(plugin.SSH_CONNECTION_CACHE), type(plugin.OTHER) is dict]))
""",
    ) == [
        [[[[], False], {"k": "a"}, 1, "a", None], [[[], False], {"k": "b"}, 1, "b", None]],
        {"main": 1},
        True,
    ]


def test_a_terminal_survives_the_parents_close(tmp_path: Path) -> None:
    """Up to 2.18 the parent closes the standard input that it kept for a worker: the worker has its own."""
    folder = tmp_path
    for name in ("ansible/executor/process", "ansible/utils"):
        (folder / name).mkdir(parents=True)
    for place in ("ansible", "ansible/executor", "ansible/executor/process", "ansible/utils"):
        (folder / place / "__init__.py").touch()
    (folder / "ansible/utils/display.py").write_text("class Display: pass\n")
    (folder / "ansible/executor/process/worker.py").write_text("""
import multiprocessing, os, pty
class WorkerProcess(multiprocessing.get_context("fork").Process):
    def _save_stdin(self):
        self._new_stdin = os.fdopen(os.dup(terminal)) if terminal is not None else open(os.devnull)
    def start(self):
        self._save_stdin()
        try:
            super().start()
        finally:
            self._new_stdin.close()
    def run(self):
        gate.acquire()
        answers.put([self._new_stdin.closed, self._new_stdin.isatty()])
""")
    assert told(
        folder,
        """
import pty
import ansible.utils.display
from ansible.executor.process import worker as w
context = w.multiprocessing.get_context("fork")
w.gate, w.answers = context.Semaphore(0), context.SimpleQueue()
found = []
for w.terminal in (pty.openpty()[1], None):
    worker = w.WorkerProcess()
    worker.start()
    w.gate.release()
    worker.join()
    found.append(w.answers.get())
print(json.dumps(found))
""",
    ) == [[False, True], [False, False]]
