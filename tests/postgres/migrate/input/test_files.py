"""Source files that a migration accepts, and those that it refuses with an error that names the cause."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import (
    DataForgeError,
    DuplicateColumn,
    InvalidInput,
    MissingColumn,
    MissingFile,
    NoFiles,
    UnknownColumn,
    UnknownDataset,
    UnknownTable,
    UnsupportedFormat,
    WrongEncoding,
    WrongHeader,
)
from functions.migrate.lifecycle.order import MigrationInput

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
SELLERS = b"seller_id,seller_zip_code_prefix,seller_city,seller_state\n"
A, B = "a" * 32, "b" * 32
ROWS = [f"({A},01037,rio,RJ)", f'({B},04101,"são paulo",SP)']
ONE = f"{A},01037,rio,RJ".encode()
TWO = f'{B},04101,"são paulo",SP'.encode()
PLAIN = SELLERS + ONE + b"\n" + TWO + b"\n"
QUOTED = b'"seller_id","seller_zip_code_prefix","seller_city","seller_state"\n'
REORDERED = (
    f"seller_state,seller_city,seller_id,seller_zip_code_prefix\nRJ,rio,{A},01037\nSP,são paulo,{B},04101"
)


FORMS = {
    "plain": PLAIN,
    "mark": codecs.BOM_UTF8 + PLAIN,
    "crlf": PLAIN.replace(b"\n", b"\r\n"),
    "quoted header": QUOTED + ONE + b"\n" + TWO,
    "all at once": codecs.BOM_UTF8 + (QUOTED + ONE + b"\n" + TWO).replace(b"\n", b"\r\n"),
    "blanks in the header": SELLERS.replace(b",", b" , ") + ONE + b"\n" + TWO,
    "other order": REORDERED.encode(),
    "empty lines": SELLERS + b"\n\n" + ONE + b"\n\r\n\n" + TWO + b"\n\n",
    "no last line end": PLAIN[:-1],
    "carriage return at the end": PLAIN[:-1] + b"\r",
    "quoted fields": SELLERS + b'"' + ONE.replace(b",", b'","') + b'"\n' + TWO,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
def test_csv_variants_are_loaded(used_forge: Forge, form: str, chunk_bytes: int) -> None:
    used_forge.put(sellers=FORMS[form])
    counts = used_forge.migrate(chunk_bytes, tables=["sellers"])["sellers"]
    assert (counts["read"], counts["loaded"] + counts["unchanged"]) == (2, 2)
    assert used_forge.rows("sellers") == ROWS


@pytest.mark.parametrize("body", [SELLERS, SELLERS[:-1], SELLERS + b"\n\r\n"])
def test_file_without_records_loads_no_row(used_forge: Forge, body: bytes) -> None:
    used_forge.put(sellers=body)
    assert used_forge.migrate(tables=["sellers"])["sellers"] == {
        "read": 0,
        "loaded": 0,
        "unchanged": 0,
        "deduplicated": 0,
        "rejected": 0,
        "updated": 0,
        "quality": 1.0,
    }


LATIN = "seller_id,seller_zip_code_prefix,seller_cidad\xe3o,seller_state\n".encode("latin-1")


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (PLAIN.replace(b"seller_city", b"city"), MissingColumn, ["seller_city", "'city'"]),
        (PLAIN.replace(b",seller_city", b""), MissingColumn, ["seller_city"]),
        (SELLERS[:-1] + b",note\n", UnknownColumn, ["'note'"]),
        (SELLERS[:-1] + b",\n", UnknownColumn, ["''"]),
        (SELLERS[:-1] + b",seller_city\n", DuplicateColumn, ["seller_city"]),
        (b"", MissingColumn, ["empty", "seller_id", "seller_state"]),
        (codecs.BOM_UTF8, MissingColumn, ["seller_id"]),
        (b"\n" + PLAIN, MissingColumn, ["seller_id"]),
        (PLAIN.decode().encode("utf-16"), WrongEncoding, ["UTF-16"]),
        (codecs.BOM_UTF16_BE + PLAIN.decode().encode("utf-16-be"), WrongEncoding, ["UTF-16"]),
        (PLAIN.decode().encode("utf-32"), WrongEncoding, ["UTF-32"]),
        (LATIN, WrongEncoding, ["not UTF-8"]),
        (b'seller"id,x\n', WrongHeader, ["quote"]),
        (PLAIN.replace(b"\n", b"\r"), WrongHeader, ["CR"]),
        (PLAIN.split(b"\n", 1)[1], MissingColumn, ["seller_id", "may be a record"]),
        (PLAIN.upper(), MissingColumn, ["seller_id", "Found instead: 'SELLER_ID'"]),
        (PLAIN.replace(b",", b";"), WrongHeader, ["separated by ';'", "'seller_id'", "commas"]),
        (
            PLAIN.replace(b",", b"\t"),
            WrongHeader,
            ["separated by tabs", "'seller_id'", "format=Csv(delimiter='\\t')"],
        ),
        (PLAIN.replace(b",", b"|"), WrongHeader, ["separated by '|'", "'seller_city'"]),
        (b'"seller_id";"seller_city"\r\n', WrongHeader, ["separated by ';'", "'seller_city'"]),
        (b"id;zip;city, town\n", MissingColumn, ["seller_id"]),
        (b"id;zip;city;state\n", WrongHeader, ["separated by ';'"]),
        (b"PK\x03\x04 a zip, not a csv", UnsupportedFormat, ["zip"]),
        (b"PAR1\x15\x04", UnsupportedFormat, ["Parquet"]),
        (gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0), UnsupportedFormat, ["gzip inside gzip"]),
    ],
)
def test_header_that_differs_from_table_is_refused(
    used_forge: Forge, body: bytes, error: type[DataForgeError], words: list[str]
) -> None:
    used_forge.put(sellers=body)
    run = used_forge.migration({"tables": ["sellers"]})
    with pytest.raises(error) as raised:
        run.run()
    assert type(raised.value) is error
    assert all(word in str(raised.value) for word in ["olist/olist_sellers_dataset.csv", *words])
    assert run.failure == {"error": error.code, "cause": str(raised.value)}


def test_records_beside_bare_carriage_return_are_rejected_for_any_chunk_size(
    used_forge: Forge,
) -> None:
    lines = [f"{n:032x},01037,são {n},SP" for n in range(9)]
    header = SELLERS.decode()[:-1]
    body = header + "\n" + lines[0] + "\r" + lines[1] + "\n\r" + lines[2] + "\r\n\r"
    body += f"{lines[3][:-3]}\rSP\n" + lines[4] + "\n" + header + "\r\n\ufeff" + lines[5] + "\r"
    used_forge.put(sellers=body.encode())
    reasons = set()
    for size in (64, 65, 66, 71, 97, 1 << 20):
        used_forge.database.query("TRUNCATE dataforge.rejections")
        counts = used_forge.migrate(tables=["sellers"], quality_threshold=0, chunk_bytes=size)["sellers"]
        assert (counts["read"], counts["rejected"]) == (8, 7)
        reasons.add(tuple(used_forge.rejections("offset", "line", "codes")))
    [found] = reasons
    assert [codes for *_, codes in sorted(found)] == ["carriage_return"] * 5 + [
        "repeated_header",
        "byte_order_mark",
    ]


def test_long_city_is_loaded_unless_it_exceeds_index_limit(
    used_forge: Forge, make_csv: Callable[..., bytes]
) -> None:
    random = Random(5)
    # Random text: PostgreSQL would compress regular text until it fits.
    fitting, too_long = ("".join(chr(random.randint(0xA1, 0x2FF)) for _ in range(n)) for n in (1300, 1301))
    used_forge.put(
        geolocations=make_csv("geolocations", *({"geolocation_city": c} for c in (fitting, too_long))),
        sellers=make_csv("sellers", {"seller_id": 99, "seller_city": too_long * 30}),
    )
    found = used_forge.migrate(tables=["geolocations", "sellers"], quality_threshold=0)
    assert {name: (t["loaded"], t["rejected"]) for name, t in found.items()} == {
        "geolocations": (1, 1),
        "sellers": (1, 0),
    }
    assert ("geolocations", "too_many_bytes") in used_forge.rejections("table", "codes")
    [(stored,)] = used_forge.database.query("SELECT geolocation_city FROM olist.geolocations")
    assert stored == fitting


def test_missing_file_is_named_with_its_table(used_forge: Forge) -> None:
    used_forge.put(sellers=PLAIN)
    with pytest.raises(MissingFile, match=r"orders \(expected olist_orders_dataset\.csv\)") as raised:
        used_forge.migrate(tables=["sellers", "orders"])
    assert "sellers" not in str(raised.value)


def test_prefix_without_files_is_named_with_its_bucket(used_forge: Forge) -> None:
    used_forge.put("elsewhere/", sellers=PLAIN)
    used_forge.s3.put_object(Bucket="raw", Key="nothing/", Body=b"")
    with pytest.raises(NoFiles, match=r"'nothing/' in bucket 'raw'"):
        used_forge.migrate(prefix="nothing/")


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        ({"dataset": "nowhere"}, UnknownDataset, ["'nowhere'", "olist", "quotes"]),
        ({"tables": ["sellers", "ordrs"]}, UnknownTable, ["'ordrs'", "orders"]),
        ({"tabels": ["orders"]}, InvalidInput, ["tabels", "quality_threshold"]),
        ({"tables": []}, InvalidInput, ["tables"]),
        ({"tables": "orders"}, InvalidInput, ["tables"]),
        ({"quality_threshold": 1.01}, InvalidInput, ["quality_threshold"]),
        ({"quality_threshold": -0.01}, InvalidInput, ["quality_threshold"]),
        ({"quality_threshold": "high"}, InvalidInput, ["quality_threshold"]),
        ({"quality_threshold": float("nan")}, InvalidInput, ["quality_threshold"]),
        ([1], InvalidInput, ["input"]),
        ("olist", InvalidInput, ["input"]),
    ],
)
def test_invalid_input_is_refused_naming_field(
    used_forge: Forge, document: Any, error: type[DataForgeError], words: list[str]
) -> None:
    run = used_forge.migration(document)
    with pytest.raises(error) as raised:
        run.run()
    assert all(word in str(raised.value) for word in words)
    assert used_forge.database.query("SELECT * FROM dataforge.leases") == []


@pytest.mark.parametrize("threshold", [0, 1, 0.5, "0.95"])
def test_threshold_from_0_to_1_is_accepted(threshold: Any) -> None:
    assert MigrationInput.read({"quality_threshold": threshold}).quality_threshold == Decimal(str(threshold))


def test_failed_plan_creates_no_shadow(forge: Forge) -> None:
    forge.put(sellers=b"wrong\n")
    with pytest.raises(MissingColumn):
        forge.migrate(tables=["sellers"])
    assert forge.database.query("SELECT * FROM dataforge.leases") == []
    assert forge.database.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%'") == []
    [(status, error)] = forge.database.query("SELECT status, error FROM dataforge.migrations")
    assert (status, error) == ("failed", "MissingColumn")
