"""Register the tables of a backup as external tables of a Glue database."""

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
from dataforge.tables.types.registry import column_type

# awswrangler creates its own clients.
wr.config.botocore_config = WORKER

_TEMPORARY = ("ThrottlingException", "OperationTimeoutException", "ConcurrentModificationException")
"""Temporary errors for which Glue returns status 400."""


def athena_type(sql: str) -> str:
    """Athena's type for a column with the PostgreSQL type ``sql`` of a manifest. It preserves every value."""
    return column_type(sql).athena


def register_tables(settings: GlueSettings, backup: Manifest) -> None:
    """Register each table of the backup with its columns and the location of its files.

    A table is created or replaced by one call, so a query reads the files of one backup. Tables are replaced one after
    the other, and each states its backup. A table with a newer backup is unchanged. Safety backups are not registered,
    because they expire. Repeating it is harmless. Raises ``Unavailable``.
    """
    if backup.kind != "backup":
        return
    database = f"{settings.glue_database}_{backup.dataset.lower()}"
    for entry in backup.tables:
        with _translated(entry.table):
            if _registered(database, entry.table) <= backup.backup_id:
                _register(settings, database, backup, entry)


def _registered(database: str, table: str) -> str:
    """The id of the backup that is registered for the table, or ""."""
    try:
        return wr.catalog.get_table_parameters(database, table).get("backup_id", "")
    except KeyError:
        # A table that was created manually may have no parameters.
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
        # Athena's planner and other tools read this name.
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
    """Raise ``Unavailable`` for temporary failures of Glue, after awswrangler's five attempts."""
    try:
        yield
    except (HTTPClientError, NotConnected) as error:
        raise Unavailable(f"Glue did not answer a request for the table {table}.") from error
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"Glue could not process the table {table}: {code}.") from error
        raise
