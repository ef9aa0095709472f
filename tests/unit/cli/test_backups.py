"""`dataforge backup` and `restore` on S3 and Step Functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.backups.verification import Verification
from dataforge.runs.ids import new_id, time_of
from dataforge_cli.aws.deployment import Deployment, from_file
from dataforge_cli.commands.backup import read_order
from dataforge_cli.main import app
from tests.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


WAIT = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
NOW = datetime.now(UTC).replace(microsecond=0)
FAULT = "orders/part-00000.parquet has 3 bytes, not 300"
UNKNOWN = "20200101T000000Z-1f0c2a9b"


def made(hours: int) -> str:
    """The id of a backup of this age plus half an hour, so that its displayed age does not change during a test."""
    return new_id(NOW - timedelta(hours=hours, minutes=30), "token")


LATEST, BROKEN, SAFETY, QUOTES = made(5), made(72), made(2), made(3)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment with four backups, in which executions start but make no progress."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("FORCE_COLOR", raising=False)
        s3, states = boto3.client("s3"), boto3.client("stepfunctions")
        signer = Signer.of(boto3.client("kms"))
        s3.create_bucket(Bucket="backup")
        keep(signer, s3, BROKEN, "olist", {"orders": 1}, faults=(FAULT,))
        keep(signer, s3, LATEST, "olist", {"customers": 1000, "orders": 2000}, faults=())
        keep(signer, s3, SAFETY, "olist", {"orders": 7}, kind="safety")
        keep(signer, s3, QUOTES, "quotes", {"authors": 3})
        found = {"raw_bucket": "raw", "report_bucket": "report", "backup_bucket": "backup"}
        found |= {"manifest_key": signer.manifests, "verification_key": signer.verifications}
        for kind in ("migration", "backup", "restore"):
            role = "arn:aws:iam::123456789012:role/none"
            machine = states.create_state_machine(name=kind, definition=WAIT, roleArn=role)
            found[f"{kind}_arn"] = machine["stateMachineArn"]
        path = tmp_path_factory.mktemp("deployment") / "outputs.json"
        path.write_text(json.dumps({**found, "region": "us-east-1"}))
        yield path


def keep(
    signer: Signer,
    s3: S3Client,
    backup_id: str,
    dataset: str,
    tables: dict[str, int],
    kind: Any = "backup",
    faults: tuple[str, ...] | None = None,
) -> None:
    entries = [
        TableEntry(
            table=table,
            rows=rows,
            content_hash="0" * 16,
            schema_fingerprint="0" * 64,
            columns=(),
            files=(
                FileEntry(key=f"{table}/part-00000.parquet", rows=rows, size=1000 * rows, sha256="0" * 64),
            ),
        )
        for table, rows in tables.items()
    ]
    time = time_of(backup_id)
    assert time
    found = Manifest(backup_id=backup_id, dataset=dataset, kind=kind, created_at=time, tables=tuple(entries))
    signer.write(s3, "backup", found)
    if faults is not None:
        verification = Verification(
            backup_id=backup_id,
            verified=not faults,
            how=("files",),
            verified_at=NOW,
            seconds=1,
            faults=faults,
        )
        signer.verify(s3, "backup", found, verification)


@pytest.fixture
def deployment(outputs: Path) -> Iterator[Deployment]:
    """The deployment; executions that a test starts are stopped after the test."""
    found = from_file(outputs)
    yield found
    for kind in ("migration", "backup", "restore"):
        machine = found[f"{kind}_arn"]
        for one in found.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")[
            "executions"
        ]:
            found.states.stop_execution(executionArn=one["executionArn"])


def call(deployment: Deployment, outputs: Path, *words: str) -> Any:
    """The JSON document of a call that must succeed."""
    result = dataforge(outputs, *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def dataforge(outputs: Path, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["--outputs", str(outputs), *words], input=answer)


def started(deployment: Deployment, execution: str) -> dict[str, Any]:
    """The input of an execution, without the stated identity of the caller."""
    found: dict[str, Any] = json.loads(deployment.states.describe_execution(executionArn=execution)["input"])
    assert found.pop("requested_by")
    return found


def test_backups_are_listed_newest_first_with_age_rows_size_and_verification(outputs: Path) -> None:
    lines = [
        line.split() for line in dataforge(outputs, "backup", "list").stdout.splitlines() if line.strip()
    ]
    assert lines[2:] == [
        [SAFETY, "olist", "safety", "2", "h", "1", "7", "7.0", "kB", "not", "verified"],
        [QUOTES, "quotes", "backup", "3", "h", "1", "3", "3.0", "kB", "not", "verified"],
        [LATEST, "olist", "backup", "5", "h", "2", "3,000", "3.0", "MB", "verified"],
        [BROKEN, "olist", "backup", "3", "d", "1", "1", "1.0", "kB", *f"damaged: {FAULT}".split()],
    ]


def test_json_lists_backups_of_the_requested_dataset(deployment: Deployment, outputs: Path) -> None:
    found = call(deployment, outputs, "backup", "list", "--dataset", "olist")["backups"]
    assert [one["id"] for one in found] == [SAFETY, LATEST, BROKEN]
    assert [one["verified"] for one in found] == [False, True, False]
    assert found[1]["tables"] == [{"table": "customers", "rows": 1000}, {"table": "orders", "rows": 2000}]


@pytest.mark.parametrize(
    ("word", "found"), [("latest", LATEST), (LATEST, LATEST), (QUOTES, QUOTES), (SAFETY, SAFETY)]
)
def test_backup_is_shown_by_id_or_as_latest_without_safety_backups(
    deployment: Deployment, outputs: Path, word: str, found: str
) -> None:
    options = ["--dataset", "olist"] if word == "latest" else []
    shown = call(deployment, outputs, "backup", "show", word, *options)
    assert shown["id"] == found
    assert shown["tables"][0]["files"][0]["sha256"] == "0" * 64
    assert found in dataforge(outputs, "backup", "show", word, *options).stdout


@pytest.mark.parametrize("word", [UNKNOWN, "nonsense", "../x", ""])
@pytest.mark.parametrize("action", ["show", "verify"])
def test_unknown_backup_exits_2(outputs: Path, action: str, word: str) -> None:
    result = dataforge(outputs, "backup", action, word)
    assert result.exit_code == 2
    assert repr(word) in result.stderr
    assert "dataforge backup list" in result.stderr


def test_backup_with_an_unreadable_manifest_is_listed_and_shown_as_damaged(
    deployment: Deployment, outputs: Path
) -> None:
    damaged = made(100)
    key = f"olist/{damaged}/manifest.json"
    deployment.s3.put_object(Bucket="backup", Key=key, Body=b"nonsense")
    try:
        listed = dataforge(outputs, "backup", "list").stdout
        shown = dataforge(outputs, "backup", "show", damaged)
    finally:
        deployment.s3.delete_object(Bucket="backup", Key=key)
    assert "unreadable" in next(line for line in listed.splitlines() if damaged in line)
    assert shown.exit_code == 1
    assert f"Backup {damaged} is damaged" in shown.stderr


def test_backup_starts_under_its_id_with_the_requested_input(deployment: Deployment, outputs: Path) -> None:
    words = ["--tables", "orders, customers,orders", "--verify", "--no-follow"]
    document = call(deployment, outputs, "backup", *words)
    assert document["status"] == "running"
    assert document["execution"].endswith(f":{document['id']}")
    assert time_of(document["id"])
    order = {"dataset": "olist", "tables": ["orders", "customers"], "verify": True}
    assert started(deployment, document["execution"]) == order


def test_verify_starts_the_verification_of_the_specified_backup_only(
    deployment: Deployment, outputs: Path
) -> None:
    document = call(deployment, outputs, "backup", "verify", QUOTES, "--no-follow")
    assert started(deployment, document["execution"]) == {"dataset": "quotes", "verify_only": QUOTES}


def test_input_of_a_backup_of_all_tables_contains_only_the_dataset() -> None:
    assert read_order("quotes", "", verify=False) == {"dataset": "quotes"}


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (["orders", "customers", "orders"], {"tables": ["orders", "customers"], "backup": "latest"}),
        (["orders", "--backup", SAFETY], {"tables": ["orders"], "backup": SAFETY}),
        (["--all"], {"tables": ["customers", "orders"], "backup": LATEST}),
        (["--all", "--dataset", "quotes"], {"dataset": "quotes", "tables": ["authors"], "backup": QUOTES}),
        (["--undo", SAFETY], {"undo": SAFETY}),
        (["--undo", SAFETY, "orders"], {"undo": SAFETY, "tables": ["orders"]}),
        (["--finish", UNKNOWN], {"finish": UNKNOWN}),
        (["orders", "--dry-run"], {"tables": ["orders"], "backup": "latest", "dry_run": True}),
    ],
)
def test_restore_starts_with_the_requested_input(
    deployment: Deployment, outputs: Path, words: list[str], order: dict[str, Any]
) -> None:
    document = call(deployment, outputs, "restore", *words, "--no-follow")
    assert document["execution"].endswith(f":{document['id']}")
    assert started(deployment, document["execution"]) == {"dataset": "olist", **order}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["restore", "orders", "--backup", UNKNOWN], UNKNOWN),
        (["restore", "--undo", UNKNOWN], UNKNOWN),
        (["restore", "--all", "--backup", QUOTES], QUOTES),
    ],
)
def test_restore_of_an_unknown_backup_starts_nothing(
    deployment: Deployment, outputs: Path, words: list[str], name: str
) -> None:
    before = deployment.states.list_executions(stateMachineArn=deployment["restore_arn"])["executions"]
    result = dataforge(outputs, *words, "--yes")
    assert result.exit_code == 2
    assert name in result.stderr
    after = deployment.states.list_executions(stateMachineArn=deployment["restore_arn"])["executions"]
    assert len(after) == len(before)


def test_restore_without_a_terminal_requires_yes(outputs: Path) -> None:
    result = dataforge(outputs, "restore", "orders", answer="y\n")
    assert result.exit_code == 2
    assert "--yes" in result.stderr


def test_status_lists_other_running_executions_and_finds_every_kind_of_run(
    deployment: Deployment, outputs: Path
) -> None:
    backup = call(deployment, outputs, "backup", "--no-follow")
    restore = call(deployment, outputs, "restore", "orders", "--no-follow")
    running = call(deployment, outputs, "status")["running"]
    assert {(one["kind"], one["execution"]) for one in running} == {
        ("backup", backup["execution"]),
        ("restore", restore["execution"]),
    }
    assert f"Backup {backup['id']} runs." in dataforge(outputs, "status").stdout
    for one in (backup, restore):
        assert call(deployment, outputs, "status", one["id"])["status"] == "running"


def test_status_of_a_running_backup_shows_written_files(deployment: Deployment, outputs: Path) -> None:
    backup = call(deployment, outputs, "backup", "--no-follow")
    key = f"olist/{backup['id']}/orders/part-00000.parquet"
    deployment.s3.put_object(Bucket="backup", Key=key, Body=b"x" * 2500)
    assert "1 file(s), 2.5 kB written" in dataforge(outputs, "status", backup["id"]).stdout


def test_stop_ends_a_running_backup(deployment: Deployment, outputs: Path) -> None:
    backup = call(deployment, outputs, "backup", "--no-follow")
    assert dataforge(outputs, "stop", backup["id"]).exit_code == 0
    result = dataforge(outputs, "status", backup["id"], "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["execution"] == backup["execution"]


def test_error_of_a_stopped_cloud_has_a_hint(outputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    stopped = json.loads(outputs.read_text()) | {"aws_endpoint_url": "http://127.0.0.1:9"}
    stopped |= {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    path.write_text(json.dumps(stopped))
    for words in (["backup", "list"], ["backup"], ["restore", "orders", "--yes"], ["status"]):
        result = dataforge(path, *words)
        assert result.exit_code == 1
        assert "http://127.0.0.1:9" in result.stderr
        assert "make local" in result.stderr


def test_error_of_a_missing_bucket_has_a_hint(outputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(json.loads(outputs.read_text()) | {"backup_bucket": "gone"}))
    result = dataforge(path, "backup", "list")
    assert result.exit_code == 1
    assert "NoSuchBucket" in result.stderr
    assert "Deploy again" in result.stderr


def test_error_reports_a_deployment_without_backups(outputs: Path, tmp_path: Path) -> None:
    older = {name: value for name, value in json.loads(outputs.read_text()).items() if "backup" not in name}
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(older))
    result = dataforge(path, "backup", "list")
    assert result.exit_code == 1
    assert "backup_bucket" in result.stderr
    assert dataforge(path, "status").exit_code == 0
