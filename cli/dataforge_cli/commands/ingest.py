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
"""Of what could not be read; the rest is counted."""


class Mode(StrEnum):
    """What is stored of a batch."""

    partial = "partial"
    atomic = "atomic"
    dry_run = "dry_run"


class OnConflict(StrEnum):
    """What becomes of a key that is stored with other values."""

    reject = "reject"
    update = "update"
    ignore = "ignore"


def ingest(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="JSON Lines, CSV or Parquet (by its name: `*.csv`, `*.parquet`), also compressed by gzip or zstd;"
            " - is standard input.",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            show_default=False,
            help="Table of all records. CSV and Parquet need it, unless the catalogue knows the file's name.",
        ),
    ] = None,
    dataset: Dataset = DEFAULT,
    mode: Annotated[
        Mode,
        typer.Option(help="partial stores the good records of a batch; atomic all or none; dry_run none."),
    ] = Mode.partial,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="What to do where a key is stored with other values.")
    ] = OnConflict.reject,
    batch: Annotated[
        int, typer.Option(metavar="N", min=1, max=BATCH_RECORDS, help="Records in a batch.")
    ] = BATCH_RECORDS,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write rejected records here, to be corrected and sent again. Default: FILE.rejected.jsonl",
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", show_default=False, help="What the file is, where its name does not say."),
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Send the records of a file to the API, in batches.

    A line of JSON is {"table": "...", "data": {...}}, or with --table the data alone. CSV and Parquet are read as migrations
    read them: a CSV has a header, and an empty field is left out. What is not answered is sent again under the same
    Idempotency-Key, so nothing is stored twice. Sending a whole file again is harmless too: what is stored is unchanged.

    The key is DATAFORGE_API_KEY, else the embedded cloud's; DATAFORGE_API_URL sends to an API without looking for its stack.

    Exit code 0: every record is in. 1: some were rejected (see the file), or the API gave no answer. 2: the call was wrong.

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
            tally = _send(call, source, Ingestion(find_api(call), order, kept.write), batch)
        _tell_unreadable(call, tally)
        document = {"status": "rejected" if tally.rejected else "done", **tally.document()}
        document["rejected_file"] = str(kept.path) if kept.written else None
        call.screen.answer(document, fates(tally.counts, len(tally.unreadable), tally.codes))
        if kept.written:
            call.screen.say(f"What was rejected is in {kept.path}. Correct it there, and send that file.")
        if tally.rejected:
            raise typer.Exit(1)


def _send(call: Call, source: Source, ingestion: Ingestion, batch: int) -> Tally:
    """Send everything. Whatever ends it before says how far it came."""
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
