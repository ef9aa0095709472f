"""Any small schema and any rows: a migration stores exactly what the model in Python accepts."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.errors import TargetRejectsRows
from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.apply import apply
from tests.postgres.migrate.conftest import Forge
from tests.postgres.migrate.outcome.reference_model import COLUMNS, Model, Rows, datasets, rows

EXAMPLES = int(os.environ.get("EXAMPLES", "2"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)
@given(st.data())
def test_migrations_store_what_the_model_accepts(used_forge: Forge, data: st.DataObject) -> None:
    dataset = data.draw(datasets())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, dataset.name, dataset)
        used_forge.database.query("DROP SCHEMA IF EXISTS shapes CASCADE")
        apply(used_forge.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"))
        stored: Rows = {name: [] for name in dataset.tables}
        for _ in range(2):
            update = data.draw(st.booleans())
            model = Model(dataset, data.draw(rows(dataset)), stored, update)
            _upload(used_forge, model.left)
            model.run()
            stored = _migrated(used_forge, model)
    used_forge.database.query("DROP SCHEMA shapes CASCADE")


def _upload(forge: Forge, files: Rows) -> None:
    for name, found in files.items():
        lines = [
            ",".join(COLUMNS),
            *(",".join("" if v is None else str(v) for v in row) for row in found),
            "",
        ]
        forge.s3.put_object(Bucket="raw", Key=f"shapes/{name}.csv", Body="\n".join(lines).encode())


def _migrated(forge: Forge, model: Model) -> Rows:
    """Run the migration, compare it with the model, and return the stored rows."""
    rule = "update" if model.update else "reject"
    document = {"dataset": "shapes", "prefix": "shapes/", "quality_threshold": "0", "on_conflict": rule}
    expected = model.result()
    run = forge.migration(document)
    try:
        run.run()
    except TargetRejectsRows:
        assert model.orphans_stored()
        expected = model.stored
    else:
        assert not model.orphans_stored()
        report = forge.read_json(f"runs/{run.id}/report.json")
        assert _orphans(report) == _counted(model)
    found = {name: _rows(forge, model.dataset, name) for name in model.dataset.tables}
    assert found == {name: sorted(expected[name], key=str) for name in expected}
    return found


def _rows(forge: Forge, dataset: Dataset, name: str) -> list[Any]:
    return sorted(forge.database.query(f"SELECT {', '.join(COLUMNS)} FROM {dataset.name}.{name}"), key=str)


def _orphans(report: Any) -> dict[str, list[int]]:
    return {t["table"]: [reference["rows"] for reference in t["orphans"]] for t in report["tables"]}


def _counted(model: Model) -> dict[str, list[int]]:
    return {
        name: [
            sum(model.is_orphan(key, row) for row in model.left[name])
            for key in table.references
            if not key.enforced
        ]
        for name, table in model.dataset.tables.items()
    }
