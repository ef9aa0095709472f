"""The Lambda layers: our own code, and the wheels it stands on."""

from __future__ import annotations

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.foundation.wheels import HOST, LAMBDA, LAYER_SOURCE, NOT_CODE, WheelLayer

DEPS = ("requirements.lock",)
BULK = ("requirements-bulk.lock",)
GLUE = ("requirements-glue.lock",)
# The embedded cloud has no Lambda runtime that would bring boto3.
LOCAL_DEPS = (*DEPS, "requirements-local.lock")


class Layers(Construct):
    """``common`` is our own code, ``deps`` what every function needs, ``bulk`` what moves whole tables.

    ``glue`` is awswrangler and pandas, for the one function that registers tables in Glue; made only for it.
    Measured unzipped for arm64: deps 28 MiB, bulk 139 MiB, glue 32 MiB, together 199 of Lambda's 250.
    """

    def __init__(self, scope: Construct, id: str, *, local: bool, glue: bool) -> None:
        super().__init__(scope, id)
        platform = HOST if local else LAMBDA
        self.common = self._layer("Common", "Data Forge's own code", _own_code())
        self.deps = self._layer(
            "Deps", "What every function imports", WheelLayer(LOCAL_DEPS if local else DEPS, platform).code()
        )
        self.bulk = self._layer("Bulk", "What moves whole tables", WheelLayer(BULK, platform).code())
        self.glue = (
            self._layer("Glue", "What registers tables in Glue", WheelLayer(GLUE, platform).code())
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


def _own_code() -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(LAYER_SOURCE), ignore_mode=IgnoreMode.GIT, exclude=["/*", "!/python/", *NOT_CODE]
    )
