"""On a deployed app: KMS and the state machines refuse backups that another principal wrote into the bucket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3

from local import cloud as embedded
from local.aws import client_settings
from local.command import dataforge
from local.config import Config
from local.outputs import Outputs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

QUOTES = '"text","author","tags"\n"Be brief.","Ann","short, kind"\n"Be kind.","Bob","kind"\n'
FUTURE = "99991231T235959Z-00000000"


@dataclass(frozen=True)
class Deployed:
    """A deployed app with rows of quotes and one verified backup of them."""

    outputs: Outputs
    target: list[str]
    s3: S3Client
    backup: str

    @property
    def bucket(self) -> str:
        return self.outputs["backup_bucket"]

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def put(self, key: str, body: bytes) -> str:
        """Write an object as an attacker does. Returns its version."""
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")["VersionId"]

    def plant(self, backup_id: str, *, signed: bool) -> None:
        """Copy the backup to another id, with a manifest and a verification that fit, and the signature of the original."""
        here, there = f"quotes/{self.backup}/", f"quotes/{backup_id}/"
        for item in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=here)["Contents"]:
            if item["Key"].endswith(".parquet"):
                self.put(there + item["Key"].removeprefix(here), self.read(item["Key"]))
        body = self.read(f"{here}manifest.json").replace(self.backup.encode(), backup_id.encode())
        digest = hashlib.sha256(body).hexdigest()
        version = self.put(f"{there}manifest.json", body)
        proof = json.loads(self.read(f"{here}verification.json"))
        proof |= {"backup_id": backup_id, "manifest_sha256": digest}
        self.put(f"{there}verification.json", json.dumps(proof).encode())
        if signed:
            signature = json.loads(self.read(f"{here}manifest.sig.json"))
            signature |= {"version": version, "sha256": digest}
            self.put(f"{there}manifest.sig.json", json.dumps(signature).encode())

    def listed(self) -> dict[str, dict[str, Any]]:
        """The backups that GET /v1/backups lists, by id."""
        url = f"{self.outputs['api_url']}/v1/backups?dataset=quotes"
        answer = urllib3.PoolManager().request("GET", url, headers={"x-api-key": self.outputs["api_key"]})
        return {entry["id"]: entry for entry in answer.json()["data"]}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Deployed]:
    state, data = tmp_path_factory.mktemp("planted") / "state", tmp_path_factory.mktemp("quotes")
    (data / "quotes.csv").write_text(QUOTES)
    config = Config(state=state, aws_port=free_port(), pg_port=free_port())
    with embedded.running(config) as outputs:
        target = ["--outputs", str(config.outputs)]
        dataforge(target, "migrate", str(data), "--dataset", "quotes")
        backup = dataforge(target, "backup", "--dataset", "quotes", "--verify")["backup_id"]
        yield Deployed(outputs, target, boto3.client("s3", **client_settings(outputs)), backup)


def test_planted_backups_are_not_verified_not_latest_and_refused_by_their_ids(deployed: Deployed) -> None:
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    unsigned, forged = f"{now}-fffffffe", f"{now}-ffffffff"
    deployed.plant(unsigned, signed=False)
    deployed.plant(forged, signed=True)
    deployed.plant(FUTURE, signed=True)

    listed = deployed.listed()
    states = {one: (listed[one]["signed"], listed[one]["verified"]) for one in listed}
    assert states == {
        deployed.backup: (True, True),
        **dict.fromkeys((unsigned, forged, FUTURE), (False, False)),
    }
    assert {listed[one]["kind"] for one in (forged, FUTURE)} == {"unreadable"}

    call = ["--dataset", "quotes", "--dry-run"]
    latest = dataforge(deployed.target, "restore", "quotes", *call)
    assert (latest["backup"], latest["signed"]) == (deployed.backup, True)
    assert sorted(reason.split()[1] for reason in latest["skipped"]) == sorted([unsigned, forged, FUTURE])

    for backup, error in ((unsigned, "UnsignedBackup"), (forged, "DamagedBackup"), (FUTURE, "DamagedBackup")):
        for command in (
            ["restore", "quotes", *call, "--backup", backup],
            ["backup", "verify", backup, "--dataset", "quotes"],
        ):
            refused = dataforge(deployed.target, *command, expected_exit=1)
            assert refused["error"] == error, refused


def test_undo_restores_the_signed_safety_backup(deployed: Deployed) -> None:
    done = dataforge(deployed.target, "restore", "quotes", "--dataset", "quotes", "--yes")
    undone = dataforge(
        deployed.target, "restore", "--undo", done["restore_id"], "--dataset", "quotes", "--yes"
    )
    assert (done["signed"], undone["signed"], undone["backup"]) == (True, True, done["safety_backup"])
