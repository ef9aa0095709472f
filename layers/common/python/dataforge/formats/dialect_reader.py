r"""Read a CSV of any dialect from front to back, in bounded memory: each record with its bytes, its offset and its line.

Records are found in the bytes by regular expressions that are made from the dialect, and decoded one by one: so each offset
is exact in every encoding, and bytes that are not text are an error of one record.

A quote inside an unquoted field, or text after a closing quote, makes a record malformed if the dialect is strict. It then
continues as unquoted to the next delimiter or record end, as in ``dataforge.formats.csv_boundaries``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import islice

from dataforge.formats.dialect import UNITS, Csv
from dataforge.formats.headers import IGNORED
from dataforge.records.violation import Violation

FURTHER_TABLE = Violation("further_table", "The record follows a second header, which begins a further table")
READ_BYTES = 1 << 20
LONGEST_RECORD = 64 << 20
"""A longer record is an error: most likely a quote is never closed."""

_MARKS = (
    ("utf-8", b"\xef\xbb\xbf"),
    ("utf-32-le", b"\xff\xfe\0\0"),
    ("utf-32-be", b"\0\0\xfe\xff"),
    ("utf-16-le", b"\xff\xfe"),
    ("utf-16-be", b"\xfe\xff"),
)


@dataclass(frozen=True)
class Record:
    """``fields``: the texts, or None if the record is malformed; ``quoted``: which of them are quoted or have
    an escape.

    ``error``: the reason if it is malformed. ``raw``: its bytes with its end; ``offset`` of its first byte; ``line`` from 1.
    """

    raw: bytes
    offset: int
    line: int
    fields: tuple[str, ...] | None
    quoted: tuple[bool, ...] = ()
    error: str = ""
    codec: str = "utf-8"


def fields_of(record: Record, header: Sequence[str], dialect: Csv) -> Mapping[str, str] | list[Violation]:
    """The record's fields by column without those that mean NULL, or the violations of its shape."""
    if record.fields is None:
        return [_MALFORMED if record.error == "malformed" else _UNICODE]
    missing = len(header) - len(record.fields)
    if missing < 0 or (missing and not dialect.short_records):
        return [
            Violation("field_count", f"The record has {len(record.fields)} fields, the header {len(header)}")
        ]
    return {
        name: text
        for name, text, quoted in zip(header, record.fields, record.quoted, strict=False)
        if not _is_null(text, quoted, dialect) and not name.startswith(IGNORED)
    }


def _is_null(text: str, quoted: bool, dialect: Csv) -> bool:
    return (not text and dialect.quoted_null) if quoted else text in dialect.null


_MALFORMED = Violation(
    "csv_quote", "The record has a quote inside an unquoted field, or text after a closing quote"
)
_UNICODE = Violation("string_unicode", "The record is not valid text in the declared encoding")


