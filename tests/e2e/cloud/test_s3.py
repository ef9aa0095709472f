"""S3 of the embedded cloud is as strict as AWS's: addresses, conditional writes, versions, Object Lock, lifecycle rules."""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.aws import ClientSettings

BY_PATH = Config(signature_version="s3v4", s3={"addressing_style": "path"})


@pytest.fixture(scope="module")
def s3(emulator: ClientSettings) -> Any:
    return boto3.client("s3", **emulator, config=BY_PATH)


@pytest.fixture
def make_bucket(emulator: ClientSettings) -> Callable[..., str]:
    """Create a bucket with these properties by CloudFormation."""

    def make(**properties: Any) -> str:
        name = f"bucket-{secrets.token_hex(4)}"
        resource = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **properties}}
        stacks = boto3.client("cloudformation", **emulator)
        stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Bucket": resource}}))
        (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return name

    return make


@pytest.fixture
def locked(make_bucket: Callable[..., str]) -> str:
    """A bucket whose objects are locked for ten days."""
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 10}}
    return make_bucket(
        ObjectLockEnabled=True,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},
    )


@pytest.fixture
def make_session(emulator: ClientSettings) -> Callable[..., dict[str, Any]]:
    """Create a role with statements and assume it; returns settings of ``boto3.client``."""
    iam, sts = boto3.client("iam", **emulator), boto3.client("sts", **emulator)

    def make(*statements: dict[str, Any]) -> dict[str, Any]:
        name = f"role-{secrets.token_hex(4)}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))[
            "Role"
        ]
        iam.put_role_policy(
            RoleName=name, PolicyName="only", PolicyDocument=json.dumps({"Statement": list(statements)})
        )
        session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="any")["Credentials"]
        return {
            **emulator,
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        }

    return make


def error(call: Callable[..., Any], **given: Any) -> str:
    """The code of the error with which the call fails; "" if it does not."""
    try:
        call(**given)
    except ClientError as failure:
        return str(failure.response["Error"]["Code"])
    return ""


def versions(s3: Any, bucket: str) -> tuple[list[str], list[str]]:
    """The keys of all versions and of all delete markers."""
    found = s3.list_object_versions(Bucket=bucket)
    return (
        [one["Key"] for one in found.get("Versions", [])],
        [one["Key"] for one in found.get("DeleteMarkers", [])],
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda url: url, 200, ""),
        (lambda url: url.replace("/key?", "/other?"), 403, "SignatureDoesNotMatch"),
        (lambda url: url + "&versionId=null", 403, "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=60", "Expires=600"), 403, "SignatureDoesNotMatch"),
        (lambda url: url.replace("127.0.0.1", "localhost"), 403, "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=60", "Expires=soon"), 400, "AuthorizationQueryParametersError"),
        (lambda url: url.replace("X-Amz-Algorithm", "X-Amz-Other"), 400, "AuthorizationQueryParametersError"),
        (lambda url: url.partition("?")[0], 403, "AccessDenied"),
    ],
)
def test_changed_address_is_refused_with_the_error_of_aws(
    s3: Any, make_bucket: Callable[..., str], change: Callable[[str], str], status: int, code: str
) -> None:
    bucket = make_bucket()
    s3.put_object(Bucket=bucket, Key="key", Body=b"content")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"}, ExpiresIn=60)
    answer = urllib3.request("GET", change(url))
    assert answer.status == status
    assert (b"<Code>" + code.encode() + b"<" in answer.data) is bool(code)


@pytest.mark.parametrize(
    ("expires", "status", "text"),
    [
        (0, 403, b"<Code>AccessDenied</Code><Message>Request has expired<"),
        (604801, 400, b"<Code>AuthorizationQueryParametersError<"),
    ],
)
def test_address_that_is_not_valid_any_more_or_for_too_long_is_refused(
    s3: Any, expires: int, status: int, text: bytes
) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": "any", "Key": "any"}, ExpiresIn=expires)
    answer = urllib3.request("GET", url)
    while expires == 0 and b"expired" not in answer.data:
        answer = urllib3.request("GET", url)  # valid until the end of the second in which it was signed
    assert (answer.status, text in answer.data) == (status, True)


