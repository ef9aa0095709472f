"""Every file below a prefix is read, listed as ignored, or refused with an error that names it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge.errors import ArchivedFile, ColumnInFolder, InvalidInput, MissingFile, UnexpectedFiles
from dataforge.runs.lifecycle import close_run
from dataforge.tables.columns import Integer, Key, Label
from dataforge.tables.row import Row
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.report.report import fitting_keys
from local.config import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.migrate.conftest import Forge

STEM = "product_category_name_translation"
HEADER = b"product_category_name,product_category_name_english\n"
CASES = ROOT.parent / "shared" / "data" / "cases" / "files-passed-over"


def put(forge: Forge, prefix: str = "olist/", /, **bodies: bytes) -> None:
    for key, body in bodies.items():
        forge.s3.put_object(Bucket="raw", Key=prefix + key, Body=body)


def translations(forge: Forge, *paths: str) -> list[str]:
    """Put a file with one distinct row at each path; the names of the rows."""
    for path in paths:
        put(forge, **{path: HEADER + f"{len(path)}_{path[-9:]},x\n".encode()})
    return [f"{len(path)}_{path[-9:]}" for path in paths]


def run(forge: Forge, **document: Any) -> dict[str, Any]:
    return forge.migration({"tables": ["category_translations"], **document}).run()


def test_files_of_no_table_are_listed_in_output_and_report(used_forge: Forge) -> None:
    translations(used_forge, f"{STEM}.csv", f"{STEM}_summary.csv")
    put(
        used_forge,
        **{"README.md": b"about", f"{STEM}/_SUCCESS": b"", "olist_orders_dataset.csv": b"", f"{STEM}/": b""},
    )
    output = run(used_forge)
    names = ["README.md", "olist_orders_dataset.csv", f"{STEM}/_SUCCESS", f"{STEM}_summary.csv"]
    assert output["ignored_files"] == [f"olist/{name}" for name in names]
    assert output["ignored_count"] == 4
    report = used_forge.read_json(f"runs/{output['migration_id']}/report.json")
    assert report["ignored_files"] == output["ignored_files"]
    assert report["ignored_reasons"]["olist/olist_orders_dataset.csv"] == (
        "a file of orders, which this run does not migrate"
    )
    page = used_forge.s3.get_object(Bucket="report", Key=f"runs/{output['migration_id']}/report.html")
    html = page["Body"].read().decode()
    assert all(f"olist/{name}" in html for name in names)


def test_run_that_reads_all_files_lists_no_ignored_file(used_forge: Forge) -> None:
    translations(used_forge, f"{STEM}.csv", f"{STEM}_2.csv", f"{STEM}-3.csv", f"{STEM}/any name.csv")
    output = run(used_forge)
    assert (output["ignored_files"], output["ignored_count"]) == ([], 0)
    assert output["tables"][0]["read"] == 4


RESEMBLING = [
    f"{STEM}_2.CSV",
    f"{STEM} (1).csv",
    f"{STEM}.csv.lz4",
    f"{STEM}.csv.GZ",
    f"{STEM.title()}.csv",
    f"{STEM}/part-00000",
    f"{STEM}/part-0.csv.lz4",
    f"{STEM}/year=2024/part-1.csv",
    f"{STEM}/2024/part-1.csv",
    f"{STEM}/_temporary/0/part-1.csv",
    f"2024/{STEM}.csv",
    "category_translations.csv",
]


@pytest.mark.parametrize("path", RESEMBLING)
def test_file_that_resembles_table_file_fails_run(used_forge: Forge, path: str) -> None:
    translations(used_forge, f"{STEM}.csv", path)
    with pytest.raises(UnexpectedFiles, match="--ignore") as raised:
        run(used_forge)
    assert list(raised.value.files) == [f"olist/{path}"]
    assert f"olist/{path}: " in str(raised.value)


def test_files_matching_ignore_patterns_are_listed_and_not_read(used_forge: Forge) -> None:
    translations(used_forge, f"{STEM}.csv", *RESEMBLING)
    output = run(
        used_forge, ignore=["2024/", "*/part-*", *RESEMBLING[:3], "olist/?ategory_*", "*.GZ", "Prod*"]
    )
    assert sorted(output["ignored_files"]) == sorted(f"olist/{path}" for path in RESEMBLING)
    assert output["tables"][0]["read"] == 1


def test_misspelled_file_is_reported_before_missing_file(used_forge: Forge) -> None:
    translations(used_forge, f"{STEM.upper()}.csv")
    with pytest.raises(UnexpectedFiles, match=STEM.upper()):
        run(used_forge)
    with pytest.raises(MissingFile, match=rf"{STEM}\.csv"):
        run(used_forge, ignore=["*"])


def test_object_with_content_and_folder_key_is_reported(used_forge: Forge) -> None:
    translations(used_forge, f"{STEM}.csv", f"{STEM}/")
    with pytest.raises(UnexpectedFiles, match=f"{STEM}/: "):
        run(used_forge)


@pytest.mark.parametrize("ignore", [[""], ["x" * 1001], "*.txt", [1]])
def test_invalid_patterns_are_refused(used_forge: Forge, ignore: Any) -> None:
    with pytest.raises(InvalidInput, match="ignore"):
        run(used_forge, ignore=ignore)


@pytest.mark.skipif(not CASES.exists(), reason="needs ../shared/data/cases")
def test_run_fails_naming_each_unexpected_file(used_forge: Forge) -> None:
    files = [path for path in sorted(CASES.rglob("*")) if path.is_file()]
    for path in files:
        put(used_forge, **{path.relative_to(CASES).as_posix(): path.read_bytes()})
    with pytest.raises(UnexpectedFiles) as raised:
        run(used_forge)
    names = {f"olist/{path.relative_to(CASES).as_posix()}" for path in files}
    read = {f"olist/{STEM}/{name}" for name in ("part-0.csv", "part-00001-abc.csv.bz2")}
    assert set(raised.value.files) == names - read


def test_archived_object_is_named(used_forge: Forge) -> None:
    key = f"olist/{STEM}.csv"
    used_forge.s3.put_object(Bucket="raw", Key=key, Body=HEADER, StorageClass="GLACIER")
    with pytest.raises(ArchivedFile, match=rf"{key} is archived"):
        run(used_forge)


def test_output_lists_ignored_files_up_to_its_limit() -> None:
    keys = ["é" * 500] * 100
    assert 10 < len(fitting_keys(keys)) < 100
    assert len(json.dumps(fitting_keys(keys))) < 70_000
    assert fitting_keys(keys[:5]) == keys[:5]


class Visit(Row, table="visits", file="visits.csv", ignore_partitions=("run",)):
    """A visit; the year is in the names of folders."""

    visit: Annotated[Integer, Key()]
    year: Integer
    city: Label | None = None


@pytest.fixture
def visits(declare: Callable[..., Forge]) -> Forge:
    """A database that also has the dataset ``trips``."""
    return declare("trips", Visit=Visit)


def parquet(**columns: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_columns_are_filled_from_folder_names(visits: Forge) -> None:
    files = {
        "visits/run=7/year=2023/city=S%C3%A3o/x.csv": b"visit\n1\n" + b"2\n" * 40,
        "visits/year=2024/city=__HIVE_DEFAULT_PARTITION__/x.csv": b'visit\n3\n"4"\n',
        "visits/year=2025/part-0.parquet": parquet(visit=[5, 6], city=["Rio", None]),
        "visits_2.csv": b"city,year,visit\nOslo,2026,7\n",
    }
    put(visits, "trips/", **files)
    for chunk_bytes in (64, 1 << 20):
        run = visits.migration({"dataset": "trips"}, chunk_bytes).run()
        assert run["tables"][0]["rejected"] == 0
        assert visits.rows("visits", "trips") == [
            *("(1,2023,São)", "(2,2023,São)", "(3,2024,)", "(4,2024,)"),
            *("(5,2025,Rio)", "(6,2025,)", "(7,2026,Oslo)"),
        ]


def test_records_with_invalid_folder_value_are_rejected_and_replayed(visits: Forge) -> None:
    put(
        visits,
        "trips/",
        **{"visits/year=soon/x.csv": b"visit,city\n1,\n", "visits/year=1/x.csv": b"visit,city\nx,\n"},
    )
    put(visits, "trips/", **{"visits/year=2/x.parquet": parquet(visit=["y"], city=["Rio"])})
    run = visits.migration({"dataset": "trips", "quality_threshold": 0})
    run.run()
    assert [(file[-12:], raw) for file, raw in visits.rejections("file", "raw")] == [
        ("year=1/x.csv", "x,"),
        ("=2/x.parquet", '{"city": "Rio", "visit": "y"}'),
        ("r=soon/x.csv", "1,"),
    ]
    numbers = visits.database.query("SELECT id FROM dataforge.rejections ORDER BY file")
    fixed = ["5,", {"visit": 6}, {"visit": 7, "year": 3}]
    lines = [json.dumps({"id": number, "raw": raw}) for (number,), raw in zip(numbers, fixed, strict=True)]
    put(visits, "fixes/", **{"x.jsonl": "\n".join(lines).encode()})
    visits.migrate(prefix="fixes", replay={"migration_id": run.id})
    assert visits.rows("visits", "trips") == ["(5,1,)", "(6,2,)", "(7,3,)"]


def test_column_in_both_file_and_folder_is_refused(visits: Forge) -> None:
    put(visits, "trips/", **{"visits/year=2024/x.csv": b"visit,year\n1,2023\n"})
    with pytest.raises(ColumnInFolder, match=r"year=2024/x\.csv: the column\(s\) year"):
        visits.migrate(dataset="trips")
    put(visits, "trips/", **{"visits/year=2024/x.csv": b"visit,city\n1,\n", "visits/month=1/x.csv": b""})
    with pytest.raises(UnexpectedFiles, match=r"ignore_partitions=\('month',\)"):
        visits.migrate(dataset="trips")


def test_ignore_patterns_apply_to_resumed_run(visits: Forge) -> None:
    put(visits, "trips/", **{"visits.csv": b"visit,year,city\n1,1,\n2,2,\n", "Visits.csv": b""})
    first = visits.migration({"dataset": "trips", "ignore": ["Visits.csv"]})
    first.until("settle")
    close_run(first.control, MIGRATIONS, first.execution, "aborted")
    output = visits.migration({"dataset": "trips", "resume": first.id}).run()
    assert output["ignored_files"] == ["trips/Visits.csv"]
    assert output["tables"][0]["loaded"] == 2
