"""JSON documents that are not JSON Lines: where their records are, and the command that writes these as JSON Lines."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Any

from dataforge.files.names import is_json_lines, without_compression
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object
from discovery.formats.unsuitable import NotATable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEAD = 1 << 16
_LARGEST = 16 << 20
"""A larger document is not parsed: its beginning shows whether it is an array."""
_WRAPPERS = frozenset(
    [
        "data",
        "results",
        "result",
        "records",
        "rows",
        "items",
        "features",
        "entries",
        "value",
        "values",
        "hits",
    ]
)
_NAMES = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def refuse_json_document(s3: S3Client, file: Object) -> None:
    """Raise ``NotATable`` with a command if the file is an array, or one object whose values are the records."""
    with open_text(s3, file) as text:
        start = text.read(_HEAD)
        if _are_lines(start):
            return
        start += text.read(_LARGEST)
        whole = not text.read(1)
    start = start.removeprefix(b"\xef\xbb\xbf").strip()
    if start.startswith(b"["):
        inner = start[1:].lstrip()
        raise NotATable(f"{file.key} is one JSON array, not JSON Lines.", hint=_array(file.key, inner))
    found = _parsed(start) if whole and start.startswith(b"{") else None
    one_line = b"\n" not in start
    if one_line and (is_json_lines(without_compression(file.key)) or not _is_wrapper(found)):
        # The object is a record.
        return
    if isinstance(found, dict) and (hint := _records(file.key, found)):
        raise NotATable(f"{file.key} is one JSON document, not JSON Lines.", hint=hint)


def _are_lines(head: bytes) -> bool:
    """Whether the first of several lines is an object."""
    first, _, rest = head.lstrip().partition(b"\n")
    return bool(rest.strip()) and first.startswith(b"{") and _parsed(first) is not None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _array(key: str, inner: bytes) -> str:
    if not inner.startswith(b"{"):
        program = ".[] | @csv" if inner.startswith(b"[") else "@csv"
        return f"Write one line for each: jq -r '{program}' {quote(key)} > {quote(_renamed(key, 'csv'))}"
    return _jq(key, ".[]")


def _records(key: str, document: dict[str, Any]) -> str:
    """The commands for an object that has arrays of objects, or an object for each record or column; or empty."""
    lists = [name for name, value in document.items() if _are_objects(value)]
    if lists:
        return " and ".join(_jq(key, f"{_step(name)}[]", name if len(lists) > 1 else "") for name in lists)
    values = list(document.values())
    if len(values) < 2 or not all(isinstance(value, dict) and value for value in values):
        return ""
    if any(value.keys() != values[0].keys() for value in values):
        return ""
    if all(name.isdecimal() for name in values[0]):
        columns = (
            "[to_entries[] | .key as $c | .value | to_entries[] | {key, c: $c, value}] | group_by(.key)[]"
        )
        return _jq(key, f"{columns} | map({{(.c): .value}}) | add")
    return _jq(key, "to_entries[] | {key} + .value")


def _is_wrapper(document: Any) -> bool:
    """Whether an object is an answer of an API with its records, and not itself a record that has others."""
    if not isinstance(document, dict):
        return False
    lists = {name for name, value in document.items() if _are_objects(value)}
    wraps = bool(lists & _WRAPPERS) and "id" not in document
    return wraps or len(lists) == len(document) or all(isinstance(value, dict) for value in document.values())


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _step(name: str) -> str:
    return f".{name}" if _NAMES.fullmatch(name) else f".[{json.dumps(name)}]"


def _jq(key: str, program: str, name: str = "") -> str:
    target = _renamed(key, "jsonl", name)
    return f"Write one object per line: jq -c {quote(program)} {quote(key)} > {quote(target)}"


def _renamed(key: str, ending: str, name: str = "") -> str:
    stem = PurePosixPath(key).with_suffix("")
    plain = re.sub(r"[^\w-]+", "_", name)
    target = f"{stem}_{plain}.{ending}" if plain else f"{stem}.{ending}"
    return f"{stem}_rows.{ending}" if target == key else target
