"""Parse single statements of DDL in the dialect of any program, by sqlglot.

A definition that sqlglot cannot parse is parsed again without the options that programs add. If that fails, it is skipped
and named, and the others are used.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# sqlglot logs a warning for unsupported syntax, which this module reports as notes.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

DIALECTS = ("postgres", "mysql", "tsql", "sqlite", "oracle")
_EVIDENCE = (
    ("sqlite", r"\bAUTOINCREMENT\b|\bWITHOUT\s+ROWID\b|sqlite_sequence"),
    ("mysql", r"`|\bENGINE\s*=|\bAUTO_INCREMENT\b"),
    ("oracle", r"\bVARCHAR2\b|\bNUMBER\s*\("),
    (
        "tsql",
        r"\[dbo\]|\bIDENTITY\s*\(|\b(?:nvarchar|datetime2|uniqueidentifier)\b|\[\w+\]\s+\[\w+\]|\bCLUSTERED\b",
    ),
)
_TOKEN = re.compile(
    r"'(?:[^'\\]|\\.|'')*+'|\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`|\[[^\]\[']*\]|(?P<mark>[(),])", re.DOTALL
)
_OPTIONS = re.compile(
    r"\b(?:ENABLE|DISABLE|ROWGUIDCOL|SPARSE|NOVALIDATE|RELY|INVISIBLE|STORED|VIRTUAL|NOT\s+FOR\s+REPLICATION|"
    r"USING\s+INDEX\b.*|ON\s+CONFLICT\s+\w+|WITH\s*\(.*?\)|(?:TEXTIMAGE_)?ON\s+\[\w+\]|COLLATE\s+[\w\"'.]+|"
    r"NOT\s+VALID|INITIALLY\s+\w+|(?:NOT\s+)?DEFERRABLE|CHARACTER\s+SET\s+\w+)",
    re.IGNORECASE | re.DOTALL,
)
_NAME_AND_TYPE = re.compile(
    r"\s*(\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|\w+)\s+(\[?\w+\]?(?:\s*\([^)]*\))?)", re.DOTALL
)


_CLUSTERED = re.compile(r"\b(PRIMARY\s+KEY|UNIQUE)\s+(?:NON)?CLUSTERED\b", re.IGNORECASE)


def dialect_of(ddl: str) -> str:
    """The dialect that the statements are written in, by words that only one has."""
    found = (name for name, pattern in _EVIDENCE if re.search(pattern, ddl, re.IGNORECASE))
    return next(found, "postgres")


def parse(sql: str, dialect: str) -> exp.Expr | None:
    """The statement as a tree, in this dialect or any other; None if no dialect has it."""
    sql = _CLUSTERED.sub(r"\1", sql)
    for name in (dialect, *(other for other in DIALECTS if other != dialect)):
        try:
            found = sqlglot.parse_one(sql, dialect=name)
        except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError):
            continue
        if not isinstance(found, exp.Command):
            return found
    return None


def items_of(sql: str, dialect: str) -> tuple[list[exp.Expr], list[str]] | None:
    """The columns and constraints of a CREATE TABLE, and the texts of those that are not known. None without a list."""
    head, body = _parts(sql)
    if not body:
        return None
    whole = _items(f"{head} ({', '.join(body)})", dialect)
    if whole is not None:
        return whole, []
    found, unknown = list[exp.Expr](), list[str]()
    for item in body:
        parsed = next(filter(None, (_items(f"{head} ({text})", dialect) for text in _simpler(item))), None)
        found += parsed or []
        if parsed is None:
            unknown.append(" ".join(item.split())[:60])
    return found, unknown


def _items(sql: str, dialect: str) -> list[exp.Expr] | None:
    tree = parse(sql, dialect)
    if not isinstance(tree, exp.Create) or not isinstance(tree.this, exp.Schema):
        return None
    return list(tree.this.expressions)


def _simpler(item: str) -> Iterator[str]:
    """The definition, without the options of one program, and as name and type only."""
    yield item
    plain = _OPTIONS.sub(" ", item)
    yield plain
    if short := _NAME_AND_TYPE.match(plain):
        rest = plain[short.end() :].upper()
        known = [words for words in ("NOT NULL", "PRIMARY KEY", "UNIQUE") if words in rest]
        yield " ".join((short[1], short[2], *known))


def _parts(sql: str) -> tuple[str, list[str]]:
    """The text before the first parenthesis, and the items inside it. Options of storage follow, which are ignored."""
    depth, start, head = 0, 0, ""
    items: list[str] = []
    for token in _TOKEN.finditer(sql):
        mark = token["mark"]
        depth += {"(": 1, ")": -1}.get(mark or "", 0)
        if mark == "(" and depth == 1:
            head, start = sql[: token.start()], token.end()
        elif (mark == "," and depth == 1) or (mark == ")" and depth == 0):
            items.append(sql[start : token.start()].strip())
            start = token.end()
            if mark == ")":
                break
    return head, [item for item in items if item]


def parse_alter(sql: str, dialect: str) -> exp.Alter | None:
    """An ALTER TABLE that adds constraints."""
    plain = re.sub(r"\bWITH\s+(?:NO)?CHECK\s+(?=ADD\b)", "", sql, flags=re.IGNORECASE)
    for text in (plain, _OPTIONS.sub(" ", plain)):
        found = parse(text, dialect)
        if isinstance(found, exp.Alter):
            return found
    return None
