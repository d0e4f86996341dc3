"""What the start of an interpreter loads: two modules of ours at the most, and nothing of anybody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.unit]

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: What `site`, which -S leaves out, would have loaded.
SITE = "import os, __future__"


def loaded(before: str, *, path: list[str] | None = None) -> set[str]:
    """Return `sys.modules` of a fresh interpreter without site-packages, after a line of code."""
    import mpthread_hook

    source = os.path.dirname(os.path.dirname(mpthread_hook.__file__))
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env["PYTHONPATH"] = os.pathsep.join([*(path or []), source])
    # -S: this environment's own .pth files load what they like.
    options = [] if path else ["-S"]
    code = f"{before}\nimport sys\nnames = list(sys.modules)\nimport json\nprint(json.dumps(names))"
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_the_facade_loads_two_modules() -> None:
    """``import mpthread_hook`` costs itself and the switch."""
    assert loaded(f"{SITE}\nimport mpthread_hook") - loaded(SITE) == {
        "mpthread_hook",
        "mpthread_hook._switch",
    }


def test_the_first_import_loads_nothing_heavy() -> None:
    """Enabling imports, beside our own rooms, nothing that a bare interpreter has not loaded."""
    code = f"{SITE}\nimport mpthread_hook; mpthread_hook.enable()"
    new = loaded(code) - loaded(SITE)
    assert {name for name in new if name.split(".")[0] != "mpthread_hook"} <= {"time", "_signal"}


def test_sitecustomize_loads_at_most_two_modules(tmp_path: object) -> None:
    """With the repository's sitecustomize.py in front, a start loads two modules of ours at the most."""
    here = str(tmp_path)
    with (
        open(os.path.join(ROOT, "sitecustomize.py"), "rb") as source,
        open(f"{here}/sitecustomize.py", "wb") as copy,
    ):
        copy.write(source.read())
    new = loaded(SITE, path=[here]) - loaded(SITE, path=[f"{here}/nothing"])
    assert {name for name in new if name.split(".")[0] == "mpthread_hook"} <= {
        "mpthread_hook",
        "mpthread_hook._switch",
        "mpthread_hook.auto",
    }
    assert len({name for name in new if name.split(".")[0] == "mpthread_hook"}) <= 2
