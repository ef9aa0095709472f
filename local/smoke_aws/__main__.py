"""`make smoke-aws`: deploy the dev stage to the account of your credentials, test the main jobs, and destroy the stage.

It refuses to start if the stack exists, because it destroys only what it created.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from dataforge.aws.clients import COMMAND_LINE, make_client
from dataforge.postgres.roles import MIGRATE
from local.command import CommandFailed
from local.config import ROOT
from local.smoke_aws.observe import prove_log_line, prove_metric, prove_trace
from local.smoke_aws.prove import prove, prove_empty_restore, read_outputs, require_healthy
from local.smoke_aws.refusals import prove_other_role_is_denied, prove_wrong_root_is_refused
from local.smoke_aws.until import NotProved

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

STACK = "DataForge-dev"
TARGET = ("--stage", "dev")
CDK = ROOT / "node_modules" / ".bin" / "cdk"


def main() -> int:
    """Exit status 0: all tests passed, 1: a test failed, 2: refused to start. Without --keep the stage is destroyed."""
    parser = argparse.ArgumentParser(prog="make smoke-aws", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="do not destroy the stack")
    asked = parser.parse_args()
    try:
        account = make_client("sts", COMMAND_LINE).get_caller_identity()["Account"]
        exists = _exists()
    except (BotoCoreError, ClientError) as error:
        print(f"No AWS account to prove it on: {error}. Set AWS_PROFILE and AWS_REGION.", file=sys.stderr)
        return 2
    if exists:
        print(
            f"{STACK} exists in account {account}; it is not touched. Use another account.", file=sys.stderr
        )
        return 2
    try:
        return _prove()
    finally:
        if not asked.keep:
            _destroy()


def _prove() -> int:
    try:
        _prove_all()
    except (NotProved, CommandFailed, subprocess.CalledProcessError) as error:
        print(f"NOT PROVED: {error}", file=sys.stderr)
        return 1
    print("Proved.")
    return 0


def _prove_all() -> None:
    found = _deploy()
    print(f"deployed: {', '.join(sorted(found))}")
    functions = _functions()
    require_sound(functions)
    prove_empty_restore(TARGET)
    prove(TARGET, found["ApiUrl"])
    ingest = _of(functions, "functions.ingest.handler.handler")
    _prove_observed(ingest)
    _prove_refused(ingest, found["ApiUrl"])
    _same_outputs("a second deployment", _deploy(), found)
    require_healthy(TARGET)
    _destroy()
    _deploy()
    require_healthy(TARGET)
    print("deployed again after it was destroyed: the doctor finds nothing")


def _prove_observed(ingest: dict[str, Any]) -> None:
    line = prove_log_line(make_client("logs", COMMAND_LINE), ingest["LoggingConfig"]["LogGroup"], "batch_id")
    print(f"a log line of {len(line)} characters arrived")
    count = prove_metric(make_client("cloudwatch", COMMAND_LINE), "RecordsAccepted", "ingest")
    print(f"a metric arrived: {count:.0f} records accepted")
    print(f"a trace arrived: {prove_trace(make_client('xray', COMMAND_LINE), ingest['FunctionName'])}")


def _prove_refused(ingest: dict[str, Any], api_url: str) -> None:
    client, name = make_client("lambda", COMMAND_LINE), ingest["FunctionName"]

    def status() -> int:
        return urllib3.request("GET", f"{api_url}/v1/health", timeout=40).status

    prove_wrong_root_is_refused(client, name, status)
    print("a server whose certificate is not signed by the given roots is refused")
    prove_other_role_is_denied(client, name, status, MIGRATE)
    print(f"IAM denies {name} to sign in as {MIGRATE}")


def _deploy() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder, "outputs.json")
        _cdk("deploy", "--require-approval", "never", "--outputs-file", str(outputs))
        return read_outputs(outputs)


def _same_outputs(what: str, found: dict[str, str], wanted: dict[str, str]) -> None:
    if found != wanted:
        raise NotProved(f"{what} changed the outputs: {sorted(found.items() ^ wanted.items())}.")
    print(f"{what} changed nothing")


def _functions() -> list[dict[str, Any]]:
    pages = make_client("lambda", COMMAND_LINE).get_paginator("list_functions").paginate()
    return [dict(f) for page in pages for f in page["Functions"] if f["FunctionName"].startswith(STACK)]


def _of(functions: list[dict[str, Any]], handler: str) -> dict[str, Any]:
    (found,) = [f for f in functions if f["Handler"] == handler]
    return found


def require_sound(functions: list[dict[str, Any]]) -> None:
    """Every function runs on arm64 and has no password in its environment."""
    for function in functions:
        if "PASSWORD" in str(function.get("Environment", {})).upper():
            raise NotProved(f"{function['FunctionName']} has a password in its environment.")
        if function["Runtime"].startswith("python") and function["Architectures"] != ["arm64"]:
            raise NotProved(f"{function['FunctionName']} runs on {function['Architectures']}.")
    if not functions:
        raise NotProved("No function is deployed.")


def _exists() -> bool:
    try:
        return bool(make_client("cloudformation", COMMAND_LINE).describe_stacks(StackName=STACK)["Stacks"])
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise


def _destroy() -> None:
    """Empty the buckets, which CloudFormation would refuse to delete, destroy the stack, and delete what it retains."""
    if not _exists():
        return
    stacks = make_client("cloudformation", COMMAND_LINE)
    resources = stacks.get_paginator("list_stack_resources").paginate(StackName=STACK)
    buckets = {
        r["LogicalResourceId"]: r["PhysicalResourceId"]
        for page in resources
        for r in page["StackResourceSummaries"]
        if r["ResourceType"] == "AWS::S3::Bucket" and "PhysicalResourceId" in r
    }
    for bucket in buckets.values():
        _empty(bucket)
    _cdk("destroy", "--force")
    for name in (bucket for key, bucket in buckets.items() if key.startswith("StorageLogs")):
        # S3 may have delivered an access log in the meantime.
        _empty(name)
        make_client("s3", COMMAND_LINE).delete_bucket(Bucket=name)
    print("Destroyed. RDS keeps a final snapshot; delete it when you do not need it.")


def _empty(bucket: str) -> None:
    """Delete every version of every object."""
    s3 = make_client("s3", COMMAND_LINE)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        names: list[ObjectIdentifierTypeDef] = [
            {"Key": found["Key"], "VersionId": found["VersionId"]} for found in versions
        ]
        if names:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": names})


def _cdk(*arguments: str) -> None:
    path = os.pathsep.join((str(ROOT / ".venv" / "bin"), os.environ["PATH"]))
    command = [str(CDK), *arguments, "-c", "stage=dev", STACK]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, check=True)


if __name__ == "__main__":
    sys.exit(main())
