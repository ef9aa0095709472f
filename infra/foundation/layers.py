"""The Lambda layers: the project's code, and third-party wheels."""

from __future__ import annotations

import hashlib
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, BundlingOutput, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from dataforge.tables.datasets import PACKAGE, folders
from infra.foundation.wheels import HOST, LAMBDA, LAYER_SOURCE, NOT_CODE, ROOT, WheelLayer

DEPS = ("requirements.lock",)
BULK = ("requirements-bulk.lock",)
GLUE = ("requirements-glue.lock",)
PAGES = ("requirements-pages.lock",)
# The embedded cloud has no Lambda runtime, which would include boto3.
LOCAL_DEPS = (*DEPS, "requirements-local.lock")


class Layers(Construct):
    """``common``: the project's code; ``deps``: packages of every function; ``bulk``: packages for whole tables.

    ``pages`` is Jinja2, for the functions that render HTML. ``glue`` is awswrangler and pandas, for the one function that
    registers tables in Glue; it exists only with that function.
    Measured unzipped for arm64: deps 28 MiB, bulk 139 MiB, glue 32 MiB, pages 1 MiB, together 200 of Lambda's 250.
    """

    def __init__(self, scope: Construct, id: str, *, local: bool, glue: bool) -> None:
        super().__init__(scope, id)
        platform = HOST if local else LAMBDA
        self.common = self._layer("Common", "Data Forge's own code", _own_code())
        self.deps = self._layer(
            "Deps", "Packages of every function", WheelLayer(LOCAL_DEPS if local else DEPS, platform).code()
        )
        self.bulk = self._layer("Bulk", "Packages for whole tables", WheelLayer(BULK, platform).code())
        self.pages = self._layer("Pages", "Packages for HTML pages", WheelLayer(PAGES, platform).code())
        self.glue = (
            self._layer("Glue", "Packages for tables in Glue", WheelLayer(GLUE, platform).code())
            if glue
            else None
        )

    def _layer(self, id: str, description: str, code: lambda_.Code) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            description=description,
            code=code,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )


@jsii.implements(ILocalBundling)
class _OwnCode:
    """The packages ``dataforge`` and ``datasets``, from different folders of the repository."""

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Copy both packages below ``python/``. Never falls back to Docker."""
        for package, folder in packages():
            target = Path(output_dir, "python", package)
            ignored = shutil.ignore_patterns(*NOT_CODE)
            shutil.copytree(folder, target, ignore=ignored, dirs_exist_ok=True)
        return True


def _own_code() -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(ROOT),
        asset_hash=own_code_hash(),
        bundling=BundlingOptions(
            image=DockerImage.from_registry("not-used"),
            local=_OwnCode(),
            output_type=BundlingOutput.NOT_ARCHIVED,
        ),
    )


def packages() -> list[tuple[str, Path]]:
    """The project's packages with their folders; of one package's folders, a later one takes precedence."""
    ours = ("dataforge", LAYER_SOURCE / "python" / "dataforge")
    return [ours, *((PACKAGE, folder) for folder in reversed(folders()))]


def own_code_hash() -> str:
    """The SHA-256 of the files in the layer, by path. CDK's own hash would read every file of the repository."""
    digest = hashlib.sha256()
    for package, folder in packages():
        for path in sorted(
            p for p in folder.rglob("*") if p.is_file() and not _ignored(p.relative_to(folder))
        ):
            name = f"{package}/{path.relative_to(folder)}"
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _ignored(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in NOT_CODE)
