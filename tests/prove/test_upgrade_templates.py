"""An upgrade on AWS replaces and removes no stateful resource in any variant of the app.

CloudFormation replaces a resource when its logical id or one of its create-only properties changes. These properties are
read from the resource schemas that AWS publishes and cfn-lint includes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.variants import VARIANTS
from local.config import ROOT
from tests.prove.trees import BEFORE_FOLDERS, EARLIEST, STATEFUL, Tree

CONTEXTS: dict[str, Mapping[str, Any]] = {**VARIANTS, "local": {"target": "local", "auth": "secret"}}
"""On the embedded cloud, functions of earlier versions signed in with passwords, which are secrets of the stack."""
SYNTHESIZE = ROOT / "tests/prove/synthesize.py"
UNKNOWN_SETTINGS = {"bastion"}
"""Settings that the earliest version refuses."""
NAMED_BY_CONTENT = {"AWS::ApiGateway::Deployment", "AWS::Lambda::LayerVersion", "AWS::Lambda::Version"}
"""Types whose logical ids contain a hash of their content: each change makes a new one."""
ADDED = {
    "ApiRestv1auditANY7861ECEB",
    "ApiRestv1auditE13AF228",
    "DeliverAuditRecord0D1AB53D",
    "DeliverAuditRecordLogsC828BB39",
    "DeliverAuditRecordRoleB6FFE496",
    "DeliverAuditRecordRoleDefaultPolicyAC5D0C6A",
    "MonitoringAuditRecordErrors3199FBA2",
    "MonitoringRejectedText8B924FD6",
    "MonitoringKeysEndingEDC8ABCB",
    "PeopleOperator362395F2",
    "PeopleOperatorDefaultPolicy902C29B4",
    "PeopleViewerA20999A5",
    "PeopleViewerDefaultPolicy0C878579",
    "SchemaRightsC2B33214",
    "SigningManifests022ED46E",
    "SigningVerifications92320E22",
    "SchemaUpkeepDailyB9ADAF96",
    "SchemaUpkeepMachineEventsRole17B46407",
    "SchemaUpkeepMachineEventsRoleDefaultPolicyBD7735CD",
}
"""Resources that were added later: the audit, the alarms on the text of rejections and on keys that end, the daily start of
the upkeep, the resource that withdraws rights, the roles of people, and the keys that sign backups."""
ADDED_GLUE = {
    "BackupGlueDatabaseCompany4961EBFD",
    "BackupGlueDatabaseInvoicesA4505B7C",
    "BackupGlueDatabaseTransitDFE81709",
}
"""The Glue databases of datasets that were added later, in the variant that has Glue databases."""
ADDED_LOCK = {"DeploymentBackupLock3AE6350A"}
"""The Object Lock of new stacks, in production without the setting."""
ADDED_BY_VARIANT = {"options": ADDED_GLUE, "prod": ADDED_LOCK}
ADDED_OUTPUTS = {"Datasets", "ManifestKey", "OperatorRoleArn", "VerificationKey", "ViewerRoleArn"}

Resource = dict[str, Any]
Templates = dict[str, dict[str, Any]]
"""Variant -> template."""


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Templates]:
    """Synthesize all variants with a version's own app."""

    def templates(tree: Tree, without: Collection[str] = ()) -> Templates:
        out = tmp_path_factory.mktemp("templates")
        contexts = {
            name: {key: value for key, value in context.items() if key not in without}
            for name, context in CONTEXTS.items()
        }
        command = [sys.executable, str(SYNTHESIZE), json.dumps(contexts), str(out)]
        environ = {**os.environ, "PYTHONPATH": tree.python_path}
        subprocess.run(command, cwd=tree.folder, env=environ, check=True)
        return {name: json.loads((out / f"{name}.json").read_text()) for name in contexts}

    return templates


@pytest.fixture(scope="module")
def now(synthesize: Callable[..., Templates], current: Tree) -> Templates:
    return synthesize(current)


@pytest.fixture(scope="module")
def earliest(synthesize: Callable[..., Templates], checkout: Callable[[str], Tree]) -> Templates:
    return synthesize(checkout(EARLIEST), UNKNOWN_SETTINGS)


@pytest.fixture(scope="module")
def flat(synthesize: Callable[..., Templates], checkout: Callable[[str], Tree]) -> Templates:
    """The templates before files were moved into folders."""
    return synthesize(checkout(BEFORE_FOLDERS))


@pytest.mark.parametrize("variant", CONTEXTS)
def test_upgrade_from_the_earliest_version_keeps_every_stateful_resource(
    variant: str, earliest: Templates, now: Templates
) -> None:
    stateful = {
        name: resource
        for name, resource in earliest[variant]["Resources"].items()
        if resource["Type"] in STATEFUL
    }
    assert len(stateful) > 10
    assert replaced(stateful, now[variant]["Resources"]) == {}


@pytest.mark.parametrize("variant", CONTEXTS)
def test_upgrade_from_the_earliest_version_keeps_every_output(
    variant: str, earliest: Templates, now: Templates
) -> None:
    assert earliest[variant]["Outputs"].keys() <= now[variant]["Outputs"].keys()


@pytest.mark.parametrize("variant", CONTEXTS)
def test_folders_change_no_logical_id(variant: str, flat: Templates, now: Templates) -> None:
    before, after = identities(flat[variant]), identities(now[variant])
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == ADDED | ADDED_BY_VARIANT.get(variant, set())


@pytest.mark.parametrize("variant", CONTEXTS)
def test_folders_replace_no_resource(variant: str, flat: Templates, now: Templates) -> None:
    named = {name: flat[variant]["Resources"][name] for name in identities(flat[variant])}
    assert replaced(named, now[variant]["Resources"]) == {}


@pytest.mark.parametrize("variant", CONTEXTS)
def test_folders_change_no_output_name(variant: str, flat: Templates, now: Templates) -> None:
    added = now[variant]["Outputs"].keys() - flat[variant]["Outputs"].keys()
    assert added - {"BackupLock"} == ADDED_OUTPUTS


def identities(template: dict[str, Any]) -> dict[str, str]:
    """Logical id -> type, of the resources whose ids do not depend on their content."""
    types = {name: resource["Type"] for name, resource in template["Resources"].items()}
    return {name: kind for name, kind in types.items() if kind not in NAMED_BY_CONTENT}


def replaced(before: dict[str, Resource], now: dict[str, Resource]) -> dict[str, Any]:
    """The resources that an update drops or replaces: their create-only properties before and now."""
    pairs = {name: (create_only(resource), create_only(now.get(name))) for name, resource in before.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def create_only(resource: Resource | None) -> dict[str, Any]:
    """The resource's type and the properties whose change replaces it."""
    if resource is None:
        return {}
    properties = resource.get("Properties", {})
    names = create_only_names(resource["Type"])
    return {"Type": resource["Type"], **{name: properties.get(name) for name in names}}


@cache
def create_only_names(kind: str) -> list[str]:
    """The top-level properties of a type whose change, or the change of a part of them, replaces the resource."""
    if kind.startswith("Custom::"):
        return ["ServiceToken"]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    paths = schema.get("createOnlyProperties") or []
    return sorted({path.removeprefix("/properties/").partition("/")[0] for path in paths})
