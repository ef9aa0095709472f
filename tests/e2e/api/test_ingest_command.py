"""`dataforge ingest` and `dataforge keys` against the deployed API."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from dataforge.tables.datasets import get_dataset
from dataforge.tables.examples import example_row
from dataforge_cli.main import app
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


OLIST = get_dataset("olist")
Command = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def dataforge(cloud: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in a separate folder; return its exit code and its document."""
    found = tmp_path / "outputs.json"
    found.write_text(json.dumps(cloud))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, given: str = "", **environment: str) -> tuple[int, dict[str, Any]]:
        target = () if "DATAFORGE_API_URL" in environment else ("--outputs", str(found))
        done = CliRunner().invoke(app, [*target, *words, "--json"], input=given, env=environment)
        return done.exit_code, json.loads(done.stdout)

    return run


def customers(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Write a file of unique records."""
    data = example_row(OLIST, OLIST.table("customers"))
    return [
        {"table": "customers", "data": {**data, "customer_id": secrets.token_hex(16), **changes}}
        for _ in range(count)
    ]


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def stored(db: Connection, records: list[dict[str, Any]]) -> int:
    with db.cursor() as cursor:
        ids = [record["data"]["customer_id"] for record in records]
        cursor.execute("SELECT count(*) FROM olist.customers WHERE customer_id = ANY (%s)", (ids,))
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def test_rejected_records_are_corrected_and_sent_again(
    dataforge: Command, superuser: Connection, tmp_path: Path
) -> None:
    good, bad = customers(25), customers(3, customer_state="none")
    code, answer = dataforge("ingest", write(tmp_path / "all.jsonl", good + bad), "--batch", "10")
    assert (code, answer["status"], answer["batches"]) == (1, "rejected", 3)
    assert (answer["counts"]["inserted"], answer["counts"]["rejected"]) == (25, 3)
    assert answer["codes"] == {"string_pattern_mismatch": 3}
    kept = tmp_path / "all.rejected.jsonl"
    assert answer["rejected_file"] == str(kept)
    kept.write_text(kept.read_text().replace('"none"', '"RJ"'))
    code, answer = dataforge("ingest", str(kept))
    assert (code, answer["status"], answer["counts"]["inserted"], answer["rejected_file"]) == (
        0,
        "done",
        3,
        None,
    )
    assert stored(superuser, good + bad) == 28


def test_uncorrected_rejected_file_is_rejected_again_for_the_same_reasons(
    dataforge: Command, tmp_path: Path
) -> None:
    dataforge("ingest", write(tmp_path / "bad.jsonl", customers(2, customer_state="none")))
    code, answer = dataforge("ingest", str(tmp_path / "bad.rejected.jsonl"), "--rejected", "again.jsonl")
    assert (code, answer["counts"]["rejected"]) == (1, 2)
    assert (tmp_path / "again.jsonl").read_text() == (tmp_path / "bad.rejected.jsonl").read_text()


def test_second_ingestion_of_a_file_changes_nothing(dataforge: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "twice.jsonl", customers(12))
    assert dataforge("ingest", path)[1]["counts"]["inserted"] == 12
    code, answer = dataforge("ingest", path)
    assert (code, answer["counts"]["unchanged"]) == (0, 12)


def test_csv_and_standard_input_are_ingested(
    dataforge: Command, superuser: Connection, tmp_path: Path
) -> None:
    records = customers(4)
    columns = list(records[0]["data"])
    lines = [",".join(columns), *(",".join(record["data"][c] for c in columns) for record in records)]
    (tmp_path / "some.csv").write_text("\r\n".join(lines) + "\r\n")
    assert dataforge("ingest", "some.csv", "--table", "customers")[0] == 0
    assert stored(superuser, records) == 4
    bare = customers(2)
    piped = "\n".join(json.dumps(record["data"]) for record in bare)
    assert dataforge("ingest", "-", "--table", "customers", given=piped)[0] == 0
    assert stored(superuser, bare) == 2


def test_dry_run_stores_nothing(dataforge: Command, superuser: Connection, tmp_path: Path) -> None:
    records = customers(3)
    code, answer = dataforge("ingest", write(tmp_path / "dry.jsonl", records), "--mode", "dry_run")
    assert (code, answer["counts"]["valid"], stored(superuser, records)) == (0, 3, 0)


def test_key_and_address_suffice_without_a_deployment(
    dataforge: Command, cloud: Outputs, superuser: Connection, tmp_path: Path
) -> None:
    code, made = dataforge("keys", "create", "--kind", "writer", "--name", "shop")
    assert (code, made["kind"], made["name"]) == (0, "writer", "shop")
    assert made["value"].startswith("writer.")
    records = customers(1)
    path = write(tmp_path / "one.jsonl", records)
    alone = {"DATAFORGE_API_URL": cloud["api_url"], "DATAFORGE_API_KEY": made["value"]}
    assert dataforge("ingest", path, **alone)[0] == 0
    assert stored(superuser, records) == 1
    listed = dataforge("keys", "list")[1]["keys"]
    assert made["id"] in {key["id"] for key in listed}
    assert made["value"] not in json.dumps(listed)
    assert dataforge("keys", "revoke", "shop")[0] == 0
    code, answer = dataforge("ingest", path, **alone)
    assert (code, answer["error"]) == (1, "WrongKey")
    assert dataforge("keys", "revoke", "shop")[0] == 2


def test_reader_key_is_refused(dataforge: Command, cloud: Outputs, tmp_path: Path) -> None:
    path = write(tmp_path / "one.jsonl", customers(1))
    code, answer = dataforge("ingest", path, DATAFORGE_API_KEY=cloud["reader_key"])
    assert (code, answer["error"]) == (1, "WrongKey")


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "no-such-file.jsonl"),
        ("ingest", "-", "--dataset", "nothing"),
        ("ingest", "-", "--table", "nothing"),
        ("ingest", "-", "--format", "csv"),
        ("keys", "create"),
        ("keys", "revoke"),
        ("keys", "revoke", "nobody"),
        ("keys", "list", "--kind", "reader"),
    ],
)
def test_usage_errors_exit_2(dataforge: Command, words: tuple[str, ...]) -> None:
    code, answer = dataforge(*words)
    assert (code, answer["status"]) == (2, "failed")
