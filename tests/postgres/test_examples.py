"""The example datasets: their files are migrated, backed up, restored and delivered by the real handlers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.postgres.roles import DELIVER
from dataforge.tables.datasets import DATASETS
from local.examples import FILES, company, invoices, transit
from tests.postgres.backup.conftest import Vault as BackupVault
from tests.postgres.deliver.conftest import Api
from tests.postgres.migrate.conftest import Forge
from tests.postgres.restore.conftest import NEVER_SWAP
from tests.postgres.restore.conftest import Vault as RestoreVault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

ROWS = {
    "company": {
        "departments": len(company.SITES) * len(company.DEPARTMENTS),
        "employees": len(company.SITES) * company.STAFF,
        "door_events": company.EVENTS + company.REPEATED,
    },
    "invoices": {"clients": invoices.CLIENTS, "invoices": invoices.INVOICES},
    "transit": {
        "stops": transit.STATIONS * (1 + transit.PLATFORMS),
        "routes": transit.ROUTES,
        "services": 2,
        "service_dates": 3,
        "trips": transit.TRIPS,
        "stop_times": transit.TRIPS * transit.STOPS_OF_TRIP,
    },
}
DAMAGED = {"company": "door_events", "invoices": "invoices", "transit": "stop_times"}
DAMAGE = "DELETE FROM {0} WHERE ctid IN (SELECT ctid FROM {0} LIMIT 7)"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    """S3 with empty buckets."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("raw", "report", "backup"):
            client.create_bucket(Bucket=bucket)
        yield client


@pytest.fixture
def forge(database: Database, s3: S3Client) -> Forge:
    """The database, with the files of the examples uploaded."""
    for dataset, files in FILES.items():
        for name, content in files.items():
            s3.put_object(Bucket="raw", Key=f"{dataset}/{name}", Body=content)
    return Forge(database, s3)


def migrate(forge: Forge, dataset: str) -> dict[str, Any]:
    """Migrate the files; the output."""
    return forge.migration({"dataset": dataset, "prefix": f"{dataset}/"}).run()


def test_examples_are_the_datasets_marked_as_examples() -> None:
    assert {name for name, dataset in DATASETS.items() if dataset.example} == set(FILES) == set(ROWS)


@pytest.mark.parametrize("dataset", FILES)
def test_example_is_migrated_completely_backed_up_restored_and_delivered(
    forge: Forge, dataset: str, environment: Callable[..., None], make_csv: Callable[..., bytes]
) -> None:
    output = migrate(forge, dataset)
    assert output["ignored_files"] == []
    assert {t["table"]: (t["loaded"], t["rejected"]) for t in output["tables"]} == {
        name: (rows, 0) for name, rows in ROWS[dataset].items()
    }
    again = migrate(forge, dataset)
    assert all(t["unchanged"] == t["read"] for t in again["tables"])

    before = {table: forge.rows(table, dataset) for table in ROWS[dataset]}
    with ThreadPoolExecutor(4) as pool:
        BackupVault(forge.database, forge.s3, pool).backup({"dataset": dataset, "verify": True}).run()
    damaged = DAMAGED[dataset]
    forge.database.query(DAMAGE.format(f"{dataset}.{damaged}"))
    assert len(forge.rows(damaged, dataset)) == len(before[damaged]) - 7
    vault = RestoreVault(forge.database, forge.s3, make_csv)
    vault.restore(NEVER_SWAP, dataset=dataset, table=damaged).run()
    assert {table: forge.rows(table, dataset) for table in ROWS[dataset]} == before

    environment(forge.database, DELIVER)
    api = Api(forge.database)
    for table, rows in ROWS[dataset].items():
        assert sum(map(len, api.walk(table, f"dataset={dataset}&limit=1000"))) == rows


def test_invoices_have_the_values_that_their_files_write_in_german(forge: Forge) -> None:
    migrate(forge, "invoices")
    query = forge.database.query
    assert query("SELECT number, postcode, discount::text FROM invoices.clients ORDER BY 1 LIMIT 2") == [
        ("000137", "01067", "0.00"),
        ("000274", "01067", "3.00"),
    ]
    (row,) = query(
        "SELECT issued::text, net::text, vat::text, paid, remark FROM invoices.invoices WHERE number = 'R00002'"
    )
    assert row == ("2024-01-03", "19452.85", "0.0", False, 'Auftrag "Süd"')


def test_times_after_midnight_belong_to_the_day_of_service(forge: Forge) -> None:
    migrate(forge, "transit")
    ((latest, after_midnight),) = forge.database.query(
        "SELECT max(departure_time)::text, count(*) FILTER (WHERE arrival_time >= '24:00:00') FROM transit.stop_times"
    )
    assert latest == "25:59:30"
    assert after_midnight == 34
    orphans = (
        "SELECT count(*) FROM transit.trips WHERE service_id NOT IN (SELECT service_id FROM transit.services)"
    )
    assert forge.database.query(orphans) == [(2,)]


def test_log_of_the_company_keeps_copies_and_the_badges_of_guests(forge: Forge) -> None:
    migrate(forge, "company")
    query = forge.database.query
    copies = "SELECT count(*) FROM (SELECT FROM company.door_events GROUP BY door, badge, read_at HAVING count(*) = 2) AS t"
    assert query(copies) == [(company.REPEATED,)]
    guests = "SELECT count(DISTINCT badge) FROM company.door_events WHERE badge LIKE 'guest-%%'"
    assert query(guests) == [(len(company.GUESTS),)]
    managers = (
        "SELECT count(*) FROM company.departments JOIN company.employees USING (site) WHERE number = manager"
    )
    assert query(managers) == [(6,)]
