"""Upgrade of a deployment of an earlier version, with its data, by `cdk deploy`.

The earlier version is commit a6f090d, extracted from the clone's history: its app, its functions and its command
line. It is deployed and filled, and a run fails; then this version is deployed onto it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
import urllib3

from dataforge.postgres.sql import Sql, ident
from local import cloud
from local.aws import client_settings, connection
from local.command import dataforge
from local.config import ROOT, Config
from local.generate import generate
from local.outputs import Outputs
from local.ports import free_port
from tests.postgres.rights import differences
from tests.prove.trees import STATEFUL, Tree

DATASETS = ("olist", "quotes")
SECRET = (("auth", "secret"),)
"""Passwords for the roles of the functions, with which the earlier version signed in to the embedded PostgreSQL."""
CUSTOMER = {
    "customer_id": "a" * 32,
    "customer_unique_id": "b" * 32,
    "customer_zip_code_prefix": "01310",
    "customer_city": "são paulo",
    "customer_state": "SP",
}
BATCH = {
    "records": [
        {"table": "customers", "data": CUSTOMER},
        {"table": "customers", "data": CUSTOMER | {"customer_id": "not hexadecimal"}},
    ]
}
IDEMPOTENCY = {"idempotency-key": "before-the-upgrade"}
FIRST_QUOTES = 'author,text,tags\nAna,"One, or two.",calm;short\nEva,Three.,\nIda,Bad\x07 one.,loud\n'
LATER_QUOTES = "author,text,tags\nZoe,Four.,calm\n"


@dataclass(frozen=True)
class Content:
    """The content of a database and its stack."""

    tables: dict[str, tuple[int, str]]
    """Table name -> its oid and its sorted rows as one text."""
    ledger: dict[str, list[dict[str, Any]]]
    """By table of the ledger: its rows as objects."""
    resources: dict[str, str]
    """By logical id: the physical id of each stateful resource."""


@dataclass(frozen=True)
class Upgrade:
    """The content before and after the upgrade, and the responses of the earlier version."""

    config: Config
    before: Content
    after: Content
    earlier: Outputs
    outputs: Outputs
    backups: dict[str, str]
    batch: dict[str, Any]
    data: Path
    report: dict[str, Any]


@pytest.fixture(scope="module")
def upgrade(earlier: Tree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    state = tmp_path_factory.mktemp("upgrade") / "state"
    old = Config(state=state, aws_port=free_port(), pg_port=free_port(), app=earlier.folder, context=SECRET)
    data = tmp_path_factory.mktemp("data")
    quotes = tmp_path_factory.mktemp("quotes")
    generate(data, orders=1000, dirty=0.01)
    with cloud.running(old) as offered:
        target, environ = as_on_aws(old, offered)
        environ["PYTHONPATH"] = earlier.python_path
        report = dataforge(target, "migrate", str(data), environ=environ)
        (quotes / "quotes.csv").write_text(FIRST_QUOTES)
        call = ["migrate", str(quotes), "--dataset", "quotes", "--threshold", "0.5"]
        dataforge(target, *call, environ=environ)
        batch = post(offered, BATCH, IDEMPOTENCY)
        backups = {
            name: dataforge(target, "backup", "--dataset", name, "--verify", environ=environ)["backup_id"]
            for name in DATASETS
        }
        fail_a_run(offered, target, quotes, environ)
        before = content(old, offered)
        new = replace(old, app=ROOT)
        outputs = cloud.up(new)
        after = content(new, outputs)
        yield Upgrade(new, before, after, offered, outputs, backups, batch, data, report)


def as_on_aws(config: Config, outputs: Outputs) -> tuple[list[str], dict[str, str]]:
    """The options and the environment of a command line that has no credentials for the embedded cloud.

    It signs with those of the environment if the outputs name no endpoint.
    """
    path = config.state / "outputs-on-aws.json"
    path.write_text(
        json.dumps({name: value for name, value in outputs.items() if name != "aws_endpoint_url"})
    )
    environ = {
        "AWS_ENDPOINT_URL": outputs["aws_endpoint_url"],
        "AWS_ACCESS_KEY_ID": outputs["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": outputs["aws_secret_access_key"],
    }
    return ["--outputs", str(path)], environ


def fail_a_run(outputs: Outputs, target: list[str], folder: Path, environ: Mapping[str, str]) -> None:
    """A run whose publication a rule of the owner prevents; it can be resumed."""
    execute(outputs, "ALTER TABLE quotes.authors ADD CONSTRAINT no_zoe CHECK (name <> 'Zoe')")
    (folder / "quotes.csv").write_text(LATER_QUOTES)
    call = ["migrate", str(folder), "--dataset", "quotes"]
    failed = dataforge(target, *call, expected_exit=1, environ=environ)
    assert failed["error"] == "TargetRefuses", failed


def execute(outputs: Outputs, statement: str) -> None:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(statement)


def query(outputs: Outputs, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def post(outputs: Outputs, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    sent = {"x-api-key": outputs["writer_key"], "content-type": "application/json", **headers}
    answer = urllib3.request("POST", f"{outputs['api_url']}/v1/records", body=json.dumps(body), headers=sent)
    assert answer.status == 207, answer.data
    found: dict[str, Any] = answer.json()
    return found


def get(outputs: Outputs, path: str, key: str = "api_key") -> Any:
    answer = urllib3.request("GET", outputs["api_url"] + path, headers={"x-api-key": outputs[key]})
    assert answer.status == 200, answer.data
    return answer.json()


def content(config: Config, outputs: Outputs) -> Content:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = ANY(%s)",
            ([*DATASETS, "dataforge"],),
        )
        tables, ledger = {}, {}
        for schema, name, oid in cursor.fetchall():
            relation = Sql("{}.{}").format(ident(schema), ident(name))
            if schema == "dataforge":
                cursor.execute(Sql("SELECT to_jsonb(t) FROM {} t").format(relation))
                ledger[name] = [row for (row,) in cursor.fetchall()]
            else:
                rows = Sql("SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM {} t")
                cursor.execute(rows.format(relation))
                ((text,),) = cursor.fetchall()
                tables[f"{schema}.{name}"] = (oid, text or "")
    return Content(tables, ledger, resources(config))


def resources(config: Config) -> dict[str, str]:
    client = boto3.client("cloudformation", **client_settings(connection(config)))
    (stack,) = (s for s in client.describe_stacks()["Stacks"] if s["StackName"].startswith("DataForge"))
    found = client.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in found
        if resource["ResourceType"] in STATEFUL
    }


def missing(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether none of the rows has the values of this one; a later version may add columns."""
    return not any(all(other.get(name) == value for name, value in row.items()) for other in rows)


