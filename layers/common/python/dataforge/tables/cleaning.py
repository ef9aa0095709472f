"""Cleaning: declared changes of a text before validation, each counted by its name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Cleaning = Literal[
    "trimmed",
    "emptied",
    "uppercased",
    "lowercased",
    "collapsed",
    "normalized",
    "controls_removed",
    "padded",
    "replaced",
    "mapped",
    "decimals_removed",
    "formatted",
    "defaulted",
]

_SIMPLE: set[Cleaning] = {"trimmed", "uppercased", "decimals_removed"}
_BLANKS = re.compile(r"\s+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters except tab, LF and CR."""
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


@dataclass(frozen=True)
class Clean:
    """Change text before validation, and count each change by its name: ``Annotated[State, Clean(upper=True)]``.

    The changes are made in this order:

    ``normalize``: convert to Unicode NFC ("normalized"). ``controls``: remove control characters ("controls_removed").
    ``trim``: remove leading and trailing white space ("trimmed"); an empty result is NULL ("emptied").
    ``collapse``: convert each run of white space to one space ("collapsed").
    ``replace``: pairs of a regular expression and its replacement ("replaced").
    ``values``: a table of whole values and their replacements ("mapped").
    ``upper``: convert ASCII letters to upper case ("uppercased"). ``lower``: to lower case ("lowercased").
    ``pad`` and ``width``: add the character on the left up to the width ("padded"): lost leading zeros.
    ``whole``: remove zero decimals ("decimals_removed"): ``7.00`` becomes 7. Always on for integer columns.
    """

    trim: bool = True
    upper: bool = False
    whole: bool = False
    lower: bool = False
    collapse: bool = False
    normalize: bool = False
    controls: bool = False
    pad: str = ""
    width: int = 0
    replace: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.values, Mapping):
            # A row model's rules are hashed.
            object.__setattr__(self, "values", tuple(self.values.items()))
        if self.upper and self.lower:
            raise ValueError("Clean(upper=True, lower=True) contradicts itself; remove one")
        if len(self.pad) > 1 or bool(self.pad) != (self.width > 0):
            raise ValueError(
                f"Clean(pad={self.pad!r}, width={self.width}) needs one character and a width from 1"
            )
        pairs: tuple[Any, ...] = self.replace
        if any(isinstance(pair, str) or len(pair) != 2 for pair in pairs):
            raise ValueError(
                f"Clean(replace={self.replace!r}) needs pairs of an expression and its replacement; "
                "write replace=((' UTC$', ''),)"
            )
        for pattern, _ in self.replace:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"Clean(replace=…): {pattern!r} is not a regular expression: {error}"
                ) from None

    @cached_property
    def changes(self) -> tuple[tuple[Cleaning, Callable[[str], str]], ...]:
        """Pairs of the name and the function of each declared change, in order."""
        mapped = dict(self.values)
        patterns = [(re.compile(pattern), replacement) for pattern, replacement in self.replace]

        def replace(value: str) -> str:
            for pattern, replacement in patterns:
                value = pattern.sub(replacement, value)
            return value

        declared: tuple[tuple[bool, Cleaning, Callable[[str], str]], ...] = (
            (self.normalize, "normalized", lambda value: unicodedata.normalize("NFC", value)),
            (self.controls, "controls_removed", lambda value: _CONTROLS.sub("", value)),
            (self.trim, "trimmed", str.strip),
            (self.collapse, "collapsed", lambda value: _BLANKS.sub(" ", value)),
            (bool(patterns), "replaced", replace),
            (bool(mapped), "mapped", lambda value: mapped.get(value, value)),
            (self.upper, "uppercased", lambda value: value.upper() if value.isascii() else value),
            (self.lower, "lowercased", lambda value: value.lower() if value.isascii() else value),
            (bool(self.pad), "padded", lambda value: value.rjust(self.width, self.pad)),
            (
                self.whole,
                "decimals_removed",
                lambda value: _WHOLE.sub(r"\1", value) if _WHOLE.fullmatch(value) else value,
            ),
        )
        return tuple((name, change) for active, name, change in declared if active)

    @cached_property
    def is_extended(self) -> bool:
        """Whether other changes than ``trim``, ``upper`` and ``whole`` are declared."""
        return not {name for name, _ in self.changes} <= _SIMPLE

    @cached_property
    def described(self) -> tuple[str, ...]:
        """The declared changes of texts in words, in order, for API documentation."""
        pairs = ", ".join(f"{pattern!r} by {replacement!r}" for pattern, replacement in self.replace)
        values = ", ".join(f"{value!r} by {other!r}" for value, other in dict(self.values).items())
        declared = (
            (self.normalize, "Unicode is normalized (NFC)"),
            (self.controls, "control characters are removed"),
            (self.trim, "white space at both ends is removed, and an empty value is null"),
            (self.collapse, "runs of white space become one space"),
            (bool(self.replace), f"these patterns are replaced: {pairs}"),
            (bool(self.values), f"these values are replaced: {values}"),
            (self.upper, "ASCII letters become upper case"),
            (self.lower, "ASCII letters become lower case"),
            (bool(self.pad), f"{self.pad!r} is added on the left up to {self.width} characters"),
        )
        return tuple(text for active, text in declared if active)
