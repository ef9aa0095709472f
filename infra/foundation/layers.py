"""The Lambda layers: the project's code, and third-party wheels."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from dataforge.tables.datasets import PACKAGE, folders
from infra.foundation.own_code import OwnCode
from infra.foundation.wheels import LAYER_SOURCE, WheelLayer, platform_of

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
    Measured unzipped for arm64, with bytecode: deps 31 MiB, bulk 143 MiB, glue 43 MiB, pages 1 MiB, together 219 of
    Lambda's 250.
    """

    def __init__(self, scope: Construct, id: str, *, local: bool, glue: bool) -> None:
        super().__init__(scope, id)
        platform = platform_of(local=local)
        self.common = self._layer(
            "Common", "Data Forge's own code", OwnCode(packages(), platform.python).code()
        )
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


def packages() -> tuple[tuple[str, Path], ...]:
    """The project's packages by their paths in the layer; of one package's folders, a later one takes precedence."""
    ours = ("python/dataforge", LAYER_SOURCE / "python" / "dataforge")
    return (ours, *((f"python/{PACKAGE}", folder) for folder in reversed(folders())))
