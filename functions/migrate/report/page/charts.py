"""Charts as inline SVG.

A chart contains shapes only, sized as shares of the available width. Words and numbers are HTML beside it, so that
their size does not depend on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Literal

from markupsafe import Markup

Kind = Literal["plain", "good", "bad"]


def nice_floor(share: float) -> float:
    """The next multiple of 0.05 at least 0.02 below a share: the start of an axis of shares."""
    return max(0.0, int((share - 0.02) * 20) / 20)


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, … above a value: the end of an axis."""
    if value <= 0:
        return 1.0
    power = next(10.0**n for n in count(-3) if 10.0 ** (n + 1) > value)
    return next(power * step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * step >= value)


def bar(start: float, end: float, title: str, *, kind: Kind = "plain", mark: float | None = None) -> Markup:
    """A horizontal bar from ``start`` to ``end`` on a track, both 0 to 1. ``mark`` is a dashed line across the track."""
    left, right = (100 * min(max(at, 0.0), 1.0) for at in (start, end))
    return Markup(
        '<svg class="bar" role="img"><title>{title}</title><rect class="track" y="2" width="100%" height="12"/>'
        '<rect class="fill {kind}" x="{left}%" y="2" width="{width}%" height="12"/>{mark}</svg>'
    ).format(title=title, kind=kind, left=_n(left), width=_n(max(right - left, 0.4)), mark=_mark(mark))


def _mark(at: float | None) -> Markup:
    if at is None:
        return Markup()
    return Markup('<line class="mark" x1="{x}%" x2="{x}%" y1="0" y2="16"/>').format(x=_n(100 * at))


def curve(values: Sequence[float], top: float, title: str, description: str) -> Markup:
    """A step line of values over equal intervals, on a grid of quarters. The vertical axis ends at ``top``."""
    width = 100 / max(len(values), 1)
    points = " ".join(
        f"{_n(index * width + side)},{_n(100 - 100 * value / top)}"
        for index, value in enumerate(values)
        for side in (0, width)
    )
    grid = Markup().join(
        Markup('<line class="grid" x1="0" x2="100" y1="{y}" y2="{y}"/>').format(y=y)
        for y in (0, 25, 50, 75, 100)
    )
    return Markup(
        '<svg class="curve" viewBox="0 0 100 100" preserveAspectRatio="none" role="img">'
        "<title>{title}</title><desc>{description}</desc>{grid}"
        '<polygon class="area" points="0,100 {points} 100,100"/><polyline class="edge" points="{points}"/></svg>'
    ).format(title=title, description=description, grid=grid, points=points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
