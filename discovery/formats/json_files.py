"""JSON Lines: the keys of all objects as columns, and the records as texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dataforge.formats.json_lines import first_record
from dataforge.formats.strict_json import HugeNumber, parse
from dataforge.formats.text_stream import Text, open_text
from dataforge.s3.objects import Object
from discovery.formats.files import Unread

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Path = tuple[str, ...]
"""The keys that lead to a value, the outermost first."""

_HEAD_BYTES = 1 << 16
_LONGEST = 16 << 20
_MOST_KEYS = 50
_DEEPEST = 4
_LONGEST_NUMBER = 40
"""Decimals with more digits before or behind the point are written with an exponent."""


@dataclass
class _Node:
    """The values of one key: their kinds, and the keys of those that are objects."""

    kinds: set[str] = field(default_factory=set)
    keys: dict[str, _Node] = field(default_factory=dict)

    def add(self, value: Any, depth: int = 0) -> None:
        """Record a value."""
        self.kinds.add(_kind(value))
        if isinstance(value, dict) and depth < _DEEPEST and len(self.keys) <= _MOST_KEYS:
            for key, inner in value.items():
                self.keys.setdefault(key, _Node()).add(inner, depth + 1)

    @property
    def is_object(self) -> bool:
        """Whether all values are objects whose keys are names: few, the same ones, and without a point."""
        named = 0 < len(self.keys) <= _MOST_KEYS and not any("." in key or not key for key in self.keys)
        return named and self.kinds <= {"object", "null"}

    def columns(self, path: Path) -> Iterator[tuple[Path, frozenset[str]]]:
        """The columns at and below a path, with the kinds of their values."""
        if path and not (self.is_object and len(path) <= _DEEPEST):
            yield path, frozenset(self.kinds)
            return
        for key, node in self.keys.items():
            yield from node.columns((*path, key))


def start_of(s3: S3Client, file: Object) -> int:
    """The offset of the first line. Raises ``NotJsonLines``."""
    with open_text(s3, file) as text:
        head = text.read(_HEAD_BYTES)
    return first_record(file.key, head, whole=len(head) < _HEAD_BYTES)


def json_columns(s3: S3Client, file: Object, start: int, *, whole: bool) -> Mapping[Path, frozenset[str]]:
    """The columns of the objects in the order in which they occur first: of all lines, or of the first ones."""
    root, read = _Node(), 0
    with open_text(s3, file, start) as text:
        for line in _lines(text):
            read += len(line)
            if not whole and read > _HEAD_BYTES and root.keys:
                break
            for key, value in (_object(line) or {}).items():
                root.keys.setdefault(key, _Node()).add(value)
    found = dict(root.columns(()))
    headers = Counter(map(".".join, found))
    # A key with a point may be the path of another one: the object of the latter is one column.
    outer = {path[0] for path in found if headers[".".join(path)] > 1 and len(path) > 1}
    return {path: kinds for path, kinds in found.items() if path[0] not in outer} | {
        (key,): frozenset(root.keys[key].kinds) for key in outer
    }


def json_records(
    s3: S3Client, file: Object, start: int, paths: tuple[Path, ...]
) -> Iterator[tuple[str | None, ...] | Unread]:
    """The records: a text for each path, or why a line cannot be read."""
    first = {path[0] for path in paths}
    with open_text(s3, file, start) as text:
        for number, line in enumerate(_lines(text), 1):
            if not line.strip():
                continue
            found = _object(line)
            if found is None:
                yield Unread(number, "the line is not a JSON object")
            elif unknown := found.keys() - first:
                yield Unread(number, f"the first records have no key {min(unknown)}")
            else:
                yield tuple(_text(_at(found, path)) for path in paths)


def _at(document: dict[str, Any], path: Path) -> Any:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _lines(text: Text) -> Iterator[bytes]:
    left = b""
    while piece := text.read(_HEAD_BYTES):
        *lines, left = (left + piece).split(b"\n")
        yield from lines
        if len(left) > _LONGEST:
            yield left
            return
    if left:
        yield left


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = parse(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return (
            "array" if not all(isinstance(item, str) for item in value) else "strings" if value else "empty"
        )
    return "number"


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}" if abs(value.adjusted()) <= _LONGEST_NUMBER else str(value)
    if isinstance(value, HugeNumber):
        return value.text
    return json.dumps(value, ensure_ascii=False, default=_number)


def _number(value: Any) -> Any:
    """A number inside an array or an object, as JSON writes it."""
    return float(value) if isinstance(value, Decimal) else value.text
