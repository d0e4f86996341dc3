"""The pages of the reference that are made from tables are what the tables say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATOR = os.path.join(ROOT, "docs", "generate.py")


def generate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, GENERATOR, *options], capture_output=True, text=True, timeout=60, check=False
    )


def test_generated_pages_are_up_to_date() -> None:
    """``docs/generate.py --check`` finds nothing; if it does, run it without the option."""
    done = generate("--check")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_row_is_on_the_page() -> None:
    """Each name that is served or patched stands in the section of its module."""
    from mpthread_hook import _table

    with open(os.path.join(ROOT, "docs", "reference", "compatibility.md"), encoding="utf-8") as file:
        sections = {
            part.partition("\n")[0].strip("`"): part.replace("\\", "")
            for part in file.read().split("\n### ")[1:]
        }
    assert set(sections) == {row[_table.MODULE] for row in _table.all_rows()}
    missing = [
        row[:2]
        for row in _table.all_rows()
        if row[_table.NAME] not in {"", "+", "*"} and f"`{row[_table.NAME]}`" not in sections[row[_table.MODULE]]
    ]
    assert missing == []
