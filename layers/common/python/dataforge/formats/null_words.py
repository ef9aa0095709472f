"""Texts that mean NULL in many files. The declaration of a column decides whether they do in its files."""

from __future__ import annotations

CERTAIN_NULL_WORDS = frozenset([r"\N", "NULL", "#N/A", "(null)", "<null>", "[NULL]"])
"""Texts by which programs write NULL, and which mean nothing else in a column of texts."""

PROGRAM_NULL_WORDS = CERTAIN_NULL_WORDS | frozenset(
    ["Null", "null", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NaT", "None", "none", "nil", "#NULL!", "#N/D"]
)
"""Texts by which programs write NULL. In a column of texts they may be values: NA is Namibia."""

NULL_WORDS = PROGRAM_NULL_WORDS | frozenset(
    [
        "-",
        "--",
        "---",
        "?",
        ".",
        "..",
        "missing",
        "unknown",
        "Unknown",
        "na",
        "n.a.",
        "N.A.",
        "k.A.",
        "k. A.",
        "s/d",
    ]
).union(["0000-00-00", "0000-00-00 00:00:00"])
"""Texts by which programs and people write that a value is missing."""
