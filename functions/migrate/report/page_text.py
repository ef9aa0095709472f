"""Numbers and tables of the page as HTML. Whatever comes from outside is escaped here or by the caller, never trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def percent(share: float | None) -> str:
    """A share with as many digits as it needs, at most four; never rounded up to 100 %."""
    if share is None:
        return "not known"
    digits = f"{share * 100:.4f}"
    if share < 1 and float(digits) >= 100:
        return "99.9999 %"
    return digits.rstrip("0").rstrip(".") + " %"


def seconds(value: float) -> str:
    """A length of time, as a person would say it."""
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def money(value: float) -> str:
    """Dollars: cents where there are any, else as many digits as tell something."""
    return f"${value:,.2f}" if value >= 1 else f"${value:.6f}".rstrip("0").rstrip(".") if value else "$0"


def short(value: float) -> str:
    """A large number in few characters."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], foot: Sequence[str] = ()) -> str:
    """A table that scrolls by itself; the cells of ``rows`` and ``foot`` are HTML, the first of each names its row."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(_row(row) for row in rows)
    ends = f"<tfoot>{_row(foot)}</tfoot>" if foot else ""
    label = escape(caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table aria-label="{label}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{ends}</table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
