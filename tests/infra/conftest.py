"""Templates, synthesized once for all tests, without bundling, which changes no resource."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.settings import read_settings
from infra.stack import DataForge
from infra.variants import EXISTING
from local.config import ROOT

Resources = dict[str, dict[str, dict[str, Any]]]
"""Type of resource -> logical id -> resource."""
PLAN = "0123456789abcdef.0123456789abcdef"
"""The fingerprint of a plan, which one variant requires."""


@pytest.fixture(scope="session")
def make_app(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., App]:
    """An app with the context of cdk.json and of a test."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]

    def make(**context: Any) -> App:
        return App(
            context={**flags, "aws:cdk:bundling-stacks": [], **context},
            outdir=str(tmp_path_factory.mktemp("cdk.out")),
        )

    return make


@pytest.fixture(scope="session")
def synthesize(make_app: Callable[..., App]) -> Callable[..., dict[str, Any]]:
    """The template for a context."""

    def synthesize(**context: Any) -> dict[str, Any]:
        app = make_app(**context)
        stack = DataForge(app, read_settings(app.node.get_all_context()))
        return dict(Template.from_stack(stack).to_json())

    return synthesize


@pytest.fixture
def existing_database() -> dict[str, Any]:
    """The setting ``existingDatabase``, complete."""
    return {**EXISTING}


@pytest.fixture(scope="session")
def templates(synthesize: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The templates of four variants."""
    return {
        "dev": synthesize(),
        "prod": synthesize(stage="prod", alarmEmail="ops@example.com", postgresVersion=16),
        "local": synthesize(target="local"),
        # With more workers than a Map inside an execution runs at once.
        "existing": synthesize(
            existingDatabase=EXISTING, loadConcurrency=250, backupConcurrency=250, plan=PLAN
        ),
    }


@pytest.fixture(scope="session")
def dev(templates: dict[str, dict[str, Any]]) -> Resources:
    return _by_type(templates["dev"])


@pytest.fixture(scope="session")
def prod(templates: dict[str, dict[str, Any]]) -> Resources:
    return _by_type(templates["prod"])


@pytest.fixture(scope="session")
def local(templates: dict[str, dict[str, Any]]) -> Resources:
    return _by_type(templates["local"])


@pytest.fixture(scope="session")
def by_secret(synthesize: Callable[..., dict[str, Any]]) -> Resources:
    """The dev stage with passwords instead of IAM authentication."""
    return _by_type(synthesize(auth="secret"))


@pytest.fixture(scope="session")
def existing(templates: dict[str, dict[str, Any]]) -> Resources:
    return _by_type(templates["existing"])


def _by_type(template: dict[str, Any]) -> Resources:
    resources: Resources = {}
    for name, resource in template["Resources"].items():
        resources.setdefault(resource["Type"], {})[name] = resource
    return resources


@pytest.fixture(scope="session")
def function() -> Callable[[Resources, str], dict[str, Any]]:
    """The properties of the function of this construct id."""

    def find(resources: Resources, name: str) -> dict[str, Any]:
        (found,) = (
            resource["Properties"]
            for key, resource in resources["AWS::Lambda::Function"].items()
            if name in key[:-8]
        )
        return dict(found)

    return find


@pytest.fixture(scope="session")
def machine() -> Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]:
    """The properties of the state machine of this kind, and its definition with references as their logical ids."""

    def find(resources: Resources, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
        machines = [m["Properties"] for m in resources["AWS::StepFunctions::StateMachine"].values()]
        (found,) = (m for m in machines if m["StateMachineName"].endswith(f"-{kind}"))
        parts = found["DefinitionString"]["Fn::Join"][1]
        texts = [p if isinstance(p, str) else next(iter(p.values())) for p in parts]
        return found, json.loads("".join(t if isinstance(t, str) else t[0] for t in texts))

    return find


@pytest.fixture(scope="session")
def all_states() -> Callable[[dict[str, Any]], dict[str, dict[str, Any]]]:
    """All states of a definition by their names, also those inside maps and branches."""

    def walk(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, state in definition["States"].items():
            yield name, state
            for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
                yield from walk(inner) if inner else ()

    return lambda definition: dict(walk(definition))


@pytest.fixture(scope="session")
def granted() -> Callable[[Resources, str], set[tuple[str, str]]]:
    """The permissions of roles whose id contains a name: pairs of action and resource, the resource as compact JSON."""

    def find(resources: Resources, name: str) -> set[tuple[str, str]]:
        return {pair for statement in _statements(resources, name) for pair in _pairs(statement)}

    return find


def _statements(resources: Resources, name: str) -> Iterator[dict[str, Any]]:
    for key, policy in resources["AWS::IAM::Policy"].items():
        if name in key:
            yield from policy["Properties"]["PolicyDocument"]["Statement"]
    for key, role in resources["AWS::IAM::Role"].items():
        for policy in role["Properties"].get("Policies", ()) if name in key else ():
            yield from policy["PolicyDocument"]["Statement"]


def _pairs(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    assert statement["Effect"] == "Allow"
    actions, targets = statement["Action"], statement["Resource"]
    for action in [actions] if isinstance(actions, str) else actions:
        for target in targets if isinstance(targets, list) else [targets]:
            yield action, target if isinstance(target, str) else _readable(target)


def _readable(target: dict[str, Any]) -> str:
    """An ARN as text, with references in angle brackets, without the hash that CDK appends to ids."""
    match target:
        case {"Ref": str(name)}:
            return f"<{_named(name)}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{_named(name)}.{attribute}>"
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(part if isinstance(part, str) else _readable(part) for part in parts)
    return json.dumps(target, sort_keys=True)


def _named(logical_id: str) -> str:
    return logical_id if logical_id.startswith("AWS::") else logical_id[:-8]
