"""A backup's tables as external tables of a Glue database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import awswrangler as wr
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from dataforge.aws.clients import WORKER
from dataforge.backups.manifest import Manifest, TableEntry
from dataforge.errors import Unavailable
from dataforge.s3.keys import table_folder
from dataforge.settings import GlueSettings
from dataforge.tables.column_types import BIGINT, BOOLEAN, DOUBLE, INTEGER, TEXT, TIMESTAMP, storage_type

_ATHENA = {
    TEXT: "string",
    INTEGER: "int",
    BIGINT: "bigint",
    DOUBLE: "double",
    TIMESTAMP: "timestamp",
    BOOLEAN: "boolean",
}

# awswrangler makes clients of its own.
wr.config.botocore_config = WORKER

_PASSING = ("ThrottlingException", "OperationTimeoutException", "ConcurrentModificationException")
"""Glue answers 400 to these too, and it is nobody's mistake."""


def athena_type(sql: str) -> str:
    """Athena's type of a column whose ``sql`` type stands in a manifest: what its files are read as, exactly."""
    kind = storage_type(sql)
    return kind.sql.replace("numeric", "decimal") if kind.name == "numeric" else _ATHENA[kind]


def register_tables(settings: GlueSettings, backup: Manifest) -> None:
    """Let each table of the backup's dataset that is in it have its columns, and lie where its files are.

    A table is created or replaced by one call, so a query reads one backup's files or the other's; tables follow one
    another, and each names its backup. One that has a newer backup is left alone, and a safety backup, which may be
    verified too, is for none: it is removed one day. Repeating it is harmless. Raises ``Unavailable``.
    """
    if backup.kind != "backup":
        return
    database = f"{settings.glue_database}_{backup.dataset}"
    for entry in backup.tables:
        with _translated(entry.table):
            if _registered(database, entry.table) <= backup.backup_id:
                _register(settings, database, backup, entry)


def _registered(database: str, table: str) -> str:
    """The backup that Glue has the table of; "" if none."""
    try:
        return wr.catalog.get_table_parameters(database, table).get("backup_id", "")
    except KeyError:
        # A table that somebody made by hand need not have parameters.
        return ""
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return ""


def _register(settings: GlueSettings, database: str, backup: Manifest, entry: TableEntry) -> None:
    facts = {
        "backup_id": backup.backup_id,
        "created_at": backup.created_at.isoformat(),
        "content_hash": entry.content_hash,
        # Athena's planner, and others, look for this name.
        "numRows": str(entry.rows),
    }
    wr.catalog.create_parquet_table(
        database=database,
        table=entry.table,
        path=f"s3://{settings.backup_bucket}/{backup.folder}{table_folder(entry.table)}",
        columns_types={column.name: athena_type(column.type) for column in entry.columns},
        compression="zstd",
        description=f"{backup.dataset}.{entry.table} as of {backup.created_at:%Y-%m-%d %H:%M:%S} UTC",
        parameters=facts,
        mode="overwrite",
    )


@contextmanager
def _translated(table: str) -> Iterator[None]:
    """Glue's passing failures as ``Unavailable``; awswrangler has tried five times by then."""
    try:
        yield
    except (HTTPClientError, NotConnected) as error:
        raise Unavailable(f"Glue did not answer a request for the table {table}.") from error
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"Glue could not process the table {table}: {code}.") from error
        raise
