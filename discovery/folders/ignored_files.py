"""The files that a migration would take for a table's files, and that the draft does not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.files.listing import list_files
from dataforge.formats.archives import stored_archive
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset, Source
from discovery.drafts import TableDraft

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def ignored_files(s3: S3Client, objects: Sequence[Object], tables: Sequence[TableDraft]) -> tuple[str, ...]:
    """Names of files that no table reads, and that resemble those of one: they would fail a run unless it ignores them."""
    sources = tuple(map(_source, tables))
    stored = {item.key: item for item in objects}
    names = [table.name for table in tables]
    listing = list_files(
        Dataset("draft", "", {}, sources),
        names,
        stored,
        archives=lambda path: stored_archive(s3, stored[path]),
    )
    read = {path for table in tables for path in table.paths}
    found = (*(path for path, _ in listing.taken), *listing.doubtful)
    return tuple(path.replace("[", "?").replace("]", "?") for path in found if path not in read)


def _source(table: TableDraft) -> Source:
    columns = tuple(column.name for column in table.columns)
    return Source(table.file, columns, (table.name,), ignored_partitions=table.ignored_partitions)
