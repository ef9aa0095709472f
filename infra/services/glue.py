"""Backups as tables for Athena: Glue databases, and the function that registers the newest verified backup."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aws_cdk import Aws, Duration
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from infra.foundation.foundation import Foundation
from infra.foundation.functions import LARGE, Function
from infra.settings import SettingsError

# Mostly for the import of pandas and awswrangler.
TIMEOUT = Duration.minutes(2)

ACTIONS = ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable", "glue:GetPartitions"]
"""The permissions to register a table. awswrangler reads the partitions to delete, of which there are none."""


_ATHENA_NAME = re.compile("[A-Za-z0-9_]+")


def refuse_names(datasets: Iterable[Dataset]) -> None:
    """Refuse tables and columns that awswrangler would register under another name, so that Athena finds no value.

    Glue stores names in lower case, and Athena finds columns in any case.
    """
    for dataset in datasets:
        for table in dataset.tables.values():
            for name in (table.name, *table.column_names):
                if not _ATHENA_NAME.fullmatch(name):
                    raise SettingsError(
                        f"glueDatabase: {dataset.name}.{table.name} has the name {name!r}, and Athena's names have ASCII "
                        "letters, digits and underscores only. Remove glueDatabase from the settings, or rename it"
                    )


class GlueTables(Construct):
    """A database ``<name>_<dataset>`` for each dataset, and ``function``, a step of the backup's state machine.

    The function runs outside the network, where Glue would require an interface endpoint.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation, name: str) -> None:
        super().__init__(scope, id)
        layers = foundation.layers
        assert layers.glue is not None  # created by the same setting
        self.function = Function(
            self,
            "GlueRegister",
            settings=foundation.settings,
            handler="glue.register",
            description="Registers the newest verified backup in Glue",
            layers=[layers.common, layers.deps, layers.bulk, layers.glue],
            environment={"BACKUP_BUCKET": foundation.storage.backup.bucket_name, "GLUE_DATABASE": name},
            timeout=TIMEOUT,
            memory_size=LARGE,
        )
        refuse_names(DATASETS.values())
        for dataset in DATASETS:
            self._database(name, dataset)

    def _database(self, name: str, dataset: str) -> None:
        database = glue.CfnDatabase(
            self,
            f"Database{dataset.title()}",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=f"{name}_{dataset.lower()}", description=f"The newest verified backup of {dataset}"
            ),
        )
        self.function.node.add_dependency(database)
        base = f"{name}_{dataset.lower()}"
        tables = [f"table/{base}/{table.lower()}" for table in DATASETS[dataset].tables]
        resources = ["catalog", f"database/{base}", *tables]
        arns = [
            f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}" for resource in resources
        ]
        self.function.add_to_role_policy(iam.PolicyStatement(actions=ACTIONS, resources=arns))
