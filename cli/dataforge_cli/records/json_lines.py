"""Records read from JSON Lines. Each is sent as the text of the file, so that numbers are not reformatted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge_cli.records.declared import Declared

_SPACE = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_VALUE = json.JSONDecoder(parse_constant=_refuse)


@dataclass(frozen=True)
class Sent:
    """A record for the API: its table, and its data as JSON. ``line`` counts from 1, ``size`` is in bytes."""

    line: int
    table: str
    data: str
    size: int

    @property
    def text(self) -> str:
        """The record as JSON."""
        return f'{{"table":{json.dumps(self.table)},"data":{self.data}}}'


@dataclass(frozen=True)
class Unreadable:
    """A part of the file that is not a record; ``kept`` is the line to correct and send again."""

    line: int
    kept: bytes
    reason: str
    size: int
    code: str = "unreadable"


Read = Sent | Unreadable


def read_jsonl(stream: IO[bytes], table: str | None, declared: Declared | None = None) -> Iterator[Read]:
    """Yield records from JSON Lines (UTF-8 with an optional BOM): ``{"table", "data"}``, or with ``table`` the data alone.

    The member ``errors`` of rejected records and empty lines are ignored. ``declared``: the file of the table, whose headers
    and formats apply to the data alone.
    """
    for number, line in enumerate(stream, 1):
        raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not raw.strip():
            continue
        try:
            yield Sent(number, *_record(raw.decode().strip(), table, declared), len(line))
        except (ValueError, RecursionError) as error:
            yield Unreadable(number, raw.rstrip(b"\r\n"), _reason(error), len(line))


def _record(text: str, table: str | None, declared: Declared | None) -> tuple[str, str]:
    """Return the record's table and data. Raises ``ValueError``."""
    members = split_object(text)
    if members.keys() - {"errors"} == {"table", "data"}:
        name = json.loads(members["table"])
        if isinstance(name, str) and members["data"].startswith("{"):
            return name, members["data"]
    if table is None:
        raise ValueError('expected {"table": "...", "data": {...}}; with --table, the data alone')
    if declared is None:
        return table, text
    by_column = declared.members(members)
    if by_column == members:
        return table, text
    return table, "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in by_column.items()) + "}"


def split_object(text: str) -> dict[str, str]:
    """Return the members of a JSON object: name -> text of the value. Raises ``ValueError``."""
    if not text.startswith("{"):
        raise ValueError("not a JSON object")
    members: dict[str, str] = {}
    place = _skip(text, 1)
    while text[place : place + 1] != "}":
        name, place = _VALUE.raw_decode(text, place)
        if not isinstance(name, str) or name in members:
            raise ValueError(
                f"the name {name!r} is a duplicate" if name in members else "a member has no name"
            )
        place = _skip(text, place)
        if text[place : place + 1] != ":":
            raise ValueError(f"expected ':' (column {place + 1})")
        start = _skip(text, place + 1)
        _, end = _VALUE.raw_decode(text, start)
        members[name] = text[start:end]
        place = _next(text, _skip(text, end))
    if _skip(text, place + 1) != len(text):
        raise ValueError("text after the object")
    return members


def _next(text: str, place: int) -> int:
    """Return the position of the next member's name, or of the end of the object."""
    if text[place : place + 1] == "}":
        return place
    following = _skip(text, place + 1)
    if text[place : place + 1] != "," or text[following : following + 1] == "}":
        raise ValueError(f"expected ',' or '}}' (column {place + 1})")
    return following


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8 (byte {error.start + 1} of the line)"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return str(error) if isinstance(error, ValueError) else "nested too deeply"