def test_address_signed_with_an_unknown_key_is_refused(emulator: ClientSettings) -> None:
    other: ClientSettings = {**emulator, "aws_access_key_id": "AKIAUNKNOWN"}
    unknown = boto3.client("s3", **other, config=BY_PATH)
    url = unknown.generate_presigned_url("get_object", {"Bucket": "any", "Key": "any"})
    assert b"<Code>InvalidAccessKeyId<" in urllib3.request("GET", url).data


def test_conditional_write_to_an_existing_key_is_refused_also_in_parts(
    s3: Any, make_bucket: Callable[..., str]
) -> None:
    bucket = make_bucket()
    place = {"Bucket": bucket, "Key": "key"}
    assert error(s3.put_object, **place, Body=b"1", IfNoneMatch="*") == ""
    assert error(s3.put_object, **place, Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    upload = s3.create_multipart_upload(**place)["UploadId"]
    tag = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"3")["ETag"]
    given = {**place, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}}
    assert error(s3.complete_multipart_upload, **given, IfNoneMatch="*") == "PreconditionFailed"
    assert error(s3.complete_multipart_upload, **given) == ""


def test_parts_but_the_last_have_at_least_5_mebibytes(s3: Any, make_bucket: Callable[..., str]) -> None:
    place = {"Bucket": make_bucket(), "Key": "key"}

    def complete(*sizes: int) -> str:
        upload = s3.create_multipart_upload(**place)["UploadId"]
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=bytes(size))["ETag"],
            }
            for number, size in enumerate(sizes, 1)
        ]
        return error(s3.complete_multipart_upload, **place, UploadId=upload, MultipartUpload={"Parts": parts})

    assert complete(5 * 2**20, 1) == ""
    assert complete(5 * 2**20 - 1, 1) == "EntityTooSmall"


def test_key_has_at_most_1024_bytes(s3: Any, make_bucket: Callable[..., str]) -> None:
    bucket = make_bucket()
    assert error(s3.put_object, Bucket=bucket, Key="é" * 512, Body=b"") == ""
    assert error(s3.put_object, Bucket=bucket, Key="é" * 512 + "a", Body=b"") == "KeyTooLongError"


def test_settings_of_a_bucket_in_a_stack_are_those_that_s3_returns(
    s3: Any, make_bucket: Callable[..., str], locked: str
) -> None:
    rule = {
        "Id": "age",
        "Status": "Enabled",
        "ExpiredObjectDeleteMarker": True,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}],
    }
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    bucket = make_bucket(
        LifecycleConfiguration={"Rules": [rule]},
        BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
    )
    (found,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert found["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert found["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    assert s3.put_object(Bucket=bucket, Key="key", Body=b"1")["ServerSideEncryption"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    lock = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 10}


def test_every_new_version_is_locked(s3: Any, locked: str) -> None:
    place = {"Bucket": locked, "Key": "parts"}
    written = [s3.put_object(Bucket=locked, Key="key", Body=b"1")["VersionId"]]
    upload = s3.create_multipart_upload(**place)["UploadId"]
    tag = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"3")["ETag"]
    given = {**place, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}}
    written.append(s3.complete_multipart_upload(**given)["VersionId"])
    written.append(s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/key")["VersionId"])
    for key, version in zip(("key", "parts", "copy"), written, strict=True):
        refused = error(s3.delete_object, Bucket=locked, Key=key, VersionId=version)
        assert (key, refused) == (key, "AccessDenied")


def test_locked_version_is_deleted_by_bypassing_governance_only(s3: Any, locked: str) -> None:
    place = {"Bucket": locked, "Key": "key"}
    version = s3.put_object(**place, Body=b"1")["VersionId"]
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": "2020-01-01T00:00:00Z"}
    assert error(s3.put_object_retention, **place, VersionId=version, Retention=sooner) == "AccessDenied"
    (refused,) = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "key", "VersionId": version}]})[
        "Errors"
    ]
    assert refused["Code"] == "AccessDenied"
    assert error(s3.put_object, **place, Body=b"2") == ""  # a new version
    assert error(s3.delete_object, **place) == ""  # a delete marker
    assert error(s3.delete_object, **place, VersionId=version, BypassGovernanceRetention=True) == ""


