"""The pages build with Sphinx, with warnings as errors.

``MPTHREAD_HOOK_SPHINX`` names an interpreter that has Sphinx and MyST, where this one has not.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.docs import blocks
from tests.interpreters import environment, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def python_with_sphinx() -> str:
    """Return an interpreter that can build the pages."""
    named = os.environ.get("MPTHREAD_HOOK_SPHINX", "")
    if not named and (find_spec("sphinx") is None or find_spec("myst_parser") is None):
        pytest.skip("sphinx or myst_parser is not installed, and MPTHREAD_HOOK_SPHINX names no interpreter")
    return named or sys.executable


def build(pages: str, target: Path) -> tuple[int, str]:
    """Build the pages of a folder; returns the exit status and what was complained of."""
    command = (python_with_sphinx(), "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", pages, str(target))
    done = run(*command, env=environment(), timeout=200)
    return done.returncode, done.stderr


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    """Every page is built and reachable from the index; a warning is an error."""
    assert build(os.path.join(blocks.ROOT, "docs"), tmp_path / "site") == (0, "")
    built = {page.removeprefix("docs/") for page in blocks.pages() if page.startswith("docs/")}
    assert built
    for page in built:
        assert (tmp_path / "site" / page.replace(".md", ".html")).is_file(), page


def test_a_fault_in_a_page_fails_the_build(tmp_path: Path) -> None:
    """A link to nowhere, or a page that nothing links to, is found."""
    shutil.copytree(os.path.join(blocks.ROOT, "docs"), tmp_path / "docs")
    (tmp_path / "docs" / "lonely.md").write_text("# Lonely\n\n[nowhere](nothing.md)\n")
    status, complaint = build(str(tmp_path / "docs"), tmp_path / "site")
    assert status != 0
    assert "not in any toctree" in complaint or "isn't included in any toctree" in complaint
    assert "nothing.md" in complaint
