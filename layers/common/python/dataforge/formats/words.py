"""Check the texts that a declaration gives as a tuple."""

from __future__ import annotations

from collections.abc import Iterable


def texts(word: str, value: Iterable[str]) -> tuple[str, ...]:
    """The texts as a tuple. Raises ``ValueError`` for one text: each of its characters would be one."""
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004  as all declaration errors
            f"{word}={value!r} is one text; write a tuple: {word}=({value!r},)"
        )
    return tuple(value)
