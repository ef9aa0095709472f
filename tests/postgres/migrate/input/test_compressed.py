"""Compressed files have the same result as uncompressed ones; positions are those of the decompressed text."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from dataforge.errors import DamagedFile, DataForgeError, MissingColumn, RecordTooLong
from dataforge.formats import csv_objects, csv_stream
from local.generate import generate

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

KEY = "olist/olist_customers_dataset.csv"
Compress = Callable[[bytes], bytes]


def gzipped(text: bytes) -> bytes:
    """Two members, as ``cat a.gz b.gz`` makes them."""
    return gzip.compress(text[:1000]) + gzip.compress(text[1000:])


def zstd(text: bytes) -> bytes:
    """Two frames."""
    return b"".join(pa.compress(part, "zstd", asbytes=True) for part in (text[:1000], text[1000:]))


ENDINGS: dict[str, Compress] = {".gz": gzipped, ".zst": zstd}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("piece", [100, 1 << 20])
def test_compressed_dataset_gives_same_result_as_uncompressed(
    forge: Forge,
    another_forge: Callable[[], Forge],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    piece: int,
) -> None:
    generate(tmp_path, orders=14, seed=3, dirty=0.6)
    for file in tmp_path.glob("*.csv"):
        forge.s3.put_object(Bucket="raw", Key=f"plain/{file.name}", Body=file.read_bytes())
        body = ENDINGS[ending](file.read_bytes())
        forge.s3.put_object(Bucket="raw", Key=f"packed/{file.name}{ending}", Body=body)
    monkeypatch.setattr(csv_objects, "BUFFER", piece)
    plain = another_forge()
    whole = plain.migrate(prefix="plain/", quality_threshold=0)
    assert forge.migrate(prefix="packed/", quality_threshold=0) == whole
    assert all(forge.rows(table) == plain.rows(table) for table in whole)
    places = ("table", "line", "offset", "raw", "errors")
    assert forge.rejections(*places) == plain.rejections(*places)
    assert {file for (file,) in forge.rejections("file")} == {
        f"{file.replace('plain/', 'packed/')}{ending}" for (file,) in plain.rejections("file")
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_truncated_file_is_refused(forge: Forge, make_csv: Callable[..., bytes], ending: str) -> None:
    body = make_csv("customers", *({"customer_id": n} for n in range(5000)))
    forge.s3.put_object(Bucket="raw", Key=KEY + ending, Body=ENDINGS[ending](body)[:-200])
    with pytest.raises(DamagedFile, match=rf"{KEY}{ending} is not a complete"):
        forge.migrate(tables=["customers"])
    assert forge.rows("customers") == []
    assert forge.rejections("raw") == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("body", "error"), [(b"", DataForgeError), (b"no compressed file", MissingColumn), (None, MissingColumn)]
)
def test_compressed_file_without_csv_is_refused(
    used_forge: Forge, ending: str, body: bytes | None, error: type[DataForgeError]
) -> None:
    packed = ENDINGS[ending](b"some,other\nfile,here\n") if body is None else body
    used_forge.s3.put_object(Bucket="raw", Key=KEY + ending, Body=packed)
    with pytest.raises(error, match=KEY):
        used_forge.migrate(tables=["customers"])


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_compression_is_detected_from_content_not_name(
    used_forge: Forge, make_csv: Callable[..., bytes], ending: str, packing: str
) -> None:
    rows = ({"customer_id": n} for n in range(60))
    body = make_csv("customers", *rows, {"customer_id": "x"})
    packed = {"plain": body, "gzip": gzipped(body), "zstd": zstd(body)}[packing]
    used_forge.database.query("DELETE FROM dataforge.rejections")
    used_forge.s3.put_object(Bucket="raw", Key=KEY + ending, Body=packed)
    counts = used_forge.migrate(256, tables=["customers"], quality_threshold=0)["customers"]
    assert (counts["read"], counts["rejected"]) == (61, 1)
    assert used_forge.rejections("file", "line") == [(KEY + ending, 62)]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_unclosed_quote_is_refused_within_record_limit(
    used_forge: Forge, make_csv: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(csv_objects, "READ_AT_ONCE", 1000)
    monkeypatch.setattr(csv_stream, "RECORD_LIMIT", 1000)
    monkeypatch.setattr(csv_objects, "BUFFER", 500)
    body = make_csv("customers", {"customer_id": 1}, {"customer_id": 2}) + b'"' + b"x\n" * 2000
    used_forge.s3.put_object(Bucket="raw", Key=KEY + ending, Body=gzip.compress(body) if ending else body)
    with pytest.raises(RecordTooLong, match="the record in line 4"):
        used_forge.migrate(tables=["customers"])
