"""The state machine's input, and the order of a new run that it describes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from dataforge.defaults import MOST_TABLES, QUALITY_THRESHOLD
from dataforge.errors import InvalidInput, NoSuchRun, UnknownTable
from dataforge.runs.inputs import Input
from dataforge.s3.keys import raw_prefix
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import NO_NUL
from dataforge.tables.datasets import DEFAULT, get_dataset
from functions.migrate.run.migration import Name, Replay

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL)]


class MigrationInput(Input):
    """The input of the state machine; every field is optional.

    ``prefix``: a folder of the raw bucket, with or without a trailing slash. Default: the dataset's name.
    ``ignore``: patterns of files below the prefix that the run does not read (``dataforge.files.listing``).
    ``on_conflict``: how to treat a row whose key is stored with other values.
    ``resume``: the id of a run that failed or was stopped, or ``latest``. That run's dataset, prefix, tables and ``ignore``
    apply, not those of the input.
    ``replay``: the records are rejections, as stored or, with a ``prefix``, as corrected in the JSON Lines below it. Their
    dataset and tables apply, and the default threshold is 0.
    """

    dataset: Name = DEFAULT
    prefix: str = Field(default="", max_length=900, pattern=NO_NUL)
    quality_threshold: Decimal = Field(default=QUALITY_THRESHOLD, ge=0, le=1, decimal_places=9)
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    on_conflict: Literal["reject", "update"] = "reject"
    ignore: list[Pattern] = Field(default=[], max_length=100)
    resume: str = Field(default="", max_length=100, pattern=NO_NUL)
    replay: Replay | None = None

    @property
    def given_threshold(self) -> Decimal | None:
        """The quality threshold if the input specifies one."""
        return self.quality_threshold if "quality_threshold" in self.model_fields_set else None


@dataclass(frozen=True)
class Order:
    """The work of a new run. The tables are in catalogue order, ``prefix`` ends with a slash."""

    dataset: Dataset
    tables: list[str]
    prefix: str
    threshold: Decimal


def read_order(cursor: Cursor, request: MigrationInput) -> Order:
    """The order that the input describes. Raises ``InvalidInput`` and its subclasses."""
    if request.replay:
        return _replay_order(cursor, request.replay, request)
    dataset = get_dataset(request.dataset)
    chosen = {dataset.table(name).name for name in request.tables or dataset.tables}
    prefix = raw_prefix(request.prefix or dataset.name)
    return Order(dataset, [n for n in dataset.tables if n in chosen], prefix, request.quality_threshold)


def _replay_order(cursor: Cursor, replay: Replay, request: MigrationInput) -> Order:
    if request.tables or request.ignore:
        raise InvalidInput(
            '"tables" and "ignore" cannot be combined with "replay".', hint='Specify "table" inside "replay".'
        )
    name, rejecting = (_tables_of_migration if replay.migration_id else _tables_of_batch)(cursor, replay)
    dataset = get_dataset(name)
    chosen = _replayed_tables(dataset, replay, rejecting) if replay.table else rejecting
    tables = [name for name in dataset.tables if name in chosen]
    if not tables:
        raise InvalidInput(
            f"{replay} has no rejection of a table of {name!r}, so there is nothing to replay."
        )
    prefix = raw_prefix(request.prefix) if request.prefix else ""
    return Order(dataset, tables, prefix, request.given_threshold or Decimal(0))


def _replayed_tables(dataset: Dataset, replay: Replay, rejecting: set[str]) -> set[str]:
    """The replay's table, with the tables that its flat file also fills: one record has rows of several tables."""
    if dataset.table(replay.table).name not in rejecting:
        raise UnknownTable(f"{replay}", replay.table, sorted(rejecting))
    together = {t for s in dataset.sources if replay.table in s.tables for t in s.tables}
    return rejecting & (together | {replay.table})


def _tables_of_migration(cursor: Cursor, replay: Replay) -> tuple[str, set[str]]:
    cursor.execute(
        "SELECT dataset, tables FROM dataforge.migrations WHERE migration_id = %s", (replay.migration_id,)
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"migration {replay.migration_id!r}")
    return row[0], set(row[1])


def _tables_of_batch(cursor: Cursor, replay: Replay) -> tuple[str, set[str]]:
    cursor.execute(
        'SELECT dataset, array_agg(DISTINCT "table") FROM dataforge.rejections WHERE batch_id = %s GROUP BY dataset',
        (replay.batch_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"batch {replay.batch_id!r} that rejected a record")
    return row[0], set(row[1])