def test_bypassing_governance_needs_a_permission(
    emulator: ClientSettings, s3: Any, locked: str, make_session: Callable[..., dict[str, Any]]
) -> None:
    """Of a role, also for a batch; the administrator is the account's root."""
    version = s3.put_object(Bucket=locked, Key="key", Body=b"1")["VersionId"]
    batch = {"Objects": [{"Key": "key", "VersionId": version}]}
    delete = {"Effect": "Allow", "Action": "s3:DeleteObject*", "Resource": "*"}
    bypass = {"Effect": "Allow", "Action": "s3:BypassGovernanceRetention", "Resource": "*"}
    without, permitted = (
        boto3.client("s3", **make_session(*statements), config=BY_PATH)
        for statements in ((delete,), (delete, bypass))
    )
    with pytest.raises(ClientError, match="s3:BypassGovernanceRetention on resource"):
        without.delete_object(Bucket=locked, Key="key", VersionId=version, BypassGovernanceRetention=True)
    assert error(without.delete_objects, Bucket=locked, Delete=batch, BypassGovernanceRetention=True) == (
        "AccessDenied"
    )
    # The permission without the header does not suffice.
    assert error(permitted.delete_object, Bucket=locked, Key="key", VersionId=version) == "AccessDenied"
    assert (
        error(
            permitted.delete_object,
            Bucket=locked,
            Key="key",
            VersionId=version,
            BypassGovernanceRetention=True,
        )
        == ""
    )


def test_changed_body_is_refused(emulator: ClientSettings, make_bucket: Callable[..., str]) -> None:
    request = AWSRequest("PUT", f"{emulator['endpoint_url']}/{make_bucket()}/key", data=b"content")
    S3SigV4Auth(
        Credentials(emulator["aws_access_key_id"], emulator["aws_secret_access_key"]), "s3", "eu-west-1"
    ).add_auth(request)
    refused = urllib3.request("PUT", str(request.url), headers=dict(request.headers), body=b"changed")
    assert (refused.status, b"<Code>XAmzContentSHA256Mismatch<" in refused.data) == (400, True)


def test_body_has_its_checksum_also_one_at_its_end(
    emulator: ClientSettings, s3: Any, make_bucket: Callable[..., str]
) -> None:
    bucket, wrong = make_bucket(), base64.b64encode(bytes(4)).decode()
    assert error(s3.put_object, Bucket=bucket, Key="key", Body=b"content", ChecksumCRC32=wrong) == "BadDigest"
    right = base64.b64encode(zlib.crc32(b"content").to_bytes(4)).decode()
    for checksum, status in ((wrong, 400), (right, 200)):
        headers = {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-trailer": "x-amz-checksum-crc32",
            "x-amz-decoded-content-length": "7",
            "content-encoding": "aws-chunked",
        }
        request = AWSRequest("PUT", f"{emulator['endpoint_url']}/{bucket}/key", headers=headers)
        credentials = Credentials(emulator["aws_access_key_id"], emulator["aws_secret_access_key"])
        SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
        body = f"7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
        sent = urllib3.request("PUT", str(request.url), headers=dict(request.headers), body=body)
        assert sent.status == status


def test_locked_object_needs_a_checksum(emulator: ClientSettings, locked: str) -> None:
    without = boto3.client("s3", **emulator, config=Config(request_checksum_calculation="when_required"))
    assert error(without.put_object, Bucket=locked, Key="key", Body=b"1") == "InvalidRequest"


