"""Read the beginning of a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_since(text: str, now: datetime) -> datetime | None:
    """The time that ``7d``, ``12h`` or ``30m`` ago was, or a time in ISO 8601, in UTC without an offset. None: neither."""
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
    amount, unit = text[:-1], units.get(text[-1:])
    try:
        if unit and amount.isascii() and amount.isdecimal():
            return now - int(amount) * unit
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
