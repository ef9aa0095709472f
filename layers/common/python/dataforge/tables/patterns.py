"""Patterns of texts, which pydantic (the Rust crate regex) and PostgreSQL must read alike."""

from __future__ import annotations

import re
from collections.abc import Iterator


def refuse_pattern(name: str, pattern: str) -> None:
    """Refuse a pattern that pydantic (Rust) and PostgreSQL do not read alike."""
    for sign, depth, in_class in _signs(pattern):
        if in_class and sign in ("[", "&&", "--", "~~"):
            raise ValueError(
                f"column {name}: {sign} inside […] of its pattern is read differently by PostgreSQL; escape it"
            )
        if not in_class and sign == "(?":
            raise ValueError(
                f"column {name}: its pattern may group by (…) and (?:…) only, for PostgreSQL reads it too"
            )
        if not in_class and sign == "|" and depth == 0:
            raise ValueError(f"column {name}: its pattern has alternatives outside a group: write ^(?:a|b)$")


def _signs(pattern: str) -> Iterator[tuple[str, int, bool]]:
    """The pattern's signs that matter, with their depth in groups, and whether they stand inside a class."""
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
