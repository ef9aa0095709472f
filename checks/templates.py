"""Check the template of every variant of the settings with cfn-lint, state machines included: `python -m checks.templates`.

cfn-lint validates the definition of a state machine only if it is one text, so references in it are replaced by ARNs first.
Nothing is deployed, and no network is used.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infra.foundation.wheels import ROOT
from infra.settings import read_settings
from infra.stack import DataForge
from infra.variants import VARIANTS

REGION = "eu-west-1"
IGNORED = {
    "W3005": "CDK states dependencies that a reference already implies.",
    "W2001": "CDK's bootstrap version is a parameter that only a rule uses.",
}


def main() -> int:
    """Exit 0: nothing found. 1: findings, each with variant, resource and rule."""
    found = [f"{name}: {line}" for name in VARIANTS for line in findings(template(VARIANTS[name]))]
    print("\n".join(found) or f"cfn-lint: {len(VARIANTS)} templates, nothing found.")
    return 1 if found else 0


def template(context: Mapping[str, Any]) -> dict[str, Any]:
    """The template for a context, without the files that its functions are made of."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as out:
        app = App(context={**flags, "aws:cdk:bundling-stacks": [], **context}, outdir=out)
        stack = DataForge(app, read_settings(app.node.get_all_context()))
        return dict(Template.from_stack(stack).to_json())


def findings(document: dict[str, Any]) -> Iterator[str]:
    """The findings of cfn-lint for a template, and wrong transitions in its state machines."""
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            text = as_text(resource["Properties"]["DefinitionString"])
            resource["Properties"]["DefinitionString"] = text
            yield from wrong_transitions(json.loads(text))
    config = ManualArgs(regions=[REGION], ignore_checks=list(IGNORED))
    for match in lint(json.dumps(document, indent=1), config=config):
        path = "/".join(str(part) for part in (getattr(match, "path", None) or [])[:6])
        yield f"{match.rule.id} {path}: {match.message}"


def wrong_transitions(machine: Mapping[str, Any]) -> Iterator[str]:
    """States that are named and missing, or that no state leads to. The schema of cfn-lint covers neither."""
    states = machine["States"]
    named = {machine["StartAt"], *(name for state in states.values() for name in _followers(state))}
    yield from (f"transition to a missing state: {name}" for name in sorted(named - states.keys()))
    yield from (f"state that nothing leads to: {name}" for name in sorted(states.keys() - named))
    for state in states.values():
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            yield from wrong_transitions(inner) if inner else ()


def _followers(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ()))


def as_text(definition: str | dict[str, Any]) -> str:
    """A definition whose references are written as ARNs or names."""
    if isinstance(definition, str):
        return definition
    return "".join(part if isinstance(part, str) else _value(part) for part in definition["Fn::Join"][1])


def _value(reference: Mapping[str, Any]) -> str:
    match reference:
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Fn::GetAtt": [_, "Arn"]}:
            return f"arn:aws:lambda:{REGION}:111122223333:function:name"
        case {"Ref": str(name)} if "Machine" in name:
            return f"arn:aws:states:{REGION}:111122223333:stateMachine:name"
    return "name"


if __name__ == "__main__":
    sys.exit(main())
