"""The audit: who may write it, what a login cannot choose, and that entries and their log lines follow the transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from psycopg2.errors import InsufficientPrivilege

from dataforge.audit.entry import Entry
from dataforge.audit.operations import RECORDED_BY, Operation
from dataforge.audit.record import record
from dataforge.audit.refusal import refusal
from dataforge.backups.manifest import Manifest
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import (
    ANALYST,
    AUDITED,
    BACKUP,
    DELIVER,
    LOAD,
    LOGINS,
    MIGRATE,
    MIGRATION_RUN,
    REFILL,
)
from dataforge.runs.lifecycle import close_run
from dataforge.settings import BackupSettings
from functions.backup.begin import begin as begin_backup
from functions.backup.run import BACKUPS
from tests.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

ARN = "arn:aws:states:::execution:backup:one"
STARTED = "2026-11-22T10:00:00.123Z"
COLUMNS = "operation, result, principal_kind, principal, requested_by, dataset, error"


def entries(database: Database) -> list[tuple[Any, ...]]:
    return database.query(f"SELECT {COLUMNS} FROM dataforge.audit ORDER BY id")


def append(database: Database, login: str, entry: Entry) -> None:
    with transaction(database.connect(login)) as cursor:
        record(cursor, entry)


def audited(captured: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The log lines of the audit."""
    return [vars(line) for line in captured.records if line.name == "audit"]


def test_every_audited_login_has_operations() -> None:
    assert set(RECORDED_BY) == set(AUDITED)


CHANGES = (
    "INSERT INTO dataforge.audit (operation, result, principal_kind, principal) VALUES ('a', 'b', 'c', 'd')",
    "UPDATE dataforge.audit SET principal = 'another'",
    "DELETE FROM dataforge.audit",
    "TRUNCATE dataforge.audit",
    "DROP TABLE dataforge.audit",
    "ALTER TABLE dataforge.audit ADD COLUMN more text",
    "CREATE TRIGGER changes BEFORE INSERT ON dataforge.audit EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP FUNCTION dataforge.record_audit",
)


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_changes_the_audit_but_by_its_function(module_database: Database, login: str) -> None:
    db = module_database.connect(login)
    for statement in CHANGES:
        with pytest.raises(InsufficientPrivilege), transaction(db) as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize("login", LOGINS)
def test_only_the_deliver_function_reads_the_audit(module_database: Database, login: str) -> None:
    with module_database.connect(login).cursor() as cursor:
        if login == DELIVER:
            cursor.execute("SELECT count(*) FROM dataforge.audit")
            return
        with pytest.raises(InsufficientPrivilege):
            cursor.execute("SELECT count(*) FROM dataforge.audit")


