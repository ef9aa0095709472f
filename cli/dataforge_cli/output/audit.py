"""The table of ``dataforge audit``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dataforge.visible import visible_line

_RED = {"failed", "refused"}


def audit_table(entries: Iterable[Mapping[str, Any]]) -> Table:
    """Return the entries. Names that callers chose are shown without control characters."""
    names = ("at", "operation", "result", "dataset", "about", "principal", "stated requester")
    table = Table(*names, box=SIMPLE_HEAD, pad_edge=False)
    for entry in entries:
        result = f"{entry['result']} ({entry['error']})" if entry["error"] else entry["result"]
        table.add_row(
            f"{entry['at'][:10]} {entry['at'][11:19]}",
            Text(visible_line(entry["operation"])),
            Text(visible_line(result), style="red" if entry["result"] in _RED else ""),
            Text(visible_line(entry["dataset"] or "")),
            Text(visible_line(_about(entry["object"]))),
            Text(visible_line(_principal(entry["principal"]))),
            Text(visible_line((entry["requested_by"] or {}).get("stated", ""))),
        )
    return table


def _principal(principal: Mapping[str, str]) -> str:
    """The kind and the last part of an ARN; the whole is in the JSON."""
    kind = {"api_key": "key"}.get(principal["kind"], principal["kind"])
    return f"{kind} {principal['id'].rpartition(':')[2]}"


def _about(about: Mapping[str, Any]) -> str:
    """The tables, or the id, of an operation."""
    if "table_count" in about:
        return f"{about['table_count']} tables"
    if "tables" in about:
        return ", ".join(map(str, about["tables"]))
    if "route" in about:
        return f"{about.get('method', '')} {about['route']}"
    return ", ".join(f"{name} {value}" for name, value in about.items() if isinstance(value, str | int))
