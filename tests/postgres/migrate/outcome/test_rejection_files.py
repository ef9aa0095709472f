"""The rejections of a run as JSON Lines beside its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from functions.migrate.report import rejection_files

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]


def read(forge: Forge, uri: str) -> list[Any]:
    body = forge.s3.get_object(Bucket="report", Key=uri.removeprefix("s3://report/"))["Body"].read()
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.decode().split("\n")[:-1]]


@pytest.mark.parametrize(("size", "files"), [(1, 2), (1 << 20, 1)])
def test_rejections_are_written_beside_report_in_several_files(
    forge: Forge, make_csv: MakeCsv, monkeypatch: pytest.MonkeyPatch, size: int, files: int
) -> None:
    monkeypatch.setattr(rejection_files, "FILE_BYTES", size)
    bad = [{"customer_id": "é,\n\u2028x"}, {"customer_state": "S", "customer_city": ""}]
    forge.put(customers=make_csv("customers", {}, *bad), orders=make_csv("orders", {"customer_id": 9}))
    run = forge.migration({"tables": ["customers", "orders"], "quality_threshold": 0})
    run.run()
    listed = forge.read_json(f"runs/{run.id}/report.json")["rejection_files"]
    assert [one["table"] for one in listed] == ["customers"] * files + ["orders"]
    assert listed[0]["uri"] == f"s3://report/rejections/{run.id}/customers/report-1.jsonl"
    items = [item for one in listed for item in read(forge, one["uri"])]
    assert sum(one["rows"] for one in listed) == len(items) == 3
    stored = forge.database.query(
        'SELECT id, "table", raw, errors, file, line, "offset" FROM dataforge.rejections ORDER BY "table", id'
    )
    places = [(i["source"]["file"], i["source"]["line"], i["source"]["offset"]) for i in items]
    assert stored == [
        (i["id"], i["table"], i["raw"], i["errors"], *place) for i, place in zip(items, places, strict=True)
    ]
    keys = {"id", "dataset", "table", "raw", "errors", "source", "rejected_at", "replayed_at"}
    assert all(item.keys() == keys and item["replayed_at"] is None for item in items)


def test_run_without_rejections_writes_no_rejection_file(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {}))
    run = forge.migration({"tables": ["customers"]})
    run.run()
    assert forge.read_json(f"runs/{run.id}/report.json")["rejection_files"] == []
