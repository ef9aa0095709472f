"""Print the tables of docs/scale.md: `python -m bench.scale`. With `--write` they replace those of the page."""

import sys

from bench.scale.tables import limits, one_day, plans, replays, sources
from bench.scale.weekly_tables import locks, weeks
from local.config import ROOT

PAGE = ROOT / "docs" / "scale.md"


def write(tables: list[str]) -> None:
    """Replace each table of the page that has the head of one of these tables, and its first row's name."""
    parts = PAGE.read_text().rstrip("\n").split("\n\n")
    new = {_name(table): table for table in tables}
    PAGE.write_text("\n\n".join(new.get(_name(part), part) for part in parts) + "\n")


def _name(table: str) -> tuple[str, ...]:
    head, *rows = table.splitlines()
    return (head, *(row.split("|")[1] for row in rows[1:2] if "|" in row))


TABLES = [plans(), limits(), one_day(), sources(), replays(), weeks(), locks()]
if "--write" in sys.argv:
    write(TABLES)
else:
    print("\n\n".join(TABLES))
