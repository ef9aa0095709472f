"""The dialect of a CSV: what separates, quotes and ends its fields, and how its text is encoded."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from dataforge.formats.words import texts

ONE_BYTE = (
    *(
        "ascii",
        "iso8859-1",
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
    ),
    *(
        "iso8859-9",
        "iso8859-10",
        "iso8859-13",
        "iso8859-14",
        "iso8859-15",
        "iso8859-16",
        "koi8-r",
        "koi8-u",
        "mac-roman",
    ),
    *(
        "cp437",
        "cp850",
        "cp852",
        "cp866",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
    ),
    "cp1258",
)
"""Encodings of one byte per character whose bytes below 0x80 are ASCII."""
ASCII_SAFE = ("utf-8", *ONE_BYTE, "euc_jp", "euc_kr", "gb2312")
"""Encodings in which a byte below 0x80 is always that ASCII character."""
UNITS = {
    "utf-16-le": rb"(?:..)",
    "utf-16-be": rb"(?:..)",
    "utf-32-le": rb"(?:....)",
    "utf-32-be": rb"(?:....)",
    "shift_jis": rb"(?:[\x81-\x9f\xe0-\xfc].|.)",
    "cp932": rb"(?:[\x81-\x9f\xe0-\xfc].|.)",
    "big5": rb"(?:[\x81-\xfe].|.)",
    "gbk": rb"(?:[\x81-\xfe].|.)",
    "gb18030": rb"(?:[\x81-\xfe][0-9][\x81-\xfe][0-9]|[\x81-\xfe].|.)",
}
"""The bytes of one character, as a pattern, where a byte below 0x80 may be a part of another character."""
ENCODINGS = (*ASCII_SAFE, *UNITS, "utf-16", "utf-32")
"""``utf-16`` and ``utf-32`` begin with a byte order mark; without one they are little-endian."""

_ALIASES = {codecs.lookup(name).name: name for name in ENCODINGS} | {"utf-8-sig": "utf-8"}


@dataclass(frozen=True)
class Csv:
    r"""How a CSV is written; the defaults are RFC 4180 in UTF-8 with one header line.

    ``delimiter``: one or more characters; a tuple: any of these texts. ``quote``: None if fields are never quoted.
    ``escape``: the character that makes a quote, a delimiter, a record end or itself text. ``escapes``: further characters
    behind it, and the texts that they stand for: {"n": "\n"}. ``doubled``: whether a doubled quote inside a quoted field
    is a quote; otherwise a quote ends the field only before a delimiter or a record end. ``header``: the number of header
    lines, whose texts are joined by a blank; 0: none.
    ``skip``: the number of lines before the header. ``skip_footer``: the number of records at the end that are not
    data. ``comment``: the text that a comment line begins with. ``record_end``: None for LF, CRLF and CR, also mixed.
    ``null``: unquoted texts that mean NULL. ``quoted_null``: whether a quoted empty field is NULL as well.
    ``short_records``: whether missing fields at the end of a record are NULL. ``strict``: whether a quote inside a
    field that is neither doubled nor escaped is an error, or text.
    ``ignore_case``: whether headers match in any case. ``further_tables``: whether a record that repeats the header begins
    a further table, whose records are rejected.
    Raises ``ValueError`` for a combination that cannot be read.
    """

    delimiter: str | tuple[str, ...] = ","
    quote: str | None = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    header: int = 1
    skip: int = 0
    skip_footer: int = 0
    comment: str | None = None
    record_end: str | None = None
    null: tuple[str, ...] = ("",)
    quoted_null: bool = True
    short_records: bool = False
    strict: bool = True
    ignore_case: bool = False
    doubled: bool = True
    escapes: Mapping[str, str] | tuple[tuple[str, str], ...] = ()
    further_tables: bool = False

    def __post_init__(self) -> None:
        # Dialects are compared and hashed.
        object.__setattr__(self, "null", texts("null", self.null))
        if isinstance(self.escapes, Mapping):
            object.__setattr__(self, "escapes", tuple(self.escapes.items()))
        if self.escapes and self.escape is None:
            raise ValueError("escapes needs the character that is before them; add escape='\\\\'")
        if wrong := [code for code in dict(self.escapes) if len(code) != 1]:
            raise ValueError(f"escapes has {wrong[0]!r}; write one character, which follows the escape")
        _refuse_encoding(self.encoding)
        if not self.delimiters or not all(self.delimiters):
            raise ValueError("delimiter is empty; write the text between two fields, such as ',' or '\\t'")
        for name, mark in (("quote", self.quote), ("escape", self.escape)):
            if mark is not None and len(mark) != 1:
                raise ValueError(f"{name} is {mark!r}; it must be one character, or None")
        self._refuse_clashes()
        for name in ("header", "skip", "skip_footer"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be a number, 0 or more")
        for name, text in (
            ("delimiter", "".join(self.delimiters)),
            ("quote", self.quote),
            ("escape", self.escape),
        ):
            _refuse_unwritable(name, text, self.encoding)

    def _refuse_clashes(self) -> None:
        ends = [self.record_end] if self.record_end else ["\n", "\r"]
        for text in self.delimiters:
            if any(end in text for end in ends):
                raise ValueError(
                    f"delimiter {text!r} holds a record end; set record_end to what ends a record"
                )
            if self.quote and self.quote in text:
                raise ValueError(
                    f"delimiter {text!r} holds the quote {self.quote!r}; choose another quote, or None"
                )
        if self.escape is not None and self.escape in self.delimiters:
            raise ValueError(f"escape and delimiter are both {self.escape!r}")

    @property
    def is_standard(self) -> bool:
        """Whether the file is RFC 4180 in UTF-8 with one header line, which is read in parallel and by columns."""
        return self in (STANDARD, _ANY_CASE)

    @property
    def delimiters(self) -> tuple[str, ...]:
        """Every delimiter, the longest first."""
        texts = (self.delimiter,) if isinstance(self.delimiter, str) else self.delimiter
        return tuple(sorted(texts, key=len, reverse=True))

    @cached_property
    def codec(self) -> str:
        """The encoding's name, in one spelling."""
        return _ALIASES[codecs.lookup(self.encoding).name]

    @cached_property
    def has_standard_fields(self) -> bool:
        """Whether the records behind the header are read as those of RFC 4180 in UTF-8."""
        escape = None if self.escape == self.quote else self.escape
        words = {"header": 1, "skip": 0, "ignore_case": False, "encoding": self.codec, "escape": escape}
        return replace(self, **words) == STANDARD  # type: ignore[arg-type]

    @cached_property
    def is_parallel(self) -> bool:
        """Whether a file is divided into chunks and read by columns: each mark is one byte that means nothing else."""
        if self.codec not in ASCII_SAFE or len(self.delimiters) > 1:
            return False
        marks = [mark.encode(self.codec) for mark in filter(None, (*self.delimiters, self.quote))]
        return (
            all(len(mark) == 1 and mark not in b"\r\n" for mark in marks)
            and self.escape in (None, self.quote)
            and (self.quote is None or (self.strict and self.doubled))
            and (self.comment, self.record_end, self.skip_footer, self.escapes) == (None, None, 0, ())
            and not self.further_tables
        )

    @cached_property
    def _to_standard(self) -> bytes | None:
        """The table for ``bytes.translate`` that replaces the marks by those of RFC 4180; None if they are those."""
        if (self.delimiter, self.quote) == (",", '"'):
            return None
        table = bytearray(range(256))
        table[ord(",")] = table[ord('"')] = ord("x")
        table[self.delimiters[0].encode(self.codec)[0]] = ord(",")
        if self.quote:
            table[self.quote.encode(self.codec)[0]] = ord('"')
        return bytes(table)

    def with_standard_marks(self, data: bytes) -> bytes:
        """Data that has, at each offset, a mark of RFC 4180 exactly where ``data`` has that mark of the dialect.

        Only for a dialect that ``is_parallel``. The result is for finding records and fields; other bytes may differ.
        """
        return data if self._to_standard is None else data.translate(self._to_standard)

    def to_utf8(self, raw: bytes) -> bytes:
        """Bytes of the file in UTF-8, in which records are stored. Invalid bytes are escaped."""
        return raw if self.codec == "utf-8" else recoded(raw, self.codec)


def with_record_end(dialect: Csv, record_end: str | None) -> Csv:
    """The dialect of a file in which ``record_end`` was found to end the records; None: as declared."""
    return dialect if record_end is None else replace(dialect, record_end=record_end)


def recoded(raw: bytes, codec: str) -> bytes:
    """Bytes in this encoding as UTF-8. Invalid bytes are escaped."""
    return raw.decode(codec, errors="backslashreplace").encode(errors="backslashreplace")


def _refuse_encoding(name: str) -> None:
    try:
        known = codecs.lookup(name).name in _ALIASES
    except LookupError:
        known = False
    if not known:
        raise ValueError(f"encoding {name!r} is not read; these are: {', '.join(ENCODINGS)}")


def _refuse_unwritable(name: str, text: str | None, encoding: str) -> None:
    try:
        (text or "").encode(encoding)
    except UnicodeEncodeError:
        raise ValueError(f"{name} {text!r} is not a character of {encoding}") from None


STANDARD = Csv()
_ANY_CASE = Csv(ignore_case=True)