def test_lifecycle_rules_expire_objects_versions_and_uploads_but_no_locked_version(
    s3: Any, make_bucket: Callable[..., str], locked: str, move_clock: Callable[[int], int]
) -> None:
    rules = [
        {
            "Id": "age",
            "Status": "Enabled",
            "ExpiredObjectDeleteMarker": True,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        },
        {"Id": "expire", "Status": "Enabled", "Prefix": "temporary/", "ExpirationInDays": 5},
        {"Id": "off", "Status": "Disabled", "ExpirationInDays": 1},
    ]
    bucket = make_bucket(
        VersioningConfiguration={"Status": "Enabled"}, LifecycleConfiguration={"Rules": rules}
    )
    for key in ("kept", "replaced", "replaced", "temporary/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")
    s3.put_bucket_lifecycle_configuration(
        Bucket=locked,
        LifecycleConfiguration={
            "Rules": [
                {"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
            ]
        },
    )
    for body in (b"1", b"2"):
        s3.put_object(Bucket=locked, Key="key", Body=body)

    assert move_clock(2) == 200
    assert versions(s3, bucket) == (["kept", "replaced", "replaced", "temporary/a"], [])
    assert versions(s3, locked)[0] == ["key", "key"]
    move_clock(2)
    assert versions(s3, bucket) == (["kept", "replaced", "temporary/a"], [])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    move_clock(2)
    assert versions(s3, bucket) == (["kept", "replaced", "temporary/a"], ["temporary/a"])
    move_clock(4)
    assert versions(s3, bucket) == (["kept", "replaced"], [])
    move_clock(1)
    assert versions(s3, locked)[0] == ["key"]


def test_objects_move_to_the_storage_classes_of_the_rules_and_are_not_read_from_an_archive(
    s3: Any, make_bucket: Callable[..., str], move_clock: Callable[[int], int]
) -> None:
    rules = {
        "Status": "Enabled",
        "Transitions": [
            {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
            {"StorageClass": "GLACIER", "TransitionInDays": 90},
        ],
    }
    bucket = make_bucket(LifecycleConfiguration={"Rules": [rules]})
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(128 * 1024))
    s3.put_object(Bucket=bucket, Key="small", Body=bytes(128 * 1024 - 1))

    def classes() -> dict[str, str]:
        return {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    assert classes() == {"large": "STANDARD", "small": "STANDARD"}
    move_clock(31)
    assert classes() == {"large": "STANDARD_IA", "small": "STANDARD"}
    assert error(s3.get_object, Bucket=bucket, Key="large") == ""
    move_clock(60)
    assert error(s3.get_object, Bucket=bucket, Key="large") == "InvalidObjectState"


def test_only_the_administrator_moves_the_clock(
    emulator: ClientSettings, move_clock: Callable[..., int]
) -> None:
    session = boto3.client("sts", **emulator).assume_role(
        RoleArn="arn:aws:iam::000000000000:role/any", RoleSessionName="any"
    )["Credentials"]
    other = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert move_clock(1, other) == 403


def test_bucket_that_is_not_empty_is_not_deleted_with_its_stack(
    emulator: ClientSettings, s3: Any, make_bucket: Callable[..., str]
) -> None:
    bucket = make_bucket(VersioningConfiguration={"Status": "Enabled"})
    stacks = boto3.client("cloudformation", **emulator)
    version = s3.put_object(Bucket=bucket, Key="key", Body=b"1")["VersionId"]
    stacks.delete_stack(StackName=bucket)
    assert stacks.describe_stacks(StackName=bucket)["Stacks"][0]["StackStatus"] == "DELETE_FAILED"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in stacks.describe_stack_events(StackName=bucket)["StackEvents"]
    ]
    assert any("not empty" in reason for reason in reasons)
    s3.delete_object(Bucket=bucket, Key="key", VersionId=version)
    stacks.delete_stack(StackName=bucket)
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
