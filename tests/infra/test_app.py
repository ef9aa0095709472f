"""The app as `cdk` runs it: its checks, messages and outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from infra.app import build
from infra.settings import read_settings
from infra.stack import DataForge
from local.config import ROOT

MakeApp = Callable[..., App]


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"stage": "prod"},
        {"target": "local"},
        {"auth": "secret", "glueDatabase": "lake", "bastion": True},
        {"bastion": True},
        {"alarmEmail": "ops@example.com", "multiAz": True},
    ],
    ids=lambda context: "-".join(map(str, context.values())) or "defaults",
)
def test_no_finding_of_cdk_nag_is_unacknowledged(make_app: MakeApp, context: dict[str, Any]) -> None:
    app = make_app(**context)
    DataForge(app, read_settings(app.node.get_all_context()))
    found = AwsSolutionsChecks(app).validate_scope(app)
    assert [(v.rule_name, [r.construct_path for r in v.violating_resources]) for v in found.violations] == []


def test_no_finding_of_cdk_nag_is_unacknowledged_with_an_existing_database(
    make_app: MakeApp, existing_database: dict[str, Any]
) -> None:
    app = make_app(existingDatabase=existing_database)
    DataForge(app, read_settings(app.node.get_all_context()))
    assert AwsSolutionsChecks(app).validate_scope(app).success


def test_finding_without_acknowledgement_ends_the_synthesis(make_app: MakeApp) -> None:
    app = make_app()
    s3.Bucket(build(app), "Careless")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text())
    assert "AwsSolutions-S1" in json.dumps(report)


def test_app_passes_its_own_validation(make_app: MakeApp) -> None:
    app = make_app()
    build(app)
    assert [stack.stack_name for stack in app.synth().stacks] == ["DataForge-dev"]


def test_wrong_context_ends_with_one_readable_sentence() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps({"stagee": "dev"})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "stagee: no such setting; did you mean stage?" in run.stderr
    assert "Traceback" not in run.stderr


def test_stack_is_independent_of_account_and_region(make_app: MakeApp) -> None:
    app = make_app()
    stack = DataForge(app, read_settings({}))
    assert (stack.environment, stack.termination_protection) == (
        "aws://unknown-account/unknown-region",
        False,
    )


def test_stack_is_not_protected_before_it_exists(make_app: MakeApp) -> None:
    app = make_app(stage="prod")
    assert not DataForge(app, read_settings({"stage": "prod"})).termination_protection


def test_outputs_are_those_of_the_contract(templates: dict[str, dict[str, Any]]) -> None:
    for name, template in templates.items():
        assert set(template["Outputs"]) - ({"BackupLock"} if name == "prod" else set()) == {
            "RawBucket",
            "Datasets",
            "BackupBucket",
            "ReportBucket",
            "MigrationArn",
            "BackupArn",
            "RestoreArn",
            "ExportArn",
            "UpkeepArn",
            "ApiUrl",
            "ReaderPlan",
            "WriterPlan",
            "OperatorPlan",
            "ManifestKey",
            "VerificationKey",
            "SchemaArn",
            "Region",
            "OperatorRoleArn",
            "ViewerRoleArn",
        }


def test_every_taggable_resource_is_tagged(synthesize: Callable[..., dict[str, Any]]) -> None:
    template = synthesize(tags={"CostCentre": "42"})
    wanted = {"Project": "data-forge", "Stage": "dev", "CostCentre": "42"}
    for kind in (
        "AWS::S3::Bucket",
        "AWS::RDS::DBInstance",
        "AWS::Lambda::Function",
        "AWS::StepFunctions::StateMachine",
    ):
        for resource in (r for r in template["Resources"].values() if r["Type"] == kind):
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            assert wanted.items() <= tags.items()
