"""Detect the encoding of a text."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

from dataforge.formats.candidates import MARKS
from dataforge.formats.dialect import ENCODINGS

_KNOWN = {codecs.lookup(name).name: name for name in ENCODINGS}
_WESTERN = "cp1252"
_MARKS_IN_TEXT = frozenset("€‚„…‘’“”•–—™§©«®°±²³´µ·»¼½¾£¿¡ªº\xa0")


def detect_encoding(sample: bytes, *, whole: bool) -> tuple[str, str]:
    """The name of the encoding, and the reason. ``whole``: the sample is the file; else its last character may be cut."""
    for mark, name in MARKS.items():
        if sample.startswith(mark):
            return name, "the file begins with a byte order mark"
    if wide := wide_encoding(sample):
        return wide, "every other byte is NUL"
    if sample.isascii():
        return "utf-8", "all bytes are ASCII"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(sample, final=whole)
    except UnicodeDecodeError as error:
        return _other(sample, error.start)
    return "utf-8", "all bytes are valid UTF-8"


def wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a byte order mark: Latin text has a NUL in every other byte."""
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.6 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * half and odd < 0.1 * half else None


def _other(sample: bytes, position: int) -> tuple[str, str]:
    name = _WESTERN if _is_western(sample) else _guess(sample)
    return name, f"the byte at {position} is not UTF-8, and the text is plausible in {name}"


def _guess(sample: bytes) -> str:
    found = from_bytes(sample).best()
    return (_KNOWN.get(codecs.lookup(found.encoding).name) if found else None) or _WESTERN


def _is_western(sample: bytes) -> bool:
    """Whether the text reads as a Western European language: single accented letters between others, and typical marks."""
    text = sample.decode(_WESTERN, errors="replace")
    special = [place for place, character in enumerate(text) if not character.isascii()]
    usual = sum(text[place].isalpha() or text[place] in _MARKS_IN_TEXT for place in special)
    runs = sum(not text[place + 1 : place + 2].isascii() for place in special)
    return usual >= 0.95 * len(special) and runs <= 0.2 * len(special)
