"""`dataforge migrate` and `dataforge status` on the embedded cloud."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from local.aws import ClientSettings
from local.config import Config
from local.generate import Expected, generate
from local.outputs import Outputs

ORDERS, DIRTY = 120, 0.03
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
Dataforge = Callable[..., Result]


@pytest.fixture(scope="module")
def dataforge(cloud: Outputs, cloud_config: Config) -> Dataforge:
    """Call the command line on the shared cloud."""
    return lambda *words: CliRunner().invoke(app, ["--outputs", str(cloud_config.outputs), *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("olist")


@pytest.fixture(scope="module")
def expected(folder: Path) -> Expected:
    return generate(folder, ORDERS, 11, DIRTY)


@pytest.fixture(scope="module")
def first(empty_olist: Callable[[], None], dataforge: Dataforge, folder: Path, expected: Expected) -> Result:
    """The first migration of the folder, into empty tables."""
    empty_olist()
    return dataforge("migrate", str(folder), "--threshold", "0.5", "--json")


def counts(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {t["table"]: {name: t[name] for name in COUNTS} for t in document["tables"]}


def test_migration_of_a_folder_counts_every_record(first: Result, expected: Expected) -> None:
    assert first.exit_code == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["status"] == "published"
    assert document["execution"].startswith("arn:")
    for name, wanted in expected.tables.items():
        found = counts(document)[name]
        assert found["unchanged"] == 0
        for count in ("read", "loaded", "deduplicated", "rejected"):
            assert found[count] == getattr(wanted, count), (name, count)


def test_stderr_has_target_upload_progress_and_table_while_stdout_has_json(first: Result) -> None:
    words = (
        "Target: the embedded cloud",
        "olist_orders_dataset.csv",
        "9 file(s) sent",
        "loading",
        "deduplicated",
    )
    for word in words:
        assert word in first.stderr


def test_second_migration_of_a_folder_uploads_and_changes_nothing(
    first: Result, dataforge: Dataforge, folder: Path
) -> None:
    again = dataforge("migrate", str(folder), "--threshold", "0.5", "--json")
    assert again.exit_code == 0, again.stderr
    assert "0 file(s) sent, 9 already stored" in again.stderr
    before = counts(json.loads(first.stdout))
    for name, found in counts(json.loads(again.stdout)).items():
        assert found == before[name] | {"loaded": 0, "unchanged": before[name]["loaded"]}


@pytest.mark.slow
def test_file_that_is_uploaded_again_unchanged_is_not_loaded(
    first: Result, dataforge: Dataforge, cloud: Outputs, aws: ClientSettings
) -> None:
    s3, key = boto3.client("s3", **aws), "again/product_category_name_translation.csv"
    body = b"product_category_name,product_category_name_english\nnova,new\n"
    answers = []
    for _ in range(3):
        s3.put_object(Bucket=cloud["raw_bucket"], Key=key, Body=body)
        result = dataforge("migrate", "--prefix", "again/", "--tables", "category_translations", "--json")
        answers.append(json.loads(result.stdout))
    # The first run inserts the row, the second compares it.
    assert [answer["known_tables"] for answer in answers] == [[], [], ["category_translations"]]
    shown = dataforge("status", answers[2]["migration_id"])
    assert "Not loaded, because their files and rows are those of the last run" in shown.stdout


def test_status_finds_a_run_by_arn_name_and_migration_id(first: Result, dataforge: Dataforge) -> None:
    document = json.loads(first.stdout)
    # Only the command that uploaded the folder reports its other files; the run has no information about them.
    assert document.pop("not_sent") == {"expected.json": "no table has a file of this name"}
    name = document["execution"].rpartition(":")[2]
    for word in (name, document["execution"], document["migration_id"]):
        result = dataforge("status", word, "--json")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout) == document


def test_status_without_a_name_shows_the_newest_run(first: Result, dataforge: Dataforge) -> None:
    newest = dataforge("migrate", "--tables", "sellers", "--threshold", "0.5", "--json")
    shown = dataforge("status", "--json")
    assert json.loads(shown.stdout) == {**json.loads(newest.stdout), "running": []}
    assert [t["table"] for t in json.loads(shown.stdout)["tables"]] == ["sellers"]


def test_table_is_printed_on_stdout_without_json(
    first: Result, dataforge: Dataforge, expected: Expected
) -> None:
    result = dataforge("status", json.loads(first.stdout)["migration_id"])
    assert result.exit_code == 0
    sellers = next(line.split() for line in result.stdout.splitlines() if line.strip().startswith("sellers"))
    assert sellers[1:3] == [f"{expected.tables['sellers'].read:,}", f"{expected.tables['sellers'].loaded:,}"]
    assert "report.json" in result.stdout


def test_page_of_a_report_is_saved(first: Result, dataforge: Dataforge, tmp_path: Path) -> None:
    migration, page = json.loads(first.stdout)["migration_id"], tmp_path / "report.html"
    result = dataforge("status", migration, "--html", str(page))
    assert (result.exit_code, f"Wrote {page}" in result.stdout) == (0, True)
    assert migration in page.read_text()


def test_page_in_a_missing_folder_is_refused(dataforge: Dataforge, tmp_path: Path) -> None:
    result = dataforge("status", "--html", str(tmp_path / "none" / "report.html"))
    assert result.exit_code == 2
    assert "There is no folder" in result.stderr


def test_folder_with_missing_files_is_migrated_only_with_tables_present(
    dataforge: Dataforge, folder: Path, expected: Expected, tmp_path: Path
) -> None:
    shutil.copy(folder / "olist_sellers_dataset.csv", tmp_path)
    words = ("migrate", str(tmp_path), "--prefix", "incomplete", "--threshold", "0")
    asked = dataforge(*words, "--tables", "sellers,customers")
    assert asked.exit_code == 2
    assert "customers (expected olist_customers_dataset.csv)" in asked.stderr
    assert "--tables present (sellers)" in asked.stderr
    present = dataforge(*words, "--tables", "present", "--ignore", "*.bak", "--json")
    assert present.exit_code == 0, present.stderr
    document = json.loads(present.stdout)
    assert ([t["table"] for t in document["tables"]], document["ignored_files"]) == (["sellers"], [])


def test_error_for_missing_files_lists_tables_and_files(dataforge: Dataforge) -> None:
    result = dataforge("migrate", "--prefix", "incomplete", "--tables", "sellers,customers")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: MissingFile: ")
    assert "customers (expected olist_customers_dataset.csv)" in last
    assert result.stdout == ""


def test_run_and_ledger_report_the_code_of_an_error_and_not_its_class(
    dataforge: Dataforge, tmp_path: Path
) -> None:
    (tmp_path / "olist_sellers_dataset.csv").write_bytes(b"PK\x03\x04 a zip archive")
    result = dataforge("migrate", str(tmp_path), "--prefix", "zip", "--tables", "sellers", "--json")
    assert result.exit_code == 1, result.stdout
    # The class is UnsupportedFormat.
    assert json.loads(result.stdout)["error"] == "UnreadFormat"
    assert json.loads(dataforge("status", "--json").stdout)["error"] == "UnreadFormat"


def test_error_for_insufficient_quality_has_table_and_shares(first: Result, dataforge: Dataforge) -> None:
    result = dataforge("migrate", "--threshold", "1")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: QualityTooLow: The quality is below the threshold 1")
    assert "orders" in last
    assert "was not published" in result.stdout
    assert "order_reviews" in result.stdout
    document = json.loads(dataforge("status", "--json").stdout)
    assert document["status"] == "failed"
    assert document["error"] == "QualityTooLow"
    assert f"error: QualityTooLow: {document['cause']}" == last


def test_rejections_are_saved_corrected_and_replayed_once(
    first: Result, dataforge: Dataforge, expected: Expected, tmp_path: Path
) -> None:
    migration, file = json.loads(first.stdout)["migration_id"], tmp_path / "rejected.jsonl"
    words = ("replay", "--migration", migration, "--table", "sellers")
    saved = dataforge(*words, "--save", str(file), "--json")
    assert json.loads(saved.stdout)["rejections"] == expected.tables["sellers"].rejected > 0
    seller = {
        "seller_id": "f" * 32,
        "seller_zip_code_prefix": "01037",
        "seller_city": "x",
        "seller_state": "SP",
    }
    line, *_ = map(json.loads, file.read_text().splitlines())
    file.write_text(json.dumps(line | {"raw": seller}))
    for loaded in (1, 0):
        result = dataforge(*words, str(file), "--json")
        assert result.exit_code == 0, result.stderr
        [sellers] = json.loads(result.stdout)["tables"]
        assert (sellers["read"], sellers["loaded"]) == (loaded, loaded)


@pytest.mark.parametrize("words", [("replay", "--migration"), ("migrate", "--resume")])
def test_unknown_migration_exits_2_with_its_id(dataforge: Dataforge, words: tuple[str, ...]) -> None:
    result = dataforge(*words, "20000101T000000Z-00000000", "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["error"] == "NoSuchRun"
    assert "There is no migration '20000101T000000Z-00000000'. Hint: `dataforge status`" in document["cause"]
    assert dataforge("status", document["execution"]).exit_code == 1


@pytest.fixture
def as_aws(cloud: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which the emulator replaces AWS, so that stacks are found as on AWS."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": cloud["aws_endpoint_url"],
        "AWS_REGION": cloud["region"],
        "AWS_ACCESS_KEY_ID": cloud["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": cloud["aws_secret_access_key"],
    }.items():
        monkeypatch.setenv(name, value)


def test_stage_is_found_by_its_stack(first: Result, as_aws: None) -> None:
    result = CliRunner().invoke(
        app, ["status", json.loads(first.stdout)["migration_id"], "--stage", "dev", "--json"]
    )
    assert result.exit_code == 0, result.stderr
    assert "Target: AWS, stack DataForge-dev" in result.stderr
    assert json.loads(result.stdout)["tables"] == json.loads(first.stdout)["tables"]


def test_stage_is_dev_without_an_embedded_cloud(
    first: Result, as_aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_STATE", str(tmp_path))
    result = CliRunner().invoke(app, ["status"])
    assert "Target: AWS, stack DataForge-dev" in result.stderr


def test_stage_without_a_stack_exits_2(as_aws: None) -> None:
    result = CliRunner().invoke(app, ["status", "--stage", "prod"])
    assert result.exit_code == 2
    assert "no stack DataForge-prod" in result.stderr


UNKNOWN = "20200101T000000Z-00000000"


@pytest.mark.parametrize(
    "words",
    [
        ("status", UNKNOWN),
        ("stop", UNKNOWN),
        ("replay", "--batch", UNKNOWN),
        ("replay", "--migration", UNKNOWN, "--save", "saved.jsonl"),
        ("backup", "show", UNKNOWN),
        ("backup", "verify", UNKNOWN),
        ("restore", "sellers", "--backup", UNKNOWN, "--yes"),
        ("restore", "--undo", UNKNOWN, "--yes"),
        ("restore", "--finish", UNKNOWN),
        ("keys", "revoke", UNKNOWN),
    ],
    ids=" ".join,
)
def test_unknown_id_exits_2(dataforge: Dataforge, words: tuple[str, ...]) -> None:
    result = dataforge(*words, "--json")
    assert result.exit_code == 2, result.stderr
    assert UNKNOWN in json.loads(result.stdout)["cause"]
