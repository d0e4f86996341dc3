"""The fenced blocks of the documentation, and what each of them says about how it is tested.

A comment before a block says what to do with it: ``<!-- test: run -->`` (a program in a fresh interpreter, or
shell commands), ``file=NAME`` (it is a file that later blocks use), ``output`` (what the block before wrote;
``...`` stands for anything), ``parse`` (TOML that must be well formed), or ``skip="REASON"``.  With ``run`` go
``status=N`` (the exit status, 0 if it is not given) and ``code=NAME`` (the name of the program's file);
``needs="NAME ..."`` goes with all of them.
Blocks under one second-level heading share a folder; in a page that says ``<!-- test: together -->`` all of
its blocks do.  ``<!-- needs: NAME ... -->`` under a heading, or at the top of a page for all of it, names what
has to be there (see `MISSING`).
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs")
#: Languages of blocks that must say how they are tested.
TESTED = frozenset(("python", "console", "sh", "toml", "yaml", "dockerfile"))

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)\s*$")
_COMMENT = re.compile(r"\s*<!-- (?P<kind>test|needs): (?P<text>.*) -->\s*$")


@dataclass(frozen=True)
class Block:
    """One fenced block: where its text begins, in which language, and what its comment says."""

    line: int
    language: str
    text: str
    words: dict[str, str]


@dataclass
class Unit:
    """Blocks that share a folder and run one after the other."""

    page: str
    heading: str
    needs: frozenset[str]
    blocks: list[Block] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Name the unit as its test is named."""
        return f"{self.page}: {self.heading}"

    def variants(self) -> list[Unit]:
        """Return the unit without the blocks that need something more, and the whole of it with that."""
        more = frozenset(need for block in self.blocks for need in block.words.get("needs", "").split())
        if not more:
            return [self]
        plain = [block for block in self.blocks if "needs" not in block.words]
        heading = f"{self.heading}, with {', '.join(sorted(more))}"
        whole = Unit(self.page, heading, self.needs | more, self.blocks)
        return [Unit(self.page, self.heading, self.needs, plain), whole]


def pages() -> list[str]:
    """Return the paths of all pages, relative to the checkout."""
    found = ["README.md"]
    for folder, _, names in os.walk(DOCS):
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names if name.endswith(".md")]
    return sorted(found)


def read(page: str) -> str:
    """Return the text of a page."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def _words(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (word.partition("=") for word in shlex.split(text))}


def units(page: str) -> list[Unit]:
    """Return the blocks of a page, in the order of the page, by the folder that they share."""
    together = False
    found = [Unit(page, "(top)", frozenset())]
    words: dict[str, str] = {}
    lines = iter(enumerate(read(page).splitlines(), 1))
    for number, line in lines:
        comment, fence = _COMMENT.match(line), _FENCE.match(line)
        if comment is not None and comment["kind"] == "needs":
            found[-1].needs |= frozenset(comment["text"].split())
        elif comment is not None and comment["text"] == "together":
            together = True
        elif comment is not None:
            words = _words(comment["text"])
        elif fence is not None:
            indent, text = len(fence["indent"]), []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                text.append(inner[indent:])
            found[-1].blocks.append(Block(number + 1, fence["language"], "\n".join(text) + "\n", words))
            words = {}
        elif line.startswith("## ") and not together:
            found.append(Unit(page, line[3:], found[0].needs))
        elif line.strip():
            words = {}
    return [unit for unit in found if unit.blocks]
