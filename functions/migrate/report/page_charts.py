"""Charts as inline SVG: pure functions from numbers to text.

Shapes alone are drawn, in shares of the space there is; every word and number stands beside them as HTML, so that it is
as large on a phone as on a desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import count
from typing import Literal

Kind = Literal["plain", "good", "bad"]

PATTERNS = (
    '<svg width="0" height="0" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6"'
    ' patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="6" height="6"/>'
    '<line class="hatchline" x1="0" y1="0" x2="0" y2="6"/></pattern></defs></svg>'
)
"""Stands once in a page: what is bad is hatched, so that it can be told without colours."""


def nice_floor(share: float) -> float:
    """The next multiple of 5 % below a share by at least 2 points: where an axis of shares may begin."""
    return max(0.0, int((share - 0.02) * 20) / 20)


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, … above a value: the top of an axis."""
    if value <= 0:
        return 1.0
    power = next(10.0**n for n in count(-3) if 10.0 ** (n + 1) > value)
    return next(power * step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * step >= value)


def bar(start: float, end: float, title: str, *, kind: Kind = "plain", mark: float | None = None) -> str:
    """A horizontal bar from ``start`` to ``end`` on its track, both 0 to 1; ``mark`` is a dashed line across it."""
    left, right = (100 * min(max(at, 0.0), 1.0) for at in (start, end))
    at = "" if mark is None else f"{_n(100 * mark)}%"
    line = f'<line class="mark" x1="{at}" x2="{at}" y1="0" y2="16"/>' if at else ""
    place = f'x="{_n(left)}%" y="2" width="{_n(max(right - left, 0.4))}%" height="12"'
    return (
        f'<svg class="bar" role="img"><title>{escape(title)}</title><rect class="track" y="2" width="100%" height="12"/>'
        f'<rect class="fill {kind}" {place}/>{line}</svg>'
    )


def curve(values: Sequence[float], top: float, title: str, description: str) -> str:
    """Values of equal parts of time as steps, over a grid of quarters; the picture ends at ``top``."""
    width = 100 / max(len(values), 1)
    points = [
        f"{_n(index * width + side)},{_n(100 - 100 * value / top)}"
        for index, value in enumerate(values)
        for side in (0, width)
    ]
    grid = "".join(f'<line class="grid" x1="0" x2="100" y1="{y}" y2="{y}"/>' for y in (0, 25, 50, 75, 100))
    line = " ".join(points)
    return (
        '<svg class="curve" viewBox="0 0 100 100" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{grid}"
        f'<polygon class="area" points="0,100 {line} 100,100"/><polyline class="edge" points="{line}"/></svg>'
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
