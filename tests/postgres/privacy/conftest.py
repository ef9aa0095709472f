"""The functions as Lambda runs them, and their output other than rows and files."""

from __future__ import annotations

import importlib
import itertools
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.backups.manifest import Reference
from dataforge.postgres import roles
from tests.gateway_events import request_context
from tests.signing import sign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

RAW, REPORT, BACKUP = "raw", "report", "backup"
STARTED = "2026-11-22T10:00:00.123Z"
CONTEXT: Any = SimpleNamespace(
    function_name="any", memory_limit_in_mb=128, invoked_function_arn="arn:any", aws_request_id="request"
)
ROLES = {
    "migrate.control": roles.MIGRATE,
    "migrate.load": roles.LOAD,
    "backup.control": roles.BACKUP,
    "backup.hold": roles.BACKUP,
    "backup.work": roles.BACKUP,
    "restore.control": roles.RESTORE,
    "restore.work": roles.REFILL,
    "ingest.handler": roles.INGEST,
    "deliver.handler": roles.DELIVER,
    "export.work": roles.EXPORT,
}
IMPORTED_AGAIN = ("aws_lambda_powertools", "dataforge.aws.telemetry", "dataforge.http", "functions.")
SERVICES = ("migrate", "backup", "restore", "ingest", "deliver", "export", "glue", "schema", "operations")
CONCURRENCY = {f"{work}_concurrency": "1" for work in ("load", "backup", "export")}
_executions = itertools.count(1)


class Failed(Exception):
    """A function failed; the document is what Lambda returns and Step Functions stores."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        super().__init__(document["errorType"])


@dataclass
class Lambda:
    """Call functions; ``histories`` contains the data that Step Functions would store of each call."""

    database: Database
    s3: S3Client
    set_role: Callable[[str], None]
    pool: ThreadPoolExecutor
    histories: list[str] = field(default_factory=list)
    failed: type[Exception] = Failed

    def call(self, name: str, **event: Any) -> Any:
        """The result of a function; errors are reported as by Lambda's runtime."""
        self.set_role(ROLES.get(name, ""))
        capability, _, function = name.partition(".")
        handler = getattr(importlib.import_module(f"functions.{capability}.handler"), function)
        try:
            result = handler(json.loads(json.dumps(event)), CONTEXT)
        except Exception as error:  # noqa: BLE001  Lambda reports every exception
            document = {"errorMessage": str(error), "errorType": type(error).__name__}
            stack = "".join(traceback.format_exception(error))
            self.histories.append(json.dumps(document) + stack)
            raise Failed(document) from None
        if ROLES.get(name) not in {roles.INGEST, roles.DELIVER}:
            self.histories.append(json.dumps(result))
        return result

    def run(self, machine: str, steps: Callable[[str], Any]) -> Any:
        """Run the steps with the name of an execution; a failure is passed to the last step of the machine."""
        execution = f"arn:aws:states:us-east-1:1:execution:{machine}:run-{next(_executions)}"
        try:
            return steps(execution)
        except Failed as failed:
            caught = {"Error": failed.document["errorType"], "Cause": json.dumps(failed.document)}
            return self.call(f"{machine}.control", step="abandon", execution=execution, error=caught)

    def begin(self, machine: str, execution: str, document: dict[str, Any]) -> Any:
        return self.call(
            f"{machine}.control", step="begin", execution=execution, started=STARTED, input=document
        )

    def migrate(self, **document: Any) -> Any:
        """The output of a migration, or its error."""

        def steps(execution: str) -> Any:
            run = {"migration_id": self.begin("migrate", execution, document)["migration_id"]}
            plan = self.call("migrate.control", step="plan", **run)
            for item in self.read(plan["scan"]["key"]):
                self.call("migrate.load", **item)
            for item in self.read(self.call("migrate.control", step="cut", **run)["key"]):
                self.call("migrate.load", **item)
            for table in itertools.chain.from_iterable(plan["waves"]):
                self.call("migrate.control", step="settle", table=table, **run)
            self.call("migrate.control", step="reconcile", **run)
            self.call("migrate.control", step="publish", execution=execution, **run)
            return self.call("migrate.control", step="report", **run)

        return self.run("migrate", steps)

    def back_up(self, **document: Any) -> Any:
        """A verified backup, or the error."""

        def steps(execution: str) -> Any:
            begun = self.begin("backup", execution, document)
            run, backup = {"run_id": begun["run_id"]}, (begun["dataset"], begun["backup_id"])
            holding: Future[Any] = self.pool.submit(self.call, "backup.hold", seconds=60, **run)
            for item in self.read(self.call("backup.control", step="plan", **run)["key"]):
                self.call("backup.work", **item)
            made = Reference.of(self.call("backup.control", step="finish", **run))
            self.call("backup.control", step="sign", mac=sign(BACKUP, *backup, made), **run)
            holding.result(timeout=20)
            for item in self.read(self.call("backup.control", step="plan_checks", **run)["key"]):
                self.call("backup.work", **item)
            self.call("backup.work", step="restore_scratch", **run)
            found = self.call("backup.control", step="judge", **run)["signature"]
            mac = sign(BACKUP, *backup, Reference.of(found), "verification")
            self.call("backup.control", step="sign_verification", signature=found, mac=mac, **run)
            return self.call("backup.control", step="close", **run)

        return self.run("backup", steps)

    def restore(self, **document: Any) -> Any:
        """A restore's output, or the error."""

        def steps(execution: str) -> Any:
            begun = self.begin("restore", execution, document)
            run, signature = {"restore_id": begun["restore_id"]}, begun["signature"]
            backup = (signature["dataset"], signature["backup_id"])
            assert sign(BACKUP, *backup, Reference.of(signature), signature["kind"]) == signature["mac"]
            checked = self.call("restore.control", step="check", signature=signature, **run)
            for item in self.read(checked["key"]):
                self.call("restore.work", **item)
            for table in checked["tables"]:
                self.call("restore.control", step="settle", table=table, **run)
            if self.call("restore.control", step="compare", **run)["next"] == "build":
                for step, table in itertools.product(("build", "link"), checked["tables"]):
                    self.call("restore.control", step=step, table=table, **run)
            self.call("restore.control", step="switch", execution=execution, **run)
            for item in self.read(self.call("restore.control", step="keep", **run)["key"]):
                self.call("restore.work", **item)
            made = self.call("restore.control", step="manifest", **run)
            mac = sign(BACKUP, begun["dataset"], begun["restore_id"], Reference.of(made), "safety")
            return self.call("restore.control", step="finish", signature=made, mac=mac, **run)

        return self.run("restore", steps)

    def apply(self, action: str) -> Any:
        """Run the schema function for a deployment or for the doctor."""
        password = "for the tests"
        master, passwords = (
            {"username": "master", "password": password},
            dict.fromkeys(roles.LOGINS, password),
        )
        return self.call("schema.apply", action=action, master=master, passwords=passwords)

    def request(self, name: str, method: str, path: str, body: str | None = None, **query: str) -> Any:
        """Send a request to an API function; return its status."""
        headers = {"Content-Type": "application/json"}
        answer = self.call(
            name,
            httpMethod=method,
            path=path,
            headers=headers,
            body=body,
            multiValueQueryStringParameters={k: [v] for k, v in query.items()} or None,
            queryStringParameters=query or None,
            requestContext=request_context("operator." + "k" * 40),
        )
        return answer["statusCode"]

    def read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=REPORT, Key=key)["Body"].read())


