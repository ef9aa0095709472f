"""Any small schema and any rows: a migration stores exactly what the model in Python accepts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import zip_longest
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataforge.errors import TargetRejectsRows
from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.migrate.resolve.choose import LEAST_BYTES
from functions.schema.apply.apply import apply
from tests.postgres.migrate.conftest import Forge
from tests.postgres.migrate.outcome.offline import checked, migrated
from tests.postgres.migrate.outcome.reference_model import COLUMNS, Model, Rows, Values, datasets, rows

DIRT = st.lists(st.sampled_from(["x,,,", "1,2", "1,2,,y,", "z,y,x,w", "9,9,9,9.5", '1,1,"1"1,']), max_size=3)
EXAMPLES = int(os.environ.get("EXAMPLES", "2"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)
@given(st.data())
def test_migrations_store_what_the_model_accepts(used_forge: Forge, data: st.DataObject) -> None:
    dataset = data.draw(datasets())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, dataset.name, dataset)
        used_forge.database.query("DROP SCHEMA IF EXISTS shapes CASCADE")
        apply(used_forge.connection("master"), dict.fromkeys(LOGINS, "for the tests"), [dataset])
        stored: Rows = {name: [] for name in dataset.tables}
        for _ in range(2):
            update = data.draw(st.booleans())
            model = Model(dataset, data.draw(rows(dataset)), stored, update)
            files = {f"{name}.csv": _file(found, data.draw(DIRT)) for name, found in model.left.items()}
            model.run()
            least, seed = data.draw(st.sampled_from([0, LEAST_BYTES])), data.draw(st.integers(0, 99))
            stored = _migrated(used_forge, model, files, least, Random(seed))
    used_forge.database.query("DROP SCHEMA shapes CASCADE")


def _file(found: list[Values], dirt: list[str]) -> bytes:
    """The rows, and records that no row model accepts between them."""
    lines = [",".join("" if v is None else str(v) for v in row) for row in found]
    mixed = [line for pair in zip_longest(dirt, lines) for line in pair if line is not None]
    return "\n".join([",".join(COLUMNS), *mixed, ""]).encode()


def _migrated(
    forge: Forge, model: Model, files: Mapping[str, bytes], rebuild_from: int, order: Random
) -> Rows:
    """Run the migration, compare it with the model and into empty tables with the check, and return the stored rows.

    Tables are resolved in any ``order``.
    """
    for name, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"shapes/{name}", Body=body)
    rule = "update" if model.update else "reject"
    document = {"dataset": "shapes", "prefix": "shapes/", "quality_threshold": "0", "on_conflict": rule}
    expected = model.result()
    run = forge.migration(document)
    run.rebuild_from = rebuild_from

    def shuffle() -> None:
        for wave in run.waves:
            order.shuffle(wave)

    try:
        run.run(settle=shuffle)
    except TargetRejectsRows:
        assert model.orphans_stored()
        expected = model.stored
    else:
        assert not model.orphans_stored()
        report = forge.read_json(f"runs/{run.id}/report.json")
        assert _orphans(report) == _counted(model)
        if not any(model.stored.values()):
            assert checked(model.dataset, files) == migrated(forge, run, report)
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
