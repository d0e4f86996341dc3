"""A chart of ratios as SVG, written by hand: one bar a row on a logarithmic scale."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW, _LEFT, _WIDTH, _TOP = 20, 330, 420, 56
_GOOD, _BAD, _INK, _GRID = "#2f7d5b", "#b4532a", "#24292f", "#d0d7de"


def draw(title: str, rows: Sequence[tuple[str, float, float, float, float | None]]) -> str:
    """Return the SVG of rows ``(label, ratio, low, high, target or None)``; 1 is the thing compared with."""
    ratios = [
        ratio for _, ratio, low, high, target in rows for ratio in (low, high, target or low) if ratio > 0
    ]
    lowest = math.floor(math.log10(min([*ratios, 0.1])))
    highest = math.ceil(math.log10(max([*ratios, 2.0])))
    height = _TOP + _ROW * len(rows) + 30

    def x(ratio: float) -> float:
        share = (math.log10(max(ratio, 10**lowest)) - lowest) / (highest - lowest)
        return round(_LEFT + _WIDTH * share, 1)

    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 90} {height}" '
    head += 'font-family="system-ui, sans-serif" font-size="12" role="img">'
    parts = [head, f"<title>{escape(title)}</title>", '<rect width="100%" height="100%" fill="#ffffff"/>']
    parts.append(f'<text x="10" y="22" font-size="14" font-weight="600" fill="{_INK}">{escape(title)}</text>')
    for power in range(lowest, highest + 1):
        place = x(10**power)
        color = _INK if power == 0 else _GRID
        parts.append(f'<line x1="{place}" x2="{place}" y1="{_TOP - 8}" y2="{height - 24}" stroke="{color}"/>')
        parts.append(
            f'<text x="{place}" y="{_TOP - 12}" text-anchor="middle" fill="{_INK}">{10**power:g}</text>'
        )
    for number, (label, ratio, low, high, target) in enumerate(rows):
        y = _TOP + _ROW * number
        middle = y + _ROW / 2
        color = _GOOD if target is None or ratio <= target else _BAD
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end" fill="{_INK}">{escape(label)}</text>'
            f'<rect x="{_LEFT}" y="{y + 3}" width="{max(1.0, x(ratio) - _LEFT)}" height="{_ROW - 6}" '
            f'fill="{color}"/><line x1="{x(low)}" x2="{x(high)}" y1="{middle}" y2="{middle}" stroke="{_INK}" '
            f'stroke-width="2"/><text x="{_LEFT + _WIDTH + 8}" y="{middle + 4}" fill="{_INK}">{ratio:.3g}</text>'
        )
        if target:
            place = x(target)
            parts.append(
                f'<line x1="{place}" x2="{place}" y1="{y + 1}" y2="{y + _ROW - 1}" stroke="{_INK}" '
                'stroke-dasharray="2 1"/>'
            )
    parts.append(
        f'<text x="10" y="{height - 8}" fill="{_INK}">bar: median ratio; line across: quartiles; dashes: target; '
        "shorter is faster</text></svg>"
    )
    return "\n".join(parts) + "\n"
