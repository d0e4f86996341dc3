"""The pages of the documentation hang together: links, headings, and the names that they must mention."""

from __future__ import annotations

import itertools
import os
import re

import pytest

import mpthread_hook
from mpthread_hook import _switch, errors
from tests.docs import blocks

pytestmark = pytest.mark.integration

PAGES = blocks.pages()
#: Pages that need not be reachable from the index: it is where GitHub and package indexes start.
ENTRY = "docs/index.md"
#: Pages that are linked before they are written.
COMING = frozenset({"docs/explanation/performance.md"})
_LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")


def prose(page: str) -> list[tuple[int, str]]:
    """Return the numbered lines of a page that are not in a fenced block, without code in them."""
    found, inside = [], False
    for number, line in enumerate(blocks.read(page).splitlines(), 1):
        if line.strip().startswith("```"):
            inside = not inside
        elif not inside:
            found.append((number, line))
    assert not inside, f"{page}: a fenced block is not closed"
    return found


def anchors(page: str) -> list[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found = []
    for _, line in prose(page):
        if re.match("#{1,6} ", line):
            text = line.lstrip("#").strip().lower().replace("`", "")
            found.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def links(page: str) -> list[tuple[int, str]]:
    """Return the links of a page to other places of this repository, as (line, target)."""
    return [
        (number, target)
        for number, line in prose(page)
        for target in _LINK.findall(_CODE.sub("code", line))
        if not re.match("[a-z]+:", target)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every link to a file of the repository finds it, and every anchor finds its heading."""
    wrong = []
    for number, target in links(page):
        path, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if there in COMING and there not in PAGES:
            continue
        if not os.path.exists(os.path.join(blocks.ROOT, there)):
            wrong.append(f"{page}:{number}: no {there}")
        elif anchor and anchor not in anchors(there):
            wrong.append(f"{page}:{number}: no heading #{anchor} in {there}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_in_order(page: str) -> None:
    """A page has one title, first; no level is left out, and no two headings of a page have one anchor."""
    levels = [line.partition(" ")[0] for _, line in prose(page) if re.match("#{1,6} ", line)]
    assert levels[:1] == ["#"]
    assert levels.count("#") == 1
    assert [low for high, low in itertools.pairwise(levels) if len(low) > len(high) + 1] == []
    assert len(anchors(page)) == len(set(anchors(page)))


def test_every_page_can_be_reached() -> None:
    """From the index, links lead to every page of the documentation; the README leads to the index."""
    reached, due = set(), [ENTRY]
    while due:
        page = due.pop()
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        for _, target in links(page):
            path = target.partition("#")[0]
            if path:
                due.append(os.path.normpath(os.path.join(os.path.dirname(page), path)))
    assert {page for page in PAGES if page.startswith("docs/")} <= reached


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/reference/api.md", [name for name in mpthread_hook.__all__ if name != "__version__"]),
        ("docs/reference/errors.md", list(errors.__all__)),
        ("docs/reference/environment.md", sorted(word for word in _switch._WORDS if word)),
        ("docs/reference/environment.md", [*_switch.PLATFORMS.values()]),
    ],
)
def test_reference_pages_are_complete(page: str, names: list[str]) -> None:
    """The reference page of a subject mentions each of its names."""
    text = blocks.read(page)
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_every_command_has_a_section() -> None:
    """The page on the command line has a heading for each command, and none for a command that is gone."""
    from mpthread_hook import __main__ as command_line

    headings = {
        line[3:].strip("`") for _, line in prose("docs/reference/commands.md") if line.startswith("## `")
    }
    assert headings == set(command_line._COMMANDS)


def test_no_place_of_a_machine() -> None:
    """No page has a path of the machine that it was written on."""
    pattern = re.compile(r"/(?:home|Users|root|work)/")
    assert [page for page in PAGES if pattern.search(blocks.read(page))] == []
