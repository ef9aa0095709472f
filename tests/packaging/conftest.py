"""The assets that `cdk deploy` uploads, synthesized with bundling for this machine and for Lambda."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.settings import read_settings
from infra.stack import DataForge
from local.config import ROOT


@dataclass(frozen=True)
class Packaged:
    """A function's handler and its unzipped folders in Lambda: its code, and its layers in order."""

    handler: str
    code: Path
    layers: tuple[Path, ...]

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.code, *self.layers)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Packaged]]:
    """Synthesize for a target with all optional features; return handler -> function."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]

    def package(target: str) -> dict[str, Packaged]:
        context = {**flags, "target": target, "glueDatabase": "lake"}
        app = App(context=context, outdir=str(tmp_path_factory.mktemp(target)))
        stack = DataForge(app, read_settings(app.node.get_all_context()))
        app.synth()
        return _read(Path(app.outdir), stack.stack_name, tmp_path_factory.mktemp("unpacked"))

    return package


@pytest.fixture(scope="session")
def for_this_machine(package: Callable[[str], dict[str, Packaged]]) -> dict[str, Packaged]:
    return package("local")


@pytest.fixture(scope="session")
def for_lambda(package: Callable[[str], dict[str, Packaged]]) -> dict[str, Packaged]:
    return package("aws")


def _read(outdir: Path, stack: str, unpacked: Path) -> dict[str, Packaged]:
    resources = json.loads((outdir / f"{stack}.template.json").read_text())["Resources"]
    sources: dict[str, Path] = {
        hash_: outdir / asset["source"]["path"]
        for hash_, asset in json.loads((outdir / f"{stack}.assets.json").read_text())["files"].items()
    }

    def folder(content: dict[str, Any]) -> Path:
        source = sources[content["S3Key"].removesuffix(".zip")]
        if source.is_dir():
            return source
        target = unpacked / source.stem
        if not target.is_dir():
            with zipfile.ZipFile(source) as archive:
                archive.extractall(target)
        return target

    layers = {
        name: folder(resource["Properties"]["Content"])
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }
    functions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Function"]
    return {
        f["Handler"]: Packaged(
            f["Handler"], folder(f["Code"]), tuple(layers[layer["Ref"]] for layer in f["Layers"])
        )
        for f in functions
    }
