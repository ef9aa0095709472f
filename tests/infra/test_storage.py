"""The buckets: closed, encrypted, versioned, and cheaper with age."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from dataforge.defaults import VERSION_DAYS
from infra.foundation.storage import Retention, Storage

Resources = dict[str, dict[str, dict[str, Any]]]
DATA = ("StorageRaw", "StorageBackup", "StorageReport")


def bucket(resources: Resources, name: str) -> dict[str, Any]:
    (found,) = (b for key, b in resources["AWS::S3::Bucket"].items() if key.startswith(name))
    return found


def rules(resources: Resources, name: str) -> dict[str, dict[str, Any]]:
    return {
        rule["Id"]: rule for rule in bucket(resources, name)["Properties"]["LifecycleConfiguration"]["Rules"]
    }


def test_every_bucket_is_encrypted_and_closed(dev: Resources) -> None:
    assert len(dev["AWS::S3::Bucket"]) == 4
    for found in dev["AWS::S3::Bucket"].values():
        properties = found["Properties"]
        (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4


def test_every_bucket_refuses_plain_http_and_old_tls(dev: Resources) -> None:
    policies = dev["AWS::S3::BucketPolicy"].values()
    assert len(policies) == 4
    for policy in policies:
        denied = [s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        conditions = [statement["Condition"] for statement in denied]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
        tls = [statement for statement in denied if statement.get("Sid") != "RequireAbsence"]
        assert all(s["Principal"] == {"AWS": "*"} and s["Action"] == "s3:*" for s in tls)


def test_manifests_and_signatures_are_only_created(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        (policy,) = (
            r
            for name, r in template["Resources"].items()
            if r["Type"] == "AWS::S3::BucketPolicy" and name.startswith("StorageBackup")
        )
        (denied,) = (
            s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s.get("Sid") == "RequireAbsence"
        )
        assert (denied["Effect"], denied["Principal"], denied["Action"]) == (
            "Deny",
            {"AWS": "*"},
            "s3:PutObject",
        )
        assert denied["Condition"] == {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        }
        assert [resource["Fn::Join"][1][-1] for resource in denied["Resource"]] == [
            "/*/manifest.json",
            "/*/manifest.sig.json",
        ]
        # In an upgrade, the functions state it before the bucket requires it.
        assert any("BackupControl" in name for name in policy["DependsOn"])


@pytest.mark.parametrize("name", DATA)
def test_data_buckets_keep_versions_and_log_access(dev: Resources, name: str) -> None:
    properties = bucket(dev, name)["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["LoggingConfiguration"]["DestinationBucketName"]["Ref"].startswith("StorageLogs")


@pytest.mark.parametrize("name", DATA)
def test_old_versions_expire_and_incomplete_uploads_are_aborted(dev: Resources, name: str) -> None:
    age = rules(dev, name)["age"]
    assert age["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    if name == "StorageBackup":
        assert age["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert "NoncurrentVersionTransitions" not in age
    else:
        assert age["NoncurrentVersionTransitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": 30}]
        assert age["NoncurrentVersionExpiration"] == {"NoncurrentDays": 365}
    assert "ExpirationInDays" not in age


@pytest.mark.parametrize("name", ["StorageRaw", "StorageBackup"])
def test_data_moves_to_storage_classes_with_immediate_access(dev: Resources, name: str) -> None:
    moves = [(t["StorageClass"], t["TransitionInDays"]) for t in rules(dev, name)["age"]["Transitions"]]
    assert moves == [("STANDARD_IA", 30), ("GLACIER_IR", 120)]


def test_replaced_files_are_stored_as_long_as_rejections_refer_to_them() -> None:
    def days(rejection_days: int) -> int:
        app = App(context={"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True})
        retention = Retention(None, None, export_keep_days=30, version_days=VERSION_DAYS)
        storage = Storage(
            Stack(app), "Storage", keep=False, rejection_days=rejection_days, retention=retention
        )
        document = Template.from_stack(Stack.of(storage)).to_json()["Resources"].values()
        [raw] = (r for r in document if "raw/" in str(r["Properties"].get("LoggingConfiguration")))
        [age] = (r for r in raw["Properties"]["LifecycleConfiguration"]["Rules"] if r["Id"] == "age")
        return int(age["NoncurrentVersionExpiration"]["NoncurrentDays"])

    assert (days(90), days(400)) == (365, 407)


def test_only_objects_of_a_run_expire_in_the_report_bucket(dev: Resources) -> None:
    expiring = {
        r["Prefix"]: r["ExpirationInDays"] for r in rules(dev, "StorageReport").values() if "Prefix" in r
    }
    assert expiring == {
        "progress/": 30,
        "requests/": 30,
        "exports/": 30,
        "map-runs/": 30,
        # A week longer than the rows that refer to them.
        "rejections/": 97,
    }


def test_ends_of_files_reports_and_versions_follow_the_settings(synthesize: Callable[..., Any]) -> None:
    context = {"rawKeepDays": 100, "reportKeepDays": 120, "exportKeepDays": 5, "versionDays": 20}
    template = synthesize(**context)["Resources"]
    by_bucket = {
        name: {rule["Id"]: rule for rule in r["Properties"]["LifecycleConfiguration"]["Rules"]}
        for name, r in template.items()
        if r["Type"] == "AWS::S3::Bucket"
    }
    raw, backup, report = (
        next(found for name, found in by_bucket.items() if name.startswith(f"Storage{bucket}"))
        for bucket in ("Raw", "Backup", "Report")
    )
    assert raw["expire-all"]["ExpirationInDays"] == 100
    # The text of rejections is read in the versions of their files.
    assert raw["age"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 97}
    assert backup["age"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 20}
    assert "NoncurrentVersionTransitions" not in report["age"]
    assert report["expire-runs"] == {
        "Id": "expire-runs",
        "Prefix": "runs/",
        "Status": "Enabled",
        "ExpirationInDays": 120,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    assert report["expire-exports"]["ExpirationInDays"] == 5


@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("prod", "RetainExceptOnCreate")])
def test_buckets_are_retained_in_prod_only(
    templates: dict[str, dict[str, Any]], stage: str, policy: str
) -> None:
    resources = templates[stage]["Resources"].items()
    kept = {
        key: r["DeletionPolicy"]
        for key, r in resources
        if r["Type"] in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy")
    }
    assert len(kept) == 8
    (logs,) = (key for key in kept if key.startswith("StorageLogs") and "Policy" not in key)
    assert kept.pop(logs) == "Retain"
    assert set(kept.values()) == {policy}


def test_no_bucket_is_emptied_automatically(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        assert "Custom::S3AutoDeleteObjects" not in {r["Type"] for r in template["Resources"].values()}
