"""A dataset of the user in this process: its files migrated, backed up, restored and delivered by the real handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.postgres.roles import DELIVER
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.schema.apply.apply import apply
from tests.postgres.backup.conftest import Vault as BackupVault
from tests.postgres.conftest import PASSWORDS
from tests.postgres.deliver.conftest import Api
from tests.postgres.migrate.conftest import Forge
from tests.postgres.restore.conftest import ALWAYS_SWAP, NEVER_SWAP
from tests.postgres.restore.conftest import Vault as RestoreVault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

BUCKETS = ("raw", "report", "backup")
DAMAGE = (
    "SET session_replication_role = replica; DELETE FROM {0} WHERE ctid IN "
    "(SELECT ctid FROM (SELECT ctid, row_number() OVER () n FROM {0}) AS rows WHERE n %% 3 = 1)"
)


@dataclass
class Project:
    """A dataset that is declared and applied, with operations on all of its tables."""

    dataset: Dataset
    forge: Forge
    backups: BackupVault
    restores: RestoreVault
    api: Api

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name

    def put(self, files: dict[str, bytes]) -> None:
        """Upload files."""
        for name, body in files.items():
            self.forge.s3.put_object(Bucket="raw", Key=f"{self.name}/{name}", Body=body)

    def migrate(self, **document: Any) -> dict[str, Any]:
        """Run a migration; its output."""
        document = {"dataset": self.name, "prefix": f"{self.name}/", **document}
        return self.forge.migration(document).run()

    def report(self, output: dict[str, Any]) -> Any:
        """The report of a migration with this output."""
        return self.forge.read_json(output["report"].partition("://")[2].partition("/")[2])

    def rows(self, table: str) -> list[str]:
        """The texts of a table's rows, sorted."""
        return self.forge.rows(table, self.name)

    def back_up(self) -> None:
        """Back up all tables, and verify the backup."""
        self.backups.backup({"dataset": self.name}).run()

    def damage(self, table: str) -> None:
        """Delete every third row, without the triggers of foreign keys."""
        self.forge.database.query(DAMAGE.format(f'"{self.name}"."{table}"'))

    def restore(self, table: str, *, swap: bool) -> dict[str, Any]:
        """Restore a table from the newest backup, by swapping the table or by changing its rows."""
        swap_rows = ALWAYS_SWAP if swap else NEVER_SWAP
        return self.restores.restore(swap_rows, dataset=self.name, table=table).run()

    def deliver(self, table: str) -> list[dict[str, Any]]:
        """All records of a table, page by page."""
        pages = self.api.walk(table, f"dataset={self.name}&limit=1000")
        return [record for page in pages for record in page]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    """S3 with empty buckets."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in BUCKETS:
            client.create_bucket(Bucket=bucket)
        yield client


@pytest.fixture
def declare(
    database: Database,
    s3: S3Client,
    environment: Callable[..., None],
    make_csv: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[ModuleType], Project]]:
    """Make a module a dataset of the database."""

    def declare(module: ModuleType) -> Project:
        dataset = read_dataset(module)
        monkeypatch.setitem(DATASETS, dataset.name, dataset)
        apply(database.connect("master"), PASSWORDS)
        environment(database, DELIVER)
        return Project(
            dataset,
            Forge(database, s3),
            BackupVault(database, s3, pool),
            RestoreVault(database, s3, make_csv),
            Api(database),
        )

    with ThreadPoolExecutor(4) as pool:
        yield declare