def restored(upgrade: Upgrade, dataset: str, table: str) -> dict[str, Any]:
    """Empty the table and restore it from the earlier version's backup, which is not signed."""
    backup = upgrade.backups[dataset]
    execute(upgrade.outputs, Sql("DELETE FROM {}.{}").format(ident(dataset), ident(table)))
    target = ["--outputs", str(upgrade.config.outputs)]
    call = ["restore", table, "--dataset", dataset, "--yes"]
    for selected, error, code in (
        ([], "NoSuchBackup", 2),
        (["--backup", backup], "UnsignedBackup", 1),
    ):
        failed = dataforge(target, *call, *selected, expected_exit=code)
        assert failed["error"] == error, failed
    return dataforge(target, *call, "--backup", backup, "--allow-unsigned")


def test_no_stateful_resource_is_replaced(upgrade: Upgrade) -> None:
    assert upgrade.before.resources.items() <= upgrade.after.resources.items()
    assert len(upgrade.before.resources) > 10


def test_every_table_is_the_same_table_with_the_same_rows(upgrade: Upgrade) -> None:
    assert upgrade.after.tables == upgrade.before.tables
    assert all(rows for name, (_, rows) in upgrade.before.tables.items() if name != "olist.order_reviews"), (
        "every table was filled"
    )


def test_upgrade_keeps_every_row_of_the_ledger(upgrade: Upgrade) -> None:
    lost = {
        table: [row for row in rows if missing(row, upgrade.after.ledger[table])]
        for table, rows in upgrade.before.ledger.items()
    }
    assert not any(lost.values()), lost
    assert len(upgrade.before.ledger["rejections"]) > 20


def test_outputs_have_the_same_names_and_keys_the_same_values(upgrade: Upgrade) -> None:
    assert upgrade.earlier.items() <= upgrade.outputs.items()