class RecordTooLong(ValueError):
    """A record is longer than ``LONGEST_RECORD``; ``line`` is where it begins."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Grammar:
    """The patterns of a dialect in one encoding, over bytes."""

    dialect: Csv
    codec: str

    def encode(self, text: str) -> bytes:
        """The bytes of the text, without a byte order mark."""
        return text.encode(self.codec)

    def _any(self, *texts: str) -> bytes:
        return b"(?:" + b"|".join(re.escape(self.encode(text)) for text in texts) + b")"

    @cached_property
    def _unit(self) -> bytes:
        """One character without a special meaning."""
        return UNITS.get(self.codec, b".")

    @cached_property
    def _delimiter(self) -> bytes:
        delimiter = self._any(*self.dialect.delimiters)
        # A delimiter may begin the record end: in "1|a|\\n", each field ends with a delimiter.
        return b"(?!" + self._end + b")" + delimiter if self.dialect.record_end else delimiter

    @cached_property
    def _end(self) -> bytes:
        return (
            self._any(self.dialect.record_end) if self.dialect.record_end else self._any("\r\n", "\n", "\r")
        )

    @cached_property
    def _escaped(self) -> bytes:
        """An escape character and what it escapes; matches nothing without one."""
        escape, quote = self.dialect.escape, self.dialect.quote
        if escape is None or escape == quote:
            return b"(?!)"
        return self._any(escape) + self._unit

    def _run(self, *stops: bytes) -> bytes:
        """Any characters up to one of the stops, escaped ones included."""
        stop = b"|".join(stops)
        if self._is_simple(stops):
            plain = b"[^" + b"".join(re.escape(s) for s in self._bytes_of(stops)) + b"]++"
            return b"(?:" + plain + b"|" + self._escaped + b")*+"
        return b"(?:" + self._escaped + b"|(?!" + stop + b")" + self._unit + b")*+"

    def _is_simple(self, stops: tuple[bytes, ...]) -> bool:
        """Whether each stop begins with a byte that means nothing else, so that a set of bytes is enough."""
        single = (
            all(len(self.encode(d)) == 1 for d in self.dialect.delimiters) and self.dialect.record_end is None
        )
        return self._unit == b"." and single and bool(stops)

    def _bytes_of(self, stops: tuple[bytes, ...]) -> Iterator[bytes]:
        if self._delimiter in stops:
            yield from map(self.encode, self.dialect.delimiters)
        if self._end in stops:
            yield from (b"\r", b"\n")
        if self.dialect.quote and self._any(self.dialect.quote) in stops:
            yield self.encode(self.dialect.quote)
        if self.dialect.escape and self.dialect.escape != self.dialect.quote:
            yield self.encode(self.dialect.escape)

    @cached_property
    def _quoted(self) -> bytes:
        """A quoted field; without a quote nothing matches."""
        if self.dialect.quote is None:
            return b"(?!)"
        quote = self._any(self.dialect.quote)
        lone = quote + b"(?!" + self._delimiter + b"|" + self._end + b"|\\Z)"
        if not self.dialect.doubled:
            return quote + self._run(quote) + b"(?:" + lone + self._run(quote) + b")*+" + quote
        inside = quote + quote
        if not self.dialect.strict:
            inside = b"(?:" + inside + b"|" + lone + b")"
        doubled = b"(?:" + inside + self._run(quote) + b")*+"
        return quote + self._run(quote) + doubled + quote + b"(?!" + quote + b")"

    @cached_property
    def _plain(self) -> bytes:
        """An unquoted field, without a quote in it if quotes are strict."""
        strict = self.dialect.strict and self.dialect.quote
        stops = (self._delimiter, self._end, *([self._any(strict)] if strict else []))
        return self._run(*stops)

    @cached_property
    def _loose(self) -> bytes:
        """A field with illegal quotes: to the next delimiter or record end."""
        rest = self._run(self._delimiter, self._end)
        quote = self._any(self.dialect.quote) if self.dialect.quote else b"(?!)"
        return b"(?:" + self._quoted + rest + b"|(?!" + quote + b")" + rest + b")"

    @cached_property
    def good(self) -> re.Pattern[bytes]:
        """A well-formed record; its end, or the end of the data."""
        field = b"(?:" + self._quoted + b"|" + self._plain + b")"
        return self._record(field)

    @cached_property
    def loose(self) -> re.Pattern[bytes]:
        """A record with illegal quotes."""
        return self._record(self._loose)

    def _record(self, field: bytes) -> re.Pattern[bytes]:
        text = field + b"(?:" + self._delimiter + field + b")*+(?:" + self._end + b"|\\Z)"
        return re.compile(text, re.DOTALL)

    @cached_property
    def field(self) -> re.Pattern[bytes]:
        """One field of a well-formed record: quoted or plain, and what follows."""
        text = (
            b"(?:("
            + self._quoted
            + b")|("
            + self._plain
            + b"))("
            + self._delimiter
            + b"|"
            + self._end
            + b"|\\Z)"
        )
        return re.compile(text, re.DOTALL)

    @cached_property
    def line_end(self) -> re.Pattern[bytes]:
        """A line end, inside quotes too."""
        return re.compile(self._end, re.DOTALL)

    @cached_property
    def line(self) -> re.Pattern[bytes]:
        """A line, regardless of quotes."""
        return re.compile(self._run_to_end() + b"(?:" + self._end + b"|\\Z)", re.DOTALL)

    def _run_to_end(self) -> bytes:
        return b"(?:(?!" + self._end + b")" + self._unit + b")*+"

    def unquote(self, quoted: str) -> str:
        """The text of a quoted field."""
        mark, inside = self.dialect.quote or "", quoted[1:-1]
        return self.unescape(inside.replace(mark * 2, mark) if self.dialect.doubled else inside)

    def unescape(self, text: str) -> str:
        """The text without its escape characters."""
        escape = self.dialect.escape
        if escape is None or escape == self.dialect.quote or escape not in text:
            return text
        codes = dict(self.dialect.escapes)
        return self._escape_in_text.sub(lambda match: codes.get(match[1], match[1]), text)

    @cached_property
    def _escape_in_text(self) -> re.Pattern[str]:
        """An escape character before a mark; before anything else it is text itself, as in ``\\N``."""
        dialect = self.dialect
        ends = (dialect.record_end,) if dialect.record_end else ("\n", "\r")
        marks = (*dialect.delimiters, *ends, dialect.quote, dialect.escape, *dict(dialect.escapes))
        return re.compile(
            re.escape(dialect.escape or "") + "(" + "|".join(map(re.escape, filter(None, marks))) + ")"
        )


def read_records(read: Callable[[int], bytes], dialect: Csv) -> Iterator[Record]:
    """The records behind the skipped lines, the header's records first; empty lines and comments are none.

    ``read(size)`` returns the next bytes, b"" at the end. Raises ``RecordTooLong``.
    """
    data = _Buffer(read)
    grammar = _begin(data, dialect)
    held: list[Record] = []
    for record in _records(data, grammar):
        held.append(record)
        if len(held) > dialect.skip_footer:
            yield held.pop(0)


@dataclass(frozen=True)
class Head:
    """The header's records, the offset and line of the first byte behind them, and whether a CR alone ends the records."""

    records: tuple[Record, ...]
    end: int
    line: int
    has_bare_returns: bool