@pytest.fixture
def fresh_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions are imported again, as in a process of Lambda."""
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    before = {name: module for name, module in sys.modules.items() if name.startswith(IMPORTED_AGAIN)}
    for name in before:
        del sys.modules[name]
    # Loggers too: existing ones write to an earlier output.
    loggers = logging.Logger.manager.loggerDict
    known = {name: loggers.pop(name) for name in SERVICES if name in loggers}
    yield
    for name in SERVICES:
        loggers.pop(name, None)
    loggers.update(known)
    for name in [name for name in sys.modules if name.startswith(IMPORTED_AGAIN)]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def functions(
    database: Database,
    fresh_modules: None,
    environment: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Lambda]:
    """All functions, on a database with the catalogue applied."""
    with mock_aws(), ThreadPoolExecutor() as pool:
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (RAW, REPORT, BACKUP):
            s3.create_bucket(Bucket=bucket)
        boto3.client("glue", region_name="us-east-1").create_database(DatabaseInput={"Name": "lake_olist"})
        buckets = {"raw_bucket": RAW, "report_bucket": REPORT, "backup_bucket": BACKUP}
        environment(
            database, roles.MIGRATE, **buckets, chunk_bytes="100000", glue_database="lake", **CONCURRENCY
        )
        yield Lambda(database, s3, lambda role: monkeypatch.setenv("DB_USER", role), pool)


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """The text printed and logged by any logger since the last call, as in the function's log in Lambda."""
    formatter = logging.Formatter("%(name)s %(message)s")

    def read() -> str:
        captured = capfd.readouterr()
        # Powertools' own loggers reach Lambda's root handler, tracebacks and all.
        return captured.out + captured.err + "\n".join(formatter.format(r) for r in caplog.records)

    return read
