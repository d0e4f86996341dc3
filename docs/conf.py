"""How Sphinx builds these pages: ``sphinx-build -W docs site`` (extra ``docs``); they read as plain Markdown, too."""

from __future__ import annotations

import re
from typing import Any

project = "mpthread_hook"
extensions = ["myst_parser"]
exclude_patterns = ["generate.py"]
myst_heading_anchors = 4
nitpicky = True

_LINK = re.compile(r"^(?:- )?\[[^\]]+\]\(([^):]+)\.md\)", re.MULTILINE)


def _add_contents(_app: object, page: str, source: list[str]) -> None:
    """Give the index the tree of pages that it links to: a directive in the page would show on other sites."""
    if page == "index":
        pages = "\n".join(_LINK.findall(source[0]))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", _add_contents)