def read_head(data: bytes, dialect: Csv) -> Head:
    """The head of a file of a dialect that is parallel; ``data`` is its beginning. Raises ``RecordTooLong``."""
    buffer = _Buffer(BytesIO(data).read)
    grammar = _begin(buffer, dialect)
    start = buffer.offset
    records = tuple(islice(_records(buffer, grammar), dialect.header or 1))
    ends = [start, *(record.offset + len(record.raw) for record in records)]
    bare = data[: ends[-1]].endswith(b"\r") and (bool(dialect.header) or ends[-1] < len(data))
    end = ends[-1] if dialect.header else start
    return Head(records if dialect.header else (), end, 1 + data.count(b"\n", 0, end), bare)


def _begin(data: _Buffer, dialect: Csv) -> Grammar:
    """Drop the byte order mark and the lines to skip. Returns the grammar of the data's encoding."""
    codec, mark = _encoding(data, dialect)
    grammar = Grammar(dialect, codec)
    data.drop(len(mark))
    for _ in range(dialect.skip):
        line = data.match(grammar.line)
        if line is None or not line:
            break
        data.drop(len(line), 1)
    return grammar


def one_record(raw: bytes, dialect: Csv) -> Record:
    """The record that these bytes are, in a dialect without lines to skip and without a byte order mark."""
    grammar = _grammar(dialect)
    good = grammar.good.fullmatch(raw) is not None
    return _record(raw, 0, 1, grammar, good=good)


@lru_cache(64)
def _grammar(dialect: Csv) -> Grammar:
    return Grammar(dialect, dialect.codec)


def _encoding(data: _Buffer, dialect: Csv) -> tuple[str, bytes]:
    """The codec of the data, and its byte order mark."""
    family = dialect.codec
    for codec, mark in _MARKS:
        if codec.startswith(family) and data.starts_with(mark):
            return codec, mark
    return (family if family not in ("utf-16", "utf-32") else f"{family}-le"), b""


def _records(data: _Buffer, grammar: Grammar) -> Iterator[Record]:
    comment = grammar.encode(grammar.dialect.comment) if grammar.dialect.comment else None
    while data.more():
        if comment is not None and data.starts_with(comment):
            line = data.match(grammar.line) or b""
            data.drop(len(line), 1)
            continue
        raw = data.match(grammar.good)
        good = raw is not None
        if raw is None:
            raw = data.match(grammar.loose)
        if raw is None:
            raw = data.rest()
        lines = len(grammar.line_end.findall(raw))
        if not grammar.line_end.fullmatch(raw):
            yield _record(raw, data.offset, data.line, grammar, good=good)
        data.drop(len(raw), lines)


def _record(raw: bytes, offset: int, line: int, grammar: Grammar, *, good: bool) -> Record:
    if not good:
        return Record(raw, offset, line, None, error="malformed", codec=grammar.codec)
    fields: list[str] = []
    quoted: list[bool] = []
    position = 0
    try:
        while match := grammar.field.match(raw, position):
            inside, plain, after = match.groups()
            text = (plain if inside is None else inside).decode(grammar.codec)
            fields.append(grammar.unescape(text) if inside is None else grammar.unquote(text))
            # An escaped text is never NULL: \\N is the text \N.
            quoted.append(inside is not None or fields[-1] != text)
            position = match.end()
            if not after or grammar.line_end.fullmatch(after):
                break
    except UnicodeDecodeError:
        return Record(raw, offset, line, None, error="encoding", codec=grammar.codec)
    return Record(raw, offset, line, tuple(fields), tuple(quoted), codec=grammar.codec)


class _Buffer:
    """Bytes that are read as they are needed; ``offset`` and ``line`` of the first that is left."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._data = b""
        self._start = 0
        self._ended = False
        self.offset, self.line = 0, 1

    def _fill(self) -> bool:
        if self._ended:
            return False
        part = self._read(READ_BYTES)
        self._ended = not part
        self._data, self._start = self._data[self._start :] + part, 0
        return not self._ended

    def more(self) -> bool:
        """Whether bytes are left."""
        return self._start < len(self._data) or self._fill()

    def starts_with(self, text: bytes) -> bool:
        """Whether the data continues with the text."""
        while len(self._data) - self._start < len(text) and self._fill():
            pass
        return self._data.startswith(text, self._start)

    def match(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """The bytes that match, after enough is read that no further byte can change the match; None without a match."""
        while True:
            found = pattern.match(self._data, self._start)
            # A CR at the end may belong to a LF, and a quote to another quote.
            if self._ended or (found and found.end() < len(self._data) - _LOOK_AHEAD):
                return found[0] if found else None
            if len(self._data) - self._start > LONGEST_RECORD:
                raise RecordTooLong(self.line)
            self._fill()

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self._data[self._start :]

    def drop(self, size: int, lines: int = 0) -> None:
        """Continue after these bytes."""
        self._start += size
        self.offset += size
        self.line += lines


_LOOK_AHEAD = 16
"""More bytes than any mark has."""
