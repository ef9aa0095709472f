"""The readable list of API keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dataforge.key_limits import KeyLimits
from dataforge.visible import visible_line
from dataforge_cli.runs.keys import LimitedKey

SOON_DAYS = 30
"""The list shows for the keys that end within this time the days that remain."""


def keys_table(keys: Iterable[LimitedKey]) -> Table:
    """Return the keys without their values."""
    table = Table("id", "kind", "name", "made", "may use", "ends", box=SIMPLE_HEAD, pad_edge=False)
    for one in keys:
        off = "" if one.key.enabled else " (disabled)"
        table.add_row(
            one.key.id,
            one.key.kind,
            Text(visible_line(one.key.name) + off),
            f"{one.key.created:%Y-%m-%d %H:%M}",
            Text(visible_line(may_use(one.limits))),
            _end(one.limits.expires),
        )
    return table


def may_use(limits: KeyLimits) -> str:
    """Return the datasets and tables as the options name them."""
    if limits.datasets is None:
        return "everything"
    return ", ".join(limits.texts()) or "nothing"


def ends(limits: KeyLimits) -> str:
    """Return a phrase with the last day."""
    return f"its last day is {limits.expires}" if limits.expires else "it has no last day"


def _end(day: date | None) -> Text:
    if day is None:
        return Text("")
    left = (day - datetime.now(UTC).date()).days
    if left < 0:
        return Text(f"{day} (ended)", style="red")
    if left > SOON_DAYS:
        return Text(str(day))
    return Text(f"{day} (today)" if left == 0 else f"{day} (in {left} days)", style="yellow")
