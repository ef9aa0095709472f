"""A deployment that fails can be repeated, and one that succeeds is protected: templates against CloudFormation's rules."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.settings import read_settings
from infra.stack import DataForge

Template = dict[str, Any]
Resources = dict[str, dict[str, dict[str, Any]]]
KEPT = ("Retain", "RetainExceptOnCreate")
SNAPSHOT_BY_DEFAULT = "AWS::RDS::DBInstance"
NAMES = {
    "AWS::ApiGateway::UsagePlan": (),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
}
"""The properties that give a resource a unique name."""
WRITTEN_DURING_CREATION = "StorageLogs"


def references(value: Any) -> Iterator[str]:
    """The logical ids that a value refers to."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:])
        case dict():
            for item in value.values():
                yield from references(item)
        case list():
            for item in value:
                yield from references(item)


def policy(resource: dict[str, Any]) -> str:
    default = "Snapshot" if resource["Type"] == SNAPSHOT_BY_DEFAULT else "Delete"
    return str(resource.get("DeletionPolicy", default))


@pytest.mark.parametrize("variant", ["dev", "prod", "existing", "local"])
def test_dependencies_of_retained_resources_are_retained(
    templates: dict[str, Template], variant: str
) -> None:
    resources = templates[variant]["Resources"]
    kept = {name for name, resource in resources.items() if policy(resource) in KEPT}
    needed = {
        (name, other)
        for name in kept
        for other in references(resources[name].get("Properties", {}))
        if other in resources and other not in kept
    }
    assert kept
    assert needed == set()


def test_prod_retains_the_database_and_its_network(prod: Resources) -> None:
    for kind in ("DBInstance", "DBSubnetGroup", "DBParameterGroup"):
        assert {policy(r) for r in prod[f"AWS::RDS::{kind}"].values()} == {"RetainExceptOnCreate"}
    for kind in ("EC2::VPC", "EC2::Subnet", "SecretsManager::Secret"):
        assert {policy(r) for r in prod[f"AWS::{kind}"].values()} == {"RetainExceptOnCreate"}
    (group,) = (r for key, r in prod["AWS::EC2::SecurityGroup"].items() if key.startswith("DatabaseGroup"))
    assert policy(group) == "RetainExceptOnCreate"


class RolledBack:
    """The resources that remain after a creation fails with its last resource, by a model of CloudFormation's rules.

    It deletes in the reverse order of creation. A resource with ``Retain`` stays; one with ``RetainExceptOnCreate`` is
    deleted. RDS refuses to delete a protected instance, S3 a bucket with objects; what a refused resource refers to then
    cannot be deleted either, and a stack with termination protection cannot be deleted to begin again.
    """

    def __init__(self, template: Template, *, stack_is_protected: bool, written: str) -> None:
        self.blocked_by: list[str] = ["termination protection"] if stack_is_protected else []
        self.left: dict[str, dict[str, Any]] = {}
        for name, resource in reversed(list(created(template["Resources"]))):
            properties = resource.get("Properties", {})
            refused = properties.get("DeletionProtection") is True or (
                resource["Type"] == "AWS::S3::Bucket" and name.startswith(written)
            )
            if policy(resource) == "Retain":
                self.left[name] = resource
            elif refused or any(name in references(r.get("Properties", {})) for r in self.left.values()):
                self.left[name] = resource
                self.blocked_by.append(name)


