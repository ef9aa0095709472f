"""Conversions between column types: which lose nothing, which rewrite the table, and which values are lost."""

from __future__ import annotations

import re

from dataforge.postgres.sql import Sql, literal

COLLATION = ' COLLATE "C"'
"""Texts are sorted by their bytes on every server."""

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_WHOLE_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}


_WIDER = {
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("integer", "bigint"),
    ("real", "double precision"),
    ("date", "timestamp without time zone"),
}
_LENGTH = re.compile(r"(?:character varying|varchar)\((\d+)\)")


def is_lossless(found: str, wanted: str) -> bool:
    """Whether every value of type ``found`` can be converted to ``wanted`` without loss."""
    if is_collation(found, wanted) or (found.startswith("character varying") and wanted.startswith("text")):
        return True
    if wanted == "numeric":
        return found.startswith("numeric") or found in _WHOLE_DIGITS
    digits = _NUMERIC.fullmatch(wanted)
    if digits is None:
        return (found, wanted) in _WIDER or _is_longer(found, wanted)
    precision, scale = map(int, digits.groups())
    if found in _WHOLE_DIGITS:
        return precision - scale >= _WHOLE_DIGITS[found]
    before = _NUMERIC.fullmatch(found)
    if before is None:
        return False
    old_precision, old_scale = map(int, before.groups())
    return scale >= old_scale and precision - scale >= old_precision - old_scale


def _is_longer(found: str, wanted: str) -> bool:
    """Whether both are texts with a maximum length, and the second is not shorter."""
    old, new = _LENGTH.match(found), _LENGTH.match(wanted)
    return bool(old and new and int(new[1]) >= int(old[1]))


def is_rewritten(found: str, wanted: str) -> bool:
    """Whether PostgreSQL rewrites the rows for a lossless conversion. A numeric of the same scale is not rewritten."""
    if wanted == "numeric" and found.startswith("numeric"):
        return False
    if not wanted.startswith("numeric") or not found.startswith("numeric"):
        return not (wanted.startswith("text") or _is_longer(found, wanted))
    return found.partition(",")[2] != wanted.partition(",")[2]


def is_collation(found: str, wanted: str) -> bool:
    """Whether the types differ in the collation only."""
    return found.partition(" COLLATE ")[0] == wanted.partition(" COLLATE ")[0]


def lossy_rows(relation: Sql, column: Sql, old: Sql, new: Sql) -> Sql:
    """The query that counts the values of the type ``old`` that ``new`` cannot hold, or holds as another value.

    A value fits if its text is a valid input of the new type, and the text of the result is the same value of the old type.
    """
    return Sql(
        "SELECT count(*) FROM {relation} WHERE {column} IS NOT NULL AND CASE"
        " WHEN NOT pg_input_is_valid({column}::text, {new_name}) THEN true"
        " WHEN NOT pg_input_is_valid({column}::text::{new}::text, {old_name}) THEN true"
        " ELSE {column}::text::{new}::text::{old} IS DISTINCT FROM {column} END"
    ).format(relation=relation, column=column, old=old, new=new, old_name=literal(old), new_name=literal(new))
