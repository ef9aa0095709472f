"""Refuse patterns that pydantic (the Rust crate regex) and PostgreSQL interpret differently."""

from __future__ import annotations

import re
from collections.abc import Iterator


def refuse_pattern(name: str, pattern: str) -> None:
    """Raise ``ValueError`` for a pattern with an element that pydantic and PostgreSQL interpret differently."""
    for sign, depth, in_class in _signs(pattern):
        if in_class and sign in ("[", "&&", "--", "~~"):
            raise ValueError(
                f"column {name} has {sign} inside […] of its pattern, which PostgreSQL interprets differently; escape it"
            )
        if not in_class and sign == "(?":
            raise ValueError(
                f"column {name} has a group in its pattern that PostgreSQL does not support; use only (…) and (?:…)"
            )
        if not in_class and sign == "|" and depth == 0:
            raise ValueError(
                f"column {name} has alternatives outside a group in its pattern; write ^(?:a|b)$"
            )


def _signs(pattern: str) -> Iterator[tuple[str, int, bool]]:
    """Yield the pattern's tokens, each with its depth in groups and whether it is inside a character class."""
    depth, in_class = 0, False
    for match in re.finditer(r"\\.|\(\?:|\(\?|\[\^?\]?|&&|--|~~|.", pattern, re.DOTALL):
        sign = match[0]
        if in_class:
            in_class = sign != "]"
            yield sign[:1] if sign.startswith("[") else sign, depth, True
        elif sign.startswith("["):
            in_class = True
        else:
            depth += sign.startswith("(") - (sign == ")")
            yield sign, depth, False
