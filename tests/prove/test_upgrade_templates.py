"""On AWS, no variant of the app replaces or drops a stateful resource of a stack that commit a6f090d deployed.

CloudFormation replaces a resource when its logical id or one of its create-only properties changes. Which properties these
are is read from the resource schemas that AWS publishes and cfn-lint brings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.variants import VARIANTS
from tests.prove.trees import STATEFUL, Tree

UNKNOWN_BEFORE = {"bastion"}
"""Settings that the earlier version refuses."""

CONTEXTS: dict[str, dict[str, Any]] = {
    name: {key: value for key, value in context.items() if key not in UNKNOWN_BEFORE}
    for name, context in {**VARIANTS, "local": {"target": "local", "auth": "secret"}}.items()
}

Synthesize = Callable[[Tree, str], dict[str, Any]]


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """The template of a variant, synthesized by the app of a version itself."""

    @cache
    def template(tree: Tree, variant: str) -> dict[str, Any]:
        out = tmp_path_factory.mktemp("cdk.out")
        flags = json.loads((tree.folder / "cdk.json").read_text())["context"]
        context = {**flags, "aws:cdk:bundling-stacks": [], **CONTEXTS[variant]}
        environ = {
            **os.environ,
            "PYTHONPATH": tree.python_path,
            "CDK_OUTDIR": str(out),
            "CDK_CONTEXT_JSON": json.dumps(context),
        }
        subprocess.run([sys.executable, "-m", "infra.app"], cwd=tree.folder, env=environ, check=True)
        (file,) = out.glob("DataForge-*.template.json")
        return dict(json.loads(file.read_text()))

    return template


@pytest.mark.parametrize("variant", CONTEXTS)
def test_no_stateful_resource_is_dropped_or_replaced(
    variant: str, synthesize: Synthesize, earlier: Tree, current: Tree
) -> None:
    before, now = (synthesize(tree, variant)["Resources"] for tree in (earlier, current))
    kept = {name: resource for name, resource in before.items() if resource["Type"] in STATEFUL}
    assert len(kept) > 10
    assert [name for name in kept if name not in now] == []
    changed = {
        name: (create_only(resource), create_only(now[name]))
        for name, resource in kept.items()
        if create_only(resource) != create_only(now[name])
    }
    assert changed == {}


@pytest.mark.parametrize("variant", CONTEXTS)
def test_every_output_keeps_its_name(
    variant: str, synthesize: Synthesize, earlier: Tree, current: Tree
) -> None:
    before, now = (synthesize(tree, variant)["Outputs"] for tree in (earlier, current))
    assert before.keys() <= now.keys()


def create_only(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource's type and the properties whose change replaces it, by their paths."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", resource["Type"]).schema
    paths = schema.get("createOnlyProperties") or []
    names = {path.removeprefix("/properties/").partition("/")[0] for path in paths}
    properties = resource.get("Properties", {})
    return {"Type": resource["Type"], **{name: properties.get(name) for name in sorted(names)}}