def test_rejections_of_the_earlier_version_expire_from_the_upgrade_on(upgrade: Upgrade) -> None:
    (row,) = upgrade.after.ledger["rejections_without_expiry"]
    assert row["last_id"] >= max(rejection["id"] for rejection in upgrade.before.ledger["rejections"])


def test_key_of_the_earlier_version_reads_its_rejections(upgrade: Upgrade) -> None:
    page = get(upgrade.earlier, f"/v1/rejections?migration_id={upgrade.report['migration_id']}&limit=1000")
    rejected = sum(table["rejected"] for table in upgrade.report["tables"])
    assert len(page["data"]) == rejected > 0


def test_answer_of_the_earlier_version_is_returned_again_for_its_idempotency_key(upgrade: Upgrade) -> None:
    assert post(upgrade.earlier, BATCH, IDEMPOTENCY) == upgrade.batch


def test_doctor_reports_nothing_after_the_upgrade(upgrade: Upgrade) -> None:
    target = ["--outputs", str(upgrade.config.outputs)]
    execute(upgrade.outputs, "ALTER TABLE quotes.authors DROP CONSTRAINT IF EXISTS no_zoe")
    assert dataforge(target, "doctor")["findings"] == []


def test_roles_have_the_declared_rights_after_the_upgrade(upgrade: Upgrade) -> None:
    """Rights on the shadows of the failed run are not listed."""
    undeclared, missing_rights = differences(partial(query, upgrade.outputs))
    assert [right for right in undeclared if not right[2].startswith("shadow_")] == []
    assert missing_rights == []
    by_public = query(
        upgrade.outputs,
        "SELECT datname, privilege_type FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
        " WHERE grantee = 0 AND (datname = 'dataforge' OR datname = 'postgres' AND privilege_type = 'CONNECT')",
    )
    assert by_public == []


def test_backups_of_the_earlier_version_are_listed_as_not_signed_and_can_be_verified_again(
    upgrade: Upgrade,
) -> None:
    def state() -> dict[str, tuple[bool, bool]]:
        listed = get(upgrade.outputs, "/v1/backups")["data"]
        entries = {entry["id"]: (entry["signed"], entry["verified"]) for entry in listed}
        return {backup: entries[backup] for backup in upgrade.backups.values()}

    assert set(state().values()) == {(False, False)}
    target = ["--outputs", str(upgrade.config.outputs)]
    for dataset, backup in upgrade.backups.items():
        dataforge(target, "backup", "verify", backup, "--dataset", dataset, "--allow-unsigned")
    assert set(state().values()) == {(False, True)}


@pytest.mark.parametrize(("dataset", "table"), [("olist", "order_payments"), ("quotes", "quote_tags")])
def test_restore_from_a_backup_of_the_earlier_version_restores_every_row(
    upgrade: Upgrade, dataset: str, table: str
) -> None:
    answer = restored(upgrade, dataset, table)
    rows = content(upgrade.config, upgrade.outputs).tables[f"{dataset}.{table}"][1]
    assert rows == upgrade.before.tables[f"{dataset}.{table}"][1]
    assert answer["added"] == len(rows.splitlines()) == answer["restored"]


def test_migration_of_the_same_files_changes_nothing(upgrade: Upgrade) -> None:
    again = dataforge(["--outputs", str(upgrade.config.outputs)], "migrate", str(upgrade.data))
    assert {t["table"]: t["loaded"] for t in again["tables"]} == {t["table"]: 0 for t in again["tables"]}
    counted = {t["table"]: (t["read"], t["rejected"], t["deduplicated"]) for t in again["tables"]}
    assert counted == {
        t["table"]: (t["read"], t["rejected"], t["deduplicated"]) for t in upgrade.report["tables"]
    }


def test_run_that_failed_before_the_upgrade_is_resumed_after_it(upgrade: Upgrade) -> None:
    execute(upgrade.outputs, "ALTER TABLE quotes.authors DROP CONSTRAINT IF EXISTS no_zoe")
    target = ["--outputs", str(upgrade.config.outputs)]
    resumed = dataforge(target, "migrate", "--resume", "latest", "--dataset", "quotes")
    assert {t["table"]: t["loaded"] for t in resumed["tables"]}["authors"] == 1
