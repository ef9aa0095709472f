"""Divide SQL into statements and drop the data: INSERT and COPY are skipped, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

LONGEST = 1 << 18
"""The most characters of a statement that is read: no CREATE TABLE has more."""
_PIECE = 1 << 20
_BUFFER = 32 << 20
"""The most characters in memory. mysqldump writes statements of up to 16 MiB."""
_MARGIN = 256
"""The end of a statement may be cut within these characters at the end of the buffer."""

_WANTED = re.compile(
    r"\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:UNLOGGED|FOREIGN|UNIQUE|CLUSTERED|NONCLUSTERED)\s+)*"
    r"(?:TABLE|TYPE|INDEX)|ALTER\s+TABLE|COMMENT\s+ON)\b",
    re.IGNORECASE,
)
_COPY = re.compile(r"\s*COPY\b[^;]*\bFROM\s+stdin\b", re.IGNORECASE)
_COPY_END = re.compile(r"^\\\.\r?\n?", re.MULTILINE)
_NEW = r"[ \t]*(?:(?:GO|/)[ \t]*\r?\n|(?:CREATE|INSERT)\b|ALTER[ \t]+TABLE\b)"
"""The words that begin a statement at the start of a line, also where no semicolon ends the one before."""
_RESUME = re.compile(rf"\n(?={_NEW})", re.IGNORECASE)
_COMMENT = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/"
_MYSQL = re.compile(r"`|ENGINE\s*=|-- (?:MySQL|MariaDB) dump", re.IGNORECASE)


def patterns(*, mysql: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One statement with its end, and any number of INSERTs. Strings, quoted names and comments may have semicolons.

    ``mysql``: a backslash escapes in every string, and not only in those of PostgreSQL that begin with E.
    """
    escaped = r"'(?:[^'\\]++|\\.|'')*+'"
    strings = escaped if mysql else rf"(?<=\W[eE]){escaped}|'(?:[^']++|'')*+'"
    comment = rf"{_COMMENT}|(?<=\n)\#[^\n]*+" if mysql else _COMMENT
    pieces = (
        rf"[^'\"`;$/\n\#-]++|{strings}|\"(?:[^\"]++|\"\")*+\"|`(?:[^`]++|``)*+`|{comment}|"
        rf"\$(?P<tag>[A-Za-z_]*)\$(?:.*?)\$(?P=tag)\$|\n(?!{_NEW})|[-/$\#]"
    )
    flags, end = re.IGNORECASE | re.DOTALL, rf";|\n(?={_NEW})"
    inserts = re.compile(rf"(?:\s*+INSERT\b(?:{pieces})*+(?:{end}))++", flags)
    return re.compile(rf"(?:{pieces})*+(?:{end}|\Z)", flags), inserts


def statements(read: Callable[[int], str]) -> Iterator[str]:
    """The statements of DDL in a text, whose next characters ``read`` returns.

    A statement that cannot be ended, because a quote is missing or it is too long, is skipped up to a line that begins
    the next one.
    """
    text = read(_PIECE)
    pattern, inserts = patterns(mysql=_MYSQL.search(text) is not None)
    at, ended = 0, False
    while True:
        if skipped := inserts.match(text, at):
            at = skipped.end()
        found = pattern.match(text, at)
        if not ended and (found is None or found.end() > len(text) - _MARGIN):
            if len(text) - at > _BUFFER:
                at = len(text) - _MARGIN
            piece = read(max(_PIECE, len(text) - at))
            text, at, ended = text[at:] + piece, 0, not piece
            continue
        if at >= len(text):
            return
        if found is None:
            resumed = _RESUME.search(text, at)
            at = resumed.end() if resumed else len(text)
            continue
        statement, at = found[0], found.end()
        bare = without_comments(statement[:LONGEST])
        if _COPY.match(bare):
            text, at, ended = _behind_copy(text, at, read)
        elif len(statement) <= LONGEST and _WANTED.match(bare):
            yield bare.strip().rstrip(";").strip()


def _behind_copy(text: str, at: int, read: Callable[[int], str]) -> tuple[str, int, bool]:
    """The text behind the rows of COPY, the position in it, and whether it is the last."""
    text = text[at:]
    while True:
        found = _COPY_END.search(text)
        if found is not None:
            return text, found.end(), False
        piece = read(_PIECE)
        if not piece:
            return "", 0, True
        text = text[text.rfind("\n") + 1 :][-_PIECE:] + piece


_OR_COMMENT = re.compile(
    rf"'(?:[^'\\]++|\\.|'')*+'|\"(?:[^\"]++|\"\")*+\"|`(?:[^`]++|``)*+`|(?P<comment>{_COMMENT})", re.DOTALL
)


def without_comments(statement: str) -> str:
    """The statement without comments."""
    return _OR_COMMENT.sub(lambda found: " " if found["comment"] else found[0], statement)
