"""When the hook is on by itself: every platform that it knows, simulated, with the sentence that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interpreters import answer, environment, place_package, place_sitecustomize, this_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.unit]

HIDE = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "_multiprocessing":
            raise ModuleNotFoundError("hidden", name=name)
sys.meta_path.insert({place}, Hide())
"""
LACKS_SEMAPHORES = """
import sys, types
class Stub:
    def find_spec(self, name, path=None, target=None):
        if name == "_multiprocessing":
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, self)
    def create_module(self, spec):
        return types.ModuleType(spec.name)
    def exec_module(self, module):
        {body}
sys.meta_path.insert(0, Stub())
"""
REFUSES = "def SemLock(*a): raise OSError({0}, 'refused')\n        module.SemLock = SemLock"
WHO = """
import json, sys
import multiprocessing
import mpthread_hook
status = mpthread_hook.status()
served = type(multiprocessing.__spec__.loader).__module__.startswith("mpthread_hook")
print(json.dumps([served, status["enabled"], status["reason"]]))
"""


@pytest.fixture
def app(tmp_path: Path) -> str:
    """Return a folder with sitecustomize and the package beside it."""
    place_package(str(tmp_path / "app"))
    place_sitecustomize(str(tmp_path / "app"))
    return str(tmp_path / "app")


PLATFORMS = {
    "ios": ("import sys; sys.platform = 'ios'", "the platform is iOS"),
    "tvos": ("import sys; sys.platform = 'tvos'", "the platform is tvOS"),
    "watchos": ("import sys; sys.platform = 'watchos'", "the platform is watchOS"),
    "visionos": ("import sys; sys.platform = 'visionos'", "the platform is visionOS"),
    "android": ("import sys; sys.platform = 'android'", "the platform is Android"),
    "android 3.12": ("import sys; sys.getandroidapilevel = lambda: 24", "the platform is Android"),
    "emscripten": ("import sys; sys.platform = 'emscripten'", "the platform is Emscripten"),
    "wasi": ("import sys; sys.platform = 'wasi'", "the platform is WASI"),
    "lambda": ("import os; os.environ['AWS_LAMBDA_FUNCTION_NAME'] = 'resize'", "AWS Lambda"),
    "no extension": (HIDE.replace("{place}", "0"), "this interpreter has no _multiprocessing"),
    "no extension, behind us": (HIDE.replace("{place}", "1"), "this interpreter has no _multiprocessing"),
    "blocked extension": ("import sys; sys.modules['_multiprocessing'] = None", "has no _multiprocessing"),
    "no SemLock": (LACKS_SEMAPHORES.format(body="pass"), "_multiprocessing has no SemLock"),
    "no /dev/shm": (LACKS_SEMAPHORES.format(body=REFUSES.format(38)), "a semaphore cannot be made"),
    "forbidden semaphores": (LACKS_SEMAPHORES.format(body=REFUSES.format(13)), "a semaphore cannot be made"),
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_it_is_on_where_processes_cannot_work(app: str, platform: str) -> None:
    """The first import of multiprocessing is ours, and the sentence names the reason."""
    code, reason = PLATFORMS[platform]
    served, enabled, sentence = answer(code + "\n" + WHO, env=environment([app]))
    assert served, sentence
    assert enabled
    assert sentence.startswith("on: ")
    assert reason in sentence


@pytest.mark.parametrize("platform", PLATFORMS)
def test_zero_is_stronger_than_the_platform(app: str, platform: str) -> None:
    """``MPTHREAD_HOOK=0`` keeps it off everywhere."""
    code, _ = PLATFORMS[platform]
    code += "\nimport json, sys, mpthread_hook.auto; print(json.dumps(mpthread_hook.status()))"
    status = answer(code, env=environment([app], MPTHREAD_HOOK="0"))
    assert not status["enabled"]
    assert status["reason"] == "off: MPTHREAD_HOOK is 0"


def test_enable_is_stronger_than_zero(app: str) -> None:
    """``MPTHREAD_HOOK=0`` is for the ways in that nobody asked for: `enable()` in code is obeyed."""
    code = "import mpthread_hook; mpthread_hook.enable()" + WHO
    assert answer(code, env=environment([app], MPTHREAD_HOOK="0"))[:2] == [True, True]


def test_it_is_off_where_processes_work(app: str) -> None:
    """On a platform where every probe is content, the first import is stock's and nothing of us stays."""
    code = """
import json, multiprocessing.synchronize, sys
from mpthread_hook._hook import policy
works = all(policy.probe(name)[0] is not False for name in policy.DECIDING)
left = sum("mpthread_hook" in repr(finder) for finder in sys.meta_path)
print(json.dumps([works, type(multiprocessing.__spec__.loader).__module__.startswith("mpthread_hook"), left]))
"""
    works, served, left = answer(code, env=environment([app]))
    if not works:
        pytest.skip("processes do not work on this machine, as a probe says")
    assert not served
    assert left == 0


def test_asking_decides(app: str) -> None:
    """`enabled()` before the first import gives the answer that the import will give."""
    code = "import json, mpthread_hook; before = mpthread_hook.enabled()\n" + WHO.replace(
        "[served", "[before, served"
    )
    before, served, enabled, _ = answer(code, env=environment([app]))
    assert before is served is enabled


def test_every_probe_gives_a_sentence() -> None:
    """Each probe answers True, False or None and a sentence, without a trace of the real extension."""
    code = """
import json, sys
from mpthread_hook._hook import policy
answers = {name: policy.probe(name) for name in policy.PROBES}
print(json.dumps([answers, "_multiprocessing" in sys.modules]))
"""
    answers, imported = answer(code, env=environment(this_path()))
    assert not imported
    for works, sentence in answers.values():
        assert works in {True, False, None}
        assert len(sentence.split()) > 2
    assert answers["threads"][0] is True


def test_a_probe_that_fails_says_so() -> None:
    """A probe of ours that raises decides nothing."""
    code = """
import json
from mpthread_hook._hook import policy
policy.PROBES["platform"] = lambda: 1 / 0
print(json.dumps(policy.probe("platform")))
"""
    got = answer(code, env=environment(this_path()))
    assert got == [None, "the probe failed: ZeroDivisionError: division by zero"]
