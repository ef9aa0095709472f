"""Numbers and times of the page as text."""

from __future__ import annotations


def percent(share: float | None) -> str:
    """A share with at most four decimals; never rounded up to 100 %."""
    if share is None:
        return "not known"
    digits = f"{share * 100:.4f}"
    if share < 1 and float(digits) >= 100:
        return "99.9999 %"
    return digits.rstrip("0").rstrip(".") + " %"


def seconds(value: float) -> str:
    """A duration in seconds, minutes or hours."""
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def minute(moment: str) -> str:
    """An ISO 8601 time in UTC without its seconds. A time in another zone is returned unchanged."""
    return f"{moment[:16].replace('T', ' ')} UTC" if moment.endswith("+00:00") else moment


def money(value: float) -> str:
    """US dollars: two decimals from one dollar on, at most six below."""
    return f"${value:,.2f}" if value >= 1 else f"${value:.6f}".rstrip("0").rstrip(".") if value else "$0"


def thousands(value: int) -> str:
    """An integer with separators."""
    return f"{value:,}"


def counted(number: int, noun: str) -> str:
    """A number with a noun in the singular or plural."""
    return f"{thousands(number)} {noun}{'' if number == 1 else 's'}"


def short(value: float) -> str:
    """A number with three significant digits and a unit prefix."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"
