"""The shapes of fields: what a text looks like, without deciding what it means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from dataforge.formats.null_words import PROGRAM_NULL_WORDS

_SHAPES = (
    ("integer", re.compile(r"[+-]?[0-9]+")),
    (
        "number",
        re.compile(r"[+-]?(?:[0-9]{1,3}(?:[.,' ][0-9]{3})+|[0-9]*)(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"),
    ),
    ("amount", re.compile(r"(?:[$€£¥]|[A-Z]{3} )? ?[+-]?[0-9][0-9.,]* ?(?:[$€£¥%]|[A-Z]{3})?")),
    ("date", re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T].*)?")),
    ("time", re.compile(r"[0-9]{1,3}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?(?: ?[AaPp][Mm])?")),
    ("uuid", re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}")),
    ("address", re.compile(r"(?:https?|ftp|s3)://\S+|[^\s@]+@[^\s@]+[.][A-Za-z]+")),
    ("boolean", re.compile(r"(?i)true|false|yes|no")),
)
_WORD = re.compile(r"[^\W\d_][\w.-]*", re.UNICODE)
_CODE = re.compile(r"[A-Z0-9]{1,4}|[A-Z]+[-_]?[0-9]+")


def shape(text: str) -> str:
    """The shape of a field: "empty", "integer", "date", ...; "code" with its length; "word" and "text" are unspecific."""
    bare = text.strip()
    if not bare or bare in PROGRAM_NULL_WORDS:
        return "empty"
    for name, pattern in _SHAPES:
        if pattern.fullmatch(bare):
            return name
    if _CODE.fullmatch(bare):
        return f"code{len(bare)}"
    return "word" if _WORD.fullmatch(bare) else "text"


def tells(name: str) -> bool:
    """Whether a shape distinguishes values from names of columns."""
    return name not in {"empty", "word", "text"}


def common_shape(texts: Iterable[str], share: float = 0.7) -> str | None:
    """The shape of nearly all of the texts that are not empty, or None."""
    counted = Counter(found for text in texts if (found := shape(text)) != "empty")
    total = counted.total()
    if not total:
        return None
    name, times = counted.most_common(1)[0]
    return name if times >= share * total else None