def created(resources: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources in an order in which they can be created."""
    needs = {
        name: {*references(resource.get("Properties", {})), *_listed(resource.get("DependsOn", []))}
        & {*resources}
        for name, resource in resources.items()
    }
    done: set[str] = set()
    while len(done) < len(resources):
        ready = [name for name in resources if name not in done and needs[name] <= done]
        assert ready, "resources wait for each other"
        for name in ready:
            done.add(name)
            yield name, resources[name]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def fixed(name: Any) -> bool:
    """Whether a second stack would use the same name."""
    return name is not None and "AWS::StackId" not in references(name)


@pytest.mark.parametrize("variant", ["dev", "prod", "existing"])
def test_creation_that_fails_last_leaves_nothing_that_blocks_the_next(
    templates: dict[str, Template], protected: set[str], variant: str
) -> None:
    rolled_back = RolledBack(
        templates[variant], stack_is_protected=variant in protected, written=WRITTEN_DURING_CREATION
    )
    assert rolled_back.blocked_by == []
    named = [
        name
        for name, resource in rolled_back.left.items()
        if any(fixed(resource.get("Properties", {}).get(key)) for key in NAMES.get(resource["Type"], ()))
    ]
    assert named == []


@pytest.mark.parametrize(
    "change",
    [
        {"DatabasePostgres": {"DeletionProtection": True}},
        {"StorageLogs": {"DeletionPolicy": "RetainExceptOnCreate"}},
    ],
    ids=["protected from the start", "bucket that is written during creation"],
)
def test_model_of_a_rollback_finds_what_blocks(
    prod_copy: Template, change: dict[str, dict[str, Any]]
) -> None:
    for prefix, values in change.items():
        for name, resource in prod_copy["Resources"].items():
            if name.startswith(prefix) and resource["Type"] in ("AWS::RDS::DBInstance", "AWS::S3::Bucket"):
                resource["Properties"].update(
                    {key: value for key, value in values.items() if key != "DeletionPolicy"}
                )
                resource["DeletionPolicy"] = values.get("DeletionPolicy", resource["DeletionPolicy"])
    found = RolledBack(prod_copy, stack_is_protected=False, written=WRITTEN_DURING_CREATION).blocked_by
    assert any(name.startswith(prefix) for prefix in change for name in found)


@pytest.fixture
def prod_copy(templates: dict[str, Template]) -> Template:
    return dict(json.loads(json.dumps(templates["prod"])))


@pytest.fixture(scope="session")
def protected(make_app: Callable[..., Any]) -> set[str]:
    """The variants whose stacks `cdk deploy` protects before their creation begins."""
    app = make_app(stage="prod")
    stack = DataForge(app, read_settings(app.node.get_all_context()))
    return {"prod"} if stack.termination_protection else set()


def test_protection_is_the_last_resource(prod: Resources, templates: dict[str, Template]) -> None:
    (protection,) = prod["Custom::DataForgeProtection"]
    waits: dict[str, set[str]] = defaultdict(set)
    for name, resource in templates["prod"]["Resources"].items():
        waits[name] = {*references(resource.get("Properties", {})), *_listed(resource.get("DependsOn", []))}
    before, found = {protection}, set[str]()
    while before:
        found |= before
        before = {other for name in before for other in waits[name]} - found
    others = set(templates["prod"]["Resources"]) - found
    # Only what belongs to the function itself, and no resource with data, may still be created beside it.
    assert {name for name in others if not name.startswith("DeploymentDeploymentGuard")} == set()


def test_guard_may_only_change_its_instance_and_stack(prod: Resources, granted: Any) -> None:
    pairs = granted(prod, "DeploymentGuard")
    instance = "arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:db:dataforge-prod"
    assert {place for action, place in pairs if action.startswith("rds:")} == {instance}
    assert {place for action, place in pairs if action.startswith("cloudformation:")} == {"<AWS::StackId>"}
    groups = {place for action, place in pairs if action == "logs:DeleteLogGroup"}
    assert {place.rpartition("log-group:")[2] for place in groups} == {
        "/aws/rds/instance/dataforge-prod/postgresql:*",
        "/aws/rds/instance/dataforge-prod/upgrade:*",
    }


def test_no_custom_resource_calls_a_function_that_lambda_retries(
    templates: dict[str, Template],
) -> None:
    for template in templates.values():
        resources = template["Resources"]
        once = {
            r["Properties"]["FunctionName"]["Ref"]: name
            for name, r in resources.items()
            if r["Type"] == "AWS::Lambda::EventInvokeConfig"
            if r["Properties"]["MaximumRetryAttempts"] == 0
        }
        custom = [r for r in resources.values() if r["Type"].startswith("Custom::DataForge")]
        assert custom
        for resource in custom:
            function = resource["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
            assert once[function] in resource["DependsOn"]


def test_new_dev_instance_is_small_and_an_existing_one_keeps_its_class(dev: Resources) -> None:
    (instance,) = dev["AWS::RDS::DBInstance"].values()
    (name,) = dev["Custom::DataForgeInstance"]
    assert instance["Properties"]["DBInstanceClass"] == {
        "Fn::Join": ["", ["db.", {"Fn::GetAtt": [name, "InstanceClass"]}]]
    }
    assert dev["Custom::DataForgeInstance"][name]["Properties"]["DefaultClass"] == "t4g.small"


@pytest.mark.parametrize(
    ("context", "keeps"),
    [
        ({}, True),
        ({"instanceClass": "t4g.micro"}, False),
        ({"instanceClass": "t4g.micro", "keepInstanceClass": True}, False),
        ({"keepInstanceClass": False}, False),
        ({"stage": "prod"}, False),
    ],
)
def test_instance_class_of_the_context_takes_precedence(context: dict[str, Any], keeps: bool) -> None:
    assert read_settings(context).keep_instance_class is keeps


def test_log_groups_of_rds_are_created_after_leftovers_are_deleted(dev: Resources) -> None:
    (look,) = dev["Custom::DataForgeInstance"]
    groups = [r for r in dev["AWS::Logs::LogGroup"].values() if "LogGroupName" in r["Properties"]]
    mine = [r for r in groups if "/aws/rds/instance/" in json.dumps(r["Properties"]["LogGroupName"])]
    assert len(mine) == 2
    assert all(look in _listed(r.get("DependsOn", [])) for r in mine)


def minutes(window: str) -> tuple[int, int]:
    first, last = window.split("-")
    return tuple(int(t[-5:-3]) * 60 + int(t[-2:]) for t in (first, last))  # type: ignore[return-value]


def test_backup_windows_and_maintenance_do_not_overlap(dev: Resources) -> None:
    (instance,) = (r["Properties"] for r in dev["AWS::RDS::DBInstance"].values())
    backup = minutes(instance["PreferredBackupWindow"])
    day_and_time = instance["PreferredMaintenanceWindow"].replace("sun:", "")
    maintenance = minutes(day_and_time)
    schedules = [r["Properties"]["ScheduleExpression"] for r in dev["AWS::Scheduler::Schedule"].values()]
    starts = [
        int(hour) * 60 + int(minute)
        for minute, hour in (s.removeprefix("cron(").split()[:2] for s in schedules)
    ]
    assert len(set(starts)) == len(starts)
    assert min(starts) >= backup[1]
    # A backup may take hours.
    assert maintenance[0] - max(starts) >= 12 * 60


def test_schedule_shared_by_datasets_does_not_begin_in_one_minute(
    synthesize: Callable[..., Template],
) -> None:
    template = synthesize(backupSchedule="cron(0 4 * * ? *)")
    found = [
        r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Scheduler::Schedule"
    ]
    windows = [s["FlexibleTimeWindow"] for s in found]
    assert windows == [{"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}] * 2


def test_missing_backups_are_monitored_from_the_first_deployment(dev: Resources) -> None:
    (watch,) = dev["Custom::DataForgeBackupWatch"]
    alarms = {k: r for k, r in dev["AWS::CloudWatch::Alarm"].items() if "BackupStale" in k}
    assert len(alarms) == 2
    assert all(watch in _listed(r.get("DependsOn", [])) for r in alarms.values())


def test_alarm_on_connections_counts_those_of_the_api(dev: Resources) -> None:
    (alarm,) = (
        r["Properties"] for k, r in dev["AWS::CloudWatch::Alarm"].items() if "PostgresConnections" in k
    )
    settings = read_settings({})
    runs = 2 * settings.load_concurrency + 2 * settings.backup_concurrency
    assert alarm["Threshold"] > runs + 2 * 40
