"""Every example of the documentation does what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs import blocks
from tests.docs.running import MISSING, Workplace, missing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

PAGES = blocks.pages()
UNITS = [
    variant
    for page in PAGES
    for unit in blocks.units(page)
    for variant in unit.variants()
    if any(words.keys() & {"run", "parse"} for words in (block.words for block in unit.blocks))
]


@pytest.mark.parametrize("unit", UNITS, ids=[unit.label for unit in UNITS])
def test_the_examples_of_a_section(unit: blocks.Unit, tmp_path: Path) -> None:
    """The blocks under a heading, run in their order, end and write as the page says."""
    reason = missing(unit)
    if reason:
        pytest.skip(reason)
    place = Workplace(str(tmp_path))
    for block in unit.blocks:
        place.do(block, f"{unit.page}:{block.line}")


@pytest.mark.parametrize("page", PAGES)
def test_every_example_says_how_it_is_tested(page: str) -> None:
    """No block of a language that can be tested is without a word on it, and no word is unknown."""
    known = {"run", "file", "output", "parse", "skip", "status", "code", "needs"}
    wrong = []
    for unit in blocks.units(page):
        assert unit.needs <= set(MISSING), f"{unit.label}: unknown needs"
        for block in unit.blocks:
            if block.words.keys() - known or (block.language in blocks.TESTED and not block.words):
                wrong.append(f"{page}:{block.line}: {block.language} {block.words}")
            if "skip" in block.words and len(block.words["skip"].split()) < 3:
                wrong.append(f"{page}:{block.line}: a reason is due")
    assert wrong == []
