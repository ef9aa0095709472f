"""``dataforge ingest``: send the records of a file to the API."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dataforge.defaults import BATCH_RECORDS
from dataforge.tables.datasets import DEFAULT, get_dataset
from dataforge_cli.aws.api import find_api
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import CommandError
from dataforge_cli.options import Dataset, Debug, Json, OutputsFile, Stage
from dataforge_cli.output.bars import SendingBar
from dataforge_cli.output.tables import fates
from dataforge_cli.records.ingest import Ingestion, Order, Tally
from dataforge_cli.records.sources import Form, RejectedFile, Source, beside, find_source

SHOWN = 5
"""Number of unreadable records whose reason is printed."""


class Mode(StrEnum):
    """The modes of a batch."""

    partial = "partial"
    atomic = "atomic"
    dry_run = "dry_run"


class OnConflict(StrEnum):
    """The treatment of a record whose key exists with other values."""

    reject = "reject"
    update = "update"
    ignore = "ignore"


def ingest(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="Read records from this JSON Lines, CSV (`*.csv`) or Parquet (`*.parquet`) file, also gzip or zstd;"
            " - is standard input.",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            show_default=False,
            help="Store all records in this table. Required for CSV and Parquet files whose name is not in the catalogue.",
        ),
    ] = None,
    dataset: Dataset = DEFAULT,
    mode: Annotated[
        Mode,
        typer.Option(
            help="Store the valid records of each batch (partial), all or none (atomic), or none (dry_run)."
        ),
    ] = Mode.partial,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="Reject, update or ignore a record whose key exists with other values.")
    ] = OnConflict.reject,
    batch: Annotated[
        int, typer.Option(metavar="N", min=1, max=BATCH_RECORDS, help="Send this many records per batch.")
    ] = BATCH_RECORDS,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write rejected records to this file. Default: FILE.rejected.jsonl",
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", show_default=False, help="Set the format. Default: by the file's name."),
    ] = None,
    allow_http: Annotated[
        bool,
        typer.Option(
            "--allow-http", help="Send the API key over http:// to another machine, where others can read it."
        ),
    ] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Send the records of a file to the API, in batches.

    A line of JSON Lines is {"table": "...", "data": {...}}, or with --table the data alone. CSV and Parquet are read
    as by migrations, in the format that the dataset declares for the file: dialect, headers and formats of values.
    Unanswered batches are sent again with the same Idempotency-Key, so no record is stored twice. Sending a file
    again leaves stored records unchanged.

    The API key is DATAFORGE_API_KEY, else that of the embedded cloud. With DATAFORGE_API_URL no stack is needed.
    The key is sent over https:// only, except to this machine.

    Exit codes: 0 all records stored, 1 some records rejected or no answer, 2 invalid call.

    **Examples**

    ```
    dataforge ingest orders.jsonl
    dataforge ingest customers.csv --table customers --on-conflict update
    dataforge ingest orders.rejected.jsonl --rejected still-rejected.jsonl
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        known = get_dataset(dataset)
        order = Order(known.name, mode.value, on_conflict.value)
        source = find_source(file, form, known, table)
        with RejectedFile(rejected or beside(file), file) as kept:
            api = find_api(call, allow_http=allow_http)
            tally = _send(call, source, Ingestion(api, order, kept.write), batch)
        _tell_unreadable(call, tally)
        document = {"status": "rejected" if tally.rejected else "done", **tally.document()}
        document["rejected_file"] = str(kept.path) if kept.written else None
        call.screen.answer(document, fates(tally.counts, len(tally.unreadable), tally.codes))
        if kept.written:
            call.screen.say(f"Rejected records are in {kept.path}. Correct them, and send that file.")
        if tally.rejected:
            raise typer.Exit(1)


def _send(call: Call, source: Source, ingestion: Ingestion, batch: int) -> Tally:
    """Send all records. Errors state how many records were answered."""
    try:
        with source.records() as records, SendingBar(call.screen, source.size) as bar:
            for tally in ingestion.send(records, batch):
                bar.show(tally)
            bar.finish()
    except CommandError:
        if ingestion.tally.batches:
            call.screen.warn(
                f"{ingestion.tally.read:,} records had been answered. Sending the whole file again is harmless."
            )
        raise
    return ingestion.tally


def _tell_unreadable(call: Call, tally: Tally) -> None:
    for reason in tally.unreadable[:SHOWN]:
        call.screen.warn(f"No record: {reason}")
    if more := len(tally.unreadable[SHOWN:]):
        call.screen.warn(f"No record: {more:,} more.")
