"""The operations function with moto's S3 and Step Functions, in which executions start but make no progress."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.backups.verification import Verification
from functions.operations import handler as module
from tests.gateway_events import request_context
from tests.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


KEY = "operator." + "x" * 48
WAIT = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
BUCKETS = ("backup", "report")
ROLE = "arn:aws:iam::123456789012:role/none"


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    document: Any


@dataclass(frozen=True)
class Cloud:
    """S3, Step Functions and the state machines."""

    s3: S3Client
    states: SFNClient
    machines: dict[str, str]
    signer: Signer

    def inputs(self, kind: str) -> dict[str, Any]:
        """Execution name -> input without the requester, for the executions of one machine."""
        found = self.states.list_executions(stateMachineArn=self.machines[kind])["executions"]
        inputs = {
            e["name"]: json.loads(self.states.describe_execution(executionArn=e["executionArn"])["input"])
            for e in found
        }
        assert all(document.pop("requested_by") == "API key key-1" for document in inputs.values())
        return inputs

    def add_backup(
        self, backup_id: str, dataset: str = "olist", kind: Any = "backup", rows: int = 3
    ) -> Manifest:
        """Write a complete backup of one table."""
        file = FileEntry(key="orders/part-00000.parquet", rows=rows, size=100 * rows, sha256="0" * 64)
        table = TableEntry(
            table="orders",
            rows=rows,
            content_hash="0" * 16,
            schema_fingerprint="0" * 64,
            columns=(),
            files=(file,),
        )
        found = Manifest(
            backup_id=backup_id,
            dataset=dataset,
            kind=kind,
            created_at=datetime(2026, 11, 25, 20, 0, tzinfo=UTC),
            tables=(table,),
        )
        self.signer.write(self.s3, "backup", found)
        return found

    def verify(self, found: Manifest, *faults: str) -> None:
        """Store a verification of the backup."""
        verification = Verification(
            backup_id=found.backup_id,
            verified=not faults,
            how=("files",),
            verified_at=datetime(2026, 11, 25, 20, 1, tzinfo=UTC),
            seconds=1.5,
            faults=faults,
        )
        self.signer.verify(self.s3, "backup", found, verification)


Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[S3Client, SFNClient, Signer]]:
    """S3 and Step Functions, once per module, because their clients are slow to create."""
    module._s3.cache_clear()
    module._states.cache_clear()
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.delenv("AWS_PROFILE", raising=False)
        s3 = boto3.client("s3")
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        signer = Signer.of(boto3.client("kms"))
        patch.setenv("MANIFEST_SIGNER", signer.manifests)
        patch.setenv("VERIFICATION_SIGNER", signer.verifications)
        module._kms.cache_clear()
        yield s3, boto3.client("stepfunctions"), signer
    module._s3.cache_clear()
    module._states.cache_clear()


@pytest.fixture
def cloud(services: tuple[S3Client, SFNClient, Signer], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    s3, states, signer = services
    for bucket in BUCKETS:
        for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        monkeypatch.setenv(f"{bucket.upper()}_BUCKET", bucket)
    machines = {}
    for kind in ("backup", "restore", "export"):
        name = f"shop-{secrets.token_hex(4)}-{kind}"
        made = states.create_state_machine(name=name, definition=WAIT, roleArn=ROLE)
        machines[kind] = made["stateMachineArn"]
        monkeypatch.setenv(f"{kind.upper()}_ARN", made["stateMachineArn"])
    monkeypatch.setenv("RESTORE_API", "true")
    monkeypatch.setenv("AUDIT_FUNCTION", "audit")
    return Cloud(s3, states, machines, signer)


@pytest.fixture
def call(cloud: Cloud) -> Call:
    """``call("POST", "/v1/backups", body={}, key=..., headers={}, query={})``."""

    def request(
        method: str,
        path: str,
        body: Any = None,
        key: str = KEY,
        headers: Any = None,
        query: Any = None,
        key_id: str = "key-1",
    ) -> Answer:
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"Content-Type": "application/json", **(headers or {})},
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()},
            "body": text,
            "requestContext": request_context(key, "r-1", key_id),
        }
        answer = module.router.answer(event)
        return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]))

    return request