@pytest.mark.parametrize("login", [LOAD, REFILL, ANALYST])
def test_login_without_operations_cannot_record(module_database: Database, login: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        append(module_database, login, Entry("started", ARN, Operation.BACKUP))


@pytest.mark.parametrize("login", list(RECORDED_BY))
def test_login_records_its_own_operations_under_its_own_kind_of_principal(
    database: Database, login: str
) -> None:
    kind, operations = next((k, o) for name, (k, o) in RECORDED_BY.items() if name == login)
    every = {name: value for name, value in vars(Operation).items() if name.isupper()}
    db = database.connect(login)
    for operation in every.values():
        with suppress(InsufficientPrivilege), transaction(db) as cursor:
            record(cursor, Entry("started", ARN, operation))
    found = database.query("SELECT DISTINCT login, principal_kind, operation FROM dataforge.audit")
    assert set(found) == {(str(login), kind, operation) for operation in operations}


def test_time_and_login_of_an_entry_are_those_of_the_server(database: Database) -> None:
    append(database, BACKUP, Entry("started", ARN, Operation.BACKUP))
    assert database.query(
        "SELECT login, at BETWEEN now() - interval '1 minute' AND now() FROM dataforge.audit"
    ) == [(BACKUP, True)]


def test_result_that_does_not_exist_is_refused(database: Database) -> None:
    wrong: Any = "approved"
    with pytest.raises(InsufficientPrivilege):
        append(database, BACKUP, Entry(wrong, ARN, Operation.BACKUP))


def test_long_values_are_cut(database: Database) -> None:
    long = Entry("started", "p" * 9_000, Operation.BACKUP, "d" * 100, {"a": "x" * 30_000}, "r" * 500)
    append(database, BACKUP, long)
    assert database.query(
        "SELECT length(principal), length(dataset), object, length(requested_by) FROM dataforge.audit"
    ) == [(2048, 63, {"cut": True}, 300)]


def test_entry_has_one_log_line_after_the_commit_and_none_after_a_rollback(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    entry = Entry(
        "started", ARN, Operation.BACKUP, "olist", {"tables": ["orders"]}, "arn:aws:iam::1:user/ann"
    )
    db = database.connect(BACKUP)
    with suppress(ZeroDivisionError), transaction(db) as cursor:
        record(cursor, entry)
        raise ZeroDivisionError
    assert (entries(database), audited(caplog)) == ([], [])
    for _ in range(2):
        with transaction(db) as cursor:
            record(cursor, entry)
    (line,) = audited(caplog)
    given = ("operation", "result", "principal", "dataset", "object", "requested_by")
    assert {name: line[name] for name in given} == {name: getattr(entry, name) for name in given}


@pytest.fixture
def s3() -> Iterator[S3Client]:
    """S3 with the bucket of backups."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="backup")
        yield client


def settings(database: Database) -> BackupSettings:
    given = database.settings(BACKUP).model_dump()
    return BackupSettings(**given, backup_bucket="backup", report_bucket="report")


def test_run_is_recorded_at_its_start_and_its_end_once_each(
    database: Database, s3: S3Client, caplog: pytest.LogCaptureFixture
) -> None:
    db = database.connect(BACKUP)
    document = {"tables": ["orders"], "requested_by": "arn:aws:iam::1:user/ann"}
    for _ in range(2):
        begin_backup(db, s3, settings(database), ARN, STARTED, document)
    for _ in range(2):
        close_run(db, BACKUPS, ARN, "done")
    common = ("execution", ARN, "arn:aws:iam::1:user/ann", "olist", None)
    assert entries(database) == [("backup", "started", *common), ("backup", "succeeded", *common)]
    ((first,), (last,)) = database.query("SELECT object FROM dataforge.audit ORDER BY id")
    assert first == last
    assert first["tables"] == ["orders"]
    assert [(line["operation"], line["result"]) for line in audited(caplog)] == [
        ("backup", "started"),
        ("backup", "succeeded"),
    ]


def test_verification_is_recorded_as_such_to_its_end(database: Database, s3: S3Client) -> None:
    db = database.connect(BACKUP)
    backup_id = "20261125T195930Z-1f0c2a9b"
    taken = datetime(2026, 11, 25, 19, 59, 30, tzinfo=UTC)
    made = Manifest(backup_id=backup_id, dataset="olist", kind="backup", created_at=taken, tables=())
    Signer().write(s3, "backup", made)
    begin_backup(db, s3, settings(database), ARN, STARTED, {"verify_only": backup_id})
    close_run(db, BACKUPS, ARN, "aborted")
    assert [entry[:2] for entry in entries(database)] == [
        ("verification", "started"),
        ("verification", "failed"),
    ]


def test_execution_without_a_run_is_refused_with_the_code(database: Database) -> None:
    db = database.connect(BACKUP)
    refused = refusal(ARN, '{"dataset": "quotes", "requested_by": "ann"}', "AlreadyRunning")
    close_run(db, BACKUPS, ARN, "failed", refused=refused)
    close_run(db, BACKUPS, ARN, "failed", refused=refused)
    assert entries(database) == [
        ("backup", "refused", "execution", ARN, "ann", "quotes", "AlreadyRunning"),
    ]


def test_execution_that_started_is_not_refused_later(database: Database) -> None:
    append(database, BACKUP, Entry("started", ARN, Operation.BACKUP))
    append(database, BACKUP, Entry("refused", ARN))
    assert [entry[1] for entry in entries(database)] == ["started"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "no JSON",
        "[" * 100_000,
        {"dataset": 1, "requested_by": 2},
        {"dataset": "x", "requested_by": "a\nb"},
    ],
)
def test_refusal_takes_nothing_from_an_invalid_input(document: Any) -> None:
    found = refusal(ARN, document, "a text of the caller's choice")
    assert (found.requested_by, found.error) == (None, "Aborted")
    assert found.dataset in (None, "olist")


def test_equal_requests_of_a_key_are_recorded_once_a_minute(database: Database) -> None:
    for _ in range(3):
        append(database, DELIVER, Entry("refused", "key-1", Operation.RESTORE, error="WrongKey"))
    append(database, DELIVER, Entry("refused", "key-2", Operation.RESTORE, error="WrongKey"))
    assert [entry[3] for entry in entries(database)] == ["key-1", "key-2"]


def test_role_of_a_run_records_under_the_login_that_assumed_it(database: Database) -> None:
    with transaction(database.connect(MIGRATE), role=MIGRATION_RUN) as cursor:
        record(cursor, Entry("started", ARN, Operation.MIGRATION))
    assert database.query("SELECT login FROM dataforge.audit") == [(MIGRATE,)]


def test_function_cannot_be_called_by_every_role(database: Database) -> None:
    rights = database.query(
        "SELECT has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc WHERE proname = 'record_audit'"
    )
    assert rights == [(False,)]
