"""``dataforge audit``: the beginning of the period, and entries with names that a caller chose."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dataforge.audit.since import parse_since
from dataforge_cli.output.audit import audit_table

NOW = datetime(2026, 11, 25, 20, tzinfo=UTC)
ENTRY: dict[str, Any] = {
    "id": 1,
    "at": "2026-11-25T19:59:31.482113Z",
    "operation": "restore",
    "result": "refused",
    "principal": {"kind": "api_key", "id": "q3v8x1k2m5"},
    "requested_by": None,
    "dataset": None,
    "object": {"method": "POST", "route": "/v1/restores"},
    "error": "WrongKey",
}


def shown(entry: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(audit_table([entry]))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T19:00+02:00", datetime(2026, 11, 25, 17, tzinfo=UTC)),
        ("7w", None),
        ("d", None),
        ("-1d", None),
        ("1e9d", None),
        ("9" * 30 + "d", None),
    ],
)
def test_period_begins_at_a_time_or_a_while_ago(text: str, found: datetime | None) -> None:
    assert parse_since(text, NOW) == found


@given(st.text(max_size=12))
def test_every_text_is_a_time_or_is_not(text: str) -> None:
    found = parse_since(text, NOW)
    assert found is None or found.tzinfo is not None


def test_entry_shows_the_refused_request_and_its_key() -> None:
    line = shown(ENTRY)
    for part in ("2026-11-25 19:59:31", "refused (WrongKey)", "POST /v1/restores", "key q3v8x1k2m5"):
        assert part in line


def test_control_characters_of_a_caller_do_not_reach_the_terminal() -> None:
    stated = {"stated": "ann\x1b[2J\u202e"}
    entry = ENTRY | {"requested_by": stated, "object": {"prefix": "a\x1b]0;b\x07"}, "dataset": "\x1b[1m"}
    assert not {"\x1b", "\x07", "\u202e"} & set(shown(entry))
