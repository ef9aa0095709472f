"""A file that must be read in one piece is refused by the plan if it is too large, and stopped before Lambda stops it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from dataforge.defaults import BY_COLUMNS_MEGABYTES, BY_RECORDS_MEGABYTES
from dataforge.errors import PieceTooLarge, ReadTimeout
from dataforge.s3.objects import Object
from functions.migrate.load.load import load_chunk
from functions.migrate.plan.piece_limit import refuse_large_piece, zstd_size
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tests.postgres.migrate.conftest import Forge


def stored(s3: S3Client, body: bytes) -> Object:
    etag = s3.put_object(Bucket="raw", Key="olist/file", Body=body)["ETag"].strip('"')
    return Object("raw", "olist/file", etag, len(body))


@pytest.mark.parametrize(
    ("by_columns", "limit"), [(True, BY_COLUMNS_MEGABYTES << 20), (False, BY_RECORDS_MEGABYTES << 20)]
)
def test_stored_size_is_limited(s3: S3Client, by_columns: bool, limit: int) -> None:
    refuse_large_piece(s3, Object("raw", "olist/file", "1", limit), "", by_columns=by_columns)
    with pytest.raises(PieceTooLarge, match=rf"olist/file has .* of at most {limit >> 20:,} MiB"):
        refuse_large_piece(s3, Object("raw", "olist/file", "1", limit + 1), "", by_columns=by_columns)


def test_size_that_a_gzip_file_states_is_limited(s3: S3Client) -> None:
    body = gzip.compress(b"a,b\n")
    refuse_large_piece(s3, stored(s3, body), "gzip", by_columns=False)
    large = (BY_RECORDS_MEGABYTES << 20) + 1
    with pytest.raises(PieceTooLarge, match="Divide the file"):
        refuse_large_piece(s3, stored(s3, body[:-4] + large.to_bytes(4, "little")), "gzip", by_columns=False)


@pytest.mark.parametrize("size", [0, 10, 255, 256, 300, 70_000, 1 << 20])
def test_size_that_a_zstd_frame_states_is_read(size: int) -> None:
    assert zstd_size(bytes(pa.compress(b"a" * size, "zstd", asbytes=True))) == size
    assert zstd_size(b"\x28\xb5") == 0


def test_load_that_comes_near_the_time_limit_fails_and_stores_nothing(
    forge: Forge, make_csv: Callable[..., bytes]
) -> None:
    forge.put(customers=make_csv("customers", {"customer_id": 1}))
    run = forge.migration({"tables": ["customers"]}).until("load")
    (item,) = map(LoadItem.model_validate, run.items["load"])
    with pytest.raises(ReadTimeout, match="customers"):
        load_chunk(run.worker, forge.s3, run.settings, item, lambda: 29.0)
    assert forge.database.query(
        "SELECT count(*) FROM dataforge.migration_chunks WHERE result IS NOT NULL"
    ) == [(0,)]
    assert load_chunk(run.worker, forge.s3, run.settings, item)["customers"].read == 1
