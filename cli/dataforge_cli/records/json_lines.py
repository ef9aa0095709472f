"""Records read from JSON Lines, each as the very text that will be sent: no number is read and written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_SPACE = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_VALUE = json.JSONDecoder(parse_constant=_refuse)


@dataclass(frozen=True)
class Sent:
    """A record in the form of the API: its table, and its data as JSON. ``line`` counts from 1, ``size`` is in bytes."""

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
    """What stands in the file and is no record; ``kept`` is the line in which it can be corrected and sent again."""

    line: int
    kept: bytes
    reason: str
    size: int
    code: str = "unreadable"


Read = Sent | Unreadable


def read_jsonl(stream: IO[bytes], table: str | None) -> Iterator[Read]:
    """Records from JSON Lines (UTF-8, a BOM is let pass): ``{"table", "data"}``, or with ``table`` the bare data.

    ``errors``, which a file of rejected records has beside these two, is passed over. Empty lines are no records.
    """
    for number, line in enumerate(stream, 1):
        raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not raw.strip():
            continue
        try:
            yield Sent(number, *_record(raw.decode().strip(), table), len(line))
        except (ValueError, RecursionError) as error:
            yield Unreadable(number, raw.rstrip(b"\r\n"), _reason(error), len(line))


def _record(text: str, table: str | None) -> tuple[str, str]:
    """The record's table and data. Raises ``ValueError``."""
    members = split_object(text)
    if members.keys() - {"errors"} == {"table", "data"}:
        name = json.loads(members["table"])
        if isinstance(name, str) and members["data"].startswith("{"):
            return name, members["data"]
    if table is None:
        raise ValueError(
            'expected {"table": "...", "data": {...}}; --table lets each line be the data itself'
        )
    return table, text


def split_object(text: str) -> dict[str, str]:
    """The members of the JSON object ``text``: name -> the value's own text. Raises ``ValueError``."""
    if not text.startswith("{"):
        raise ValueError("not a JSON object")
    members: dict[str, str] = {}
    place = _skip(text, 1)
    while text[place : place + 1] != "}":
        name, place = _VALUE.raw_decode(text, place)
        if not isinstance(name, str) or name in members:
            raise ValueError(
                f"the name {name!r} stands there twice" if name in members else "a member has no name"
            )
        place = _skip(text, place)
        if text[place : place + 1] != ":":
            raise ValueError(f"expected ':' (column {place + 1})")
        start = _skip(text, place + 1)
        _, end = _VALUE.raw_decode(text, start)
        members[name] = text[start:end]
        place = _next(text, _skip(text, end))
    if _skip(text, place + 1) != len(text):
        raise ValueError("something follows the object")
    return members


def _next(text: str, place: int) -> int:
    """From behind a member to the next one's name, or to the end of the object."""
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
