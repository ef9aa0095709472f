"""Find the name that was probably meant, for the hints of errors."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of the names, regardless of case; None if none is similar."""
    folded = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`` (did you mean 'city'?)``, or nothing if no name is similar."""
    found = nearest(name, names)
    return f" (did you mean {found!r}?)" if found else ""
