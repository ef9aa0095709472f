"""A check of a folder gives the figures of a migration of the same files into empty tables, for any format and type."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataforge.formats.dialect import Csv
from dataforge.tables.catalogue import Source
from dataforge.tables.columns import Double, Integer, Interval, Json, Key, Label, References, Text, Unique
from dataforge.tables.datasets import DATASETS
from dataforge.tables.row import Row
from dataforge.tables.types.arrays import Array
from dataforge.tables.types.floats import DOUBLE
from dataforge.tables.types.numbers import Numeric
from discovery.check.plan import RANGE_BYTES
from tests.postgres.migrate.outcome.offline import checked, migrated

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

EXAMPLES = int(os.environ.get("EXAMPLES", "1"))


class Amount(Row, table="amounts", file="amounts.csv"):
    """Equal numbers are written in several ways."""

    amount: Annotated[Decimal, Numeric(), Key()]
    weight: Double | None = None


class Span(Row, table="spans", file="spans.csv"):
    """A day is 24 hours in comparisons, and stored as it is."""

    span: Annotated[Interval, Key()]
    note: Text | None = None


class Document(Row, table="documents", file="documents.csv", format=Csv(delimiter=";", quote="'")):
    """Documents and arrays are compared by their values."""

    number: Annotated[Integer, Key()]
    content: Json | None = None
    parts: Annotated[tuple[float, ...], Array(DOUBLE)] | None = None


class Event(Row, table="events", file="events.csv", ignore_partitions=("month",)):
    """Copies are stored; a reference is not enforced."""

    source: Annotated[Decimal, Numeric(), References("amounts", enforced=False)] | None = None


class Remark(Row, table="remarks", file="remarks.csv", distinct=True):
    """Identical rows are one row, also with NULL."""

    span: Annotated[Interval, References("spans")] | None = None
    weight: Double | None = None


class Mark(Row, table="marks", file="deep/*/marks", format=Csv(delimiter="|"), distinct=True):
    """Files without an extension, below several folders and in an archive."""

    amount: Annotated[Decimal, Numeric(), References("amounts")] | None = None
    note: Text | None = None


class Node(Row, table="nodes", file="nodes.csv"):
    """Numbers of nodes, each with its parent in the same file, and a further parent that may be missing."""

    node: Annotated[Integer, Key()]
    parent: Annotated[Integer, References("nodes")] | None = None
    other: Annotated[Integer, References("nodes", enforced=False)] | None = None


class Phone(Row, table="phones"):
    """A phone for each place of a record."""

    owner: Annotated[Label, Key()]
    rowid: Annotated[Label, Unique()]


def split(record: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """A row for each of the record's phones."""
    for place in ("home", "work"):
        if place in record:
            yield "phones", {"owner": record.get("owner", ""), "rowid": record[place]}


PHONES = Source("phones.csv", ("owner", "home", "work"), ("phones",), split)


AMOUNTS = ("0", "-0", "1", "1.0", "1.00", "+1", "2.5", "02.50", "", "x")
SPANS = ("24:00:00", "1 day", "P1D", "30 days", "1 mon", "x", "")
DOCUMENTS = ('{"a": 1.0}', '{"a":1.00}', '{"a": 1, "a": 1}', "[]", "", "x")
PARTS = ("{0}", "{-0}", "{1,2}", "{1.0,2}", "{NULL}", "")


def _csv(header: str, rows: list[tuple[str, ...]], delimiter: str = ",", quote: str = '"') -> bytes:
    lines = [
        delimiter.join(f"{quote}{text}{quote}" if delimiter in text else text for text in row) for row in rows
    ]
    return "\n".join([header, *lines, ""]).encode()


def _parquet(rows: list[tuple[str, ...]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"source": pa.array([row[0] or None for row in rows], pa.string())}), sink)
    return sink.getvalue()


def _archive(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as writer:
        for path, body in files.items():
            writer.writestr(path, body)
    return sink.getvalue()


def _json_lines(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    documents = (dict(zip(names, (text or None for text in row), strict=True)) for row in rows)
    return "".join(json.dumps(document) + "\n" for document in documents).encode() or b"\n"


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    """The files of a folder; many of their records break a rule or are equal to others."""

    def rows(*columns: tuple[str, ...]) -> list[tuple[str, ...]]:
        return draw(st.lists(st.tuples(*map(st.sampled_from, columns)), min_size=1, max_size=12))

    numbers = ("1", "02", "+2", "10", "9", "3", "")
    floats, owners = ("0", "-0", "1.50", "1.5", ""), ("a", "b", "")
    return {
        "amounts.csv": _csv("amount,weight", rows(AMOUNTS, floats)),
        "spans.jsonl": _json_lines(("span", "note"), rows(SPANS, ("", "x"))),
        "documents.csv": _csv("number;content;parts", rows(("1", "2"), DOCUMENTS, PARTS), ";", "'"),
        "events/month=1/part-0.parquet": _parquet(rows(AMOUNTS)),
        "events_2.csv": _csv("source", rows(AMOUNTS)),
        "remarks.csv.gz": gzip.compress(_csv("span,weight", rows(SPANS, floats)), 1),
        "nodes.csv": _csv("node,parent,other", rows(numbers, numbers, numbers)),
        "phones.csv": _csv("owner,home,work", rows(owners, ("1", "2"), ("1", "3"))),
        "deep/a/marks": _csv("amount|note", rows(AMOUNTS, ("", "x")), "|"),
        "deep.zip": _archive({"deep/b/marks": _csv("note|amount", rows(("", "x"), AMOUNTS), "|")}),
        "amounts.txt": b"A file that the dataset ignores.",
        "readme.txt": b"Not a table.",
    }


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)
@given(files=folders(), range_bytes=st.sampled_from((RANGE_BYTES, 20, 100)))
def test_check_gives_the_figures_of_a_migration_into_empty_tables(
    declare: Callable[..., Forge], files: dict[str, bytes], range_bytes: int
) -> None:
    models = {model.__name__: model for model in (Amount, Span, Document, Event, Remark, Mark, Node, Phone)}
    forge = declare("mixed", FLAT_FILES=(PHONES,), IGNORE=("amounts.txt",), **models)
    dataset = DATASETS["mixed"]
    forge.database.query(f"TRUNCATE {', '.join(f'mixed.{name}' for name in dataset.tables)}")
    for path, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"mixed/{path}", Body=body)
    run = forge.migration({"dataset": "mixed", "prefix": "mixed/", "quality_threshold": "0"})
    run.run()
    assert checked(dataset, files, range_bytes) == migrated(
        forge, run, forge.read_json(f"runs/{run.id}/report.json")
    )
