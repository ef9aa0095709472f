"""List backups, newest first, page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter

from dataforge.api.backups import MOST_LISTED
from dataforge.api.body import Body, DatasetName, PageCursor, read_query
from dataforge.backups import listing
from dataforge.backups.signatures import Verifier
from dataforge.http.cursors import CursorKeys, make_cursor, read_cursor
from dataforge.key_limits import KeyLimits
from dataforge.tables.columns import Ordinal
from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_POSITION = TypeAdapter(tuple[str, str])
"""The location of a backup."""


class BackupQuery(Body):
    """The parameters of a listing."""

    dataset: DatasetName | None = None
    limit: Annotated[Ordinal, Field(le=MOST_LISTED)] = MOST_LISTED
    cursor: PageCursor | None = None


def list_backups(
    s3: S3Client, verifier: Verifier, keys: CursorKeys, limits: KeyLimits, parameters: Mapping[str, str]
) -> str:
    """One page as JSON: ``{"data": [...], "next_cursor": ...}``, of the backups whose tables are all within ``limits``.

    Raises ``OutsideLimits``, ``InvalidRequest``, ``Unavailable``.
    """
    if (named := parameters.get("dataset")) is not None:
        limits.require(named)
    query = read_query(BackupQuery, parameters)
    scope = ["backups", query.dataset, *limits.texts()]
    after = None if query.cursor is None else read_cursor(keys, scope, query.cursor, _POSITION)
    datasets = list(filter(limits.allows, DATASETS)) if query.dataset is None else [query.dataset]
    where = [p for p in listing.find_locations(s3, verifier.bucket, datasets) if after is None or p < after]
    read = listing.summaries(s3, verifier.bucket, where, verifier)
    permitted = (found for found in read if limits.allows_all(found.dataset, found.tables))
    found = list(islice(permitted, query.limit + 1))
    page = found[: query.limit]
    more = len(found) > len(page)
    following = make_cursor(keys, scope, [page[-1].id, page[-1].dataset]) if more else None
    return json.dumps(
        {"data": [backup.document() for backup in page], "next_cursor": following}, ensure_ascii=False
    )
