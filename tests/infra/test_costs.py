"""The numbers of billed items in docs/costs.md equal those in the templates and the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from dataforge.aws import metric_names as known_names
from dataforge.postgres.roles import LOGINS
from dataforge.tables.datasets import DATASETS
from local.config import ROOT

COSTS = (ROOT / "docs" / "costs.md").read_text()
Resources = dict[str, dict[str, dict[str, Any]]]

BY_DATASET = {"BackupVerified", "BackupDamaged", "QualityScore"}
"""Metrics with a dimension for the dataset; all others have one for their function."""
BY_CODE = "RecordsRejected"
"""In all, and for each code of rejection that occurs."""
EMITTERS = {"add_metric", "single_metric", "_count", "_emit_metric"}


def metric_names(tree: ast.AST) -> Iterator[str]:
    """The names in calls that emit a metric."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            named = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
            if called in EMITTERS and named and isinstance(named[0], ast.Constant):
                yield str(named[0].value)
            elif called in EMITTERS and named and isinstance(named[0], ast.Name) and named[0].id.isupper():
                yield str(getattr(known_names, named[0].id))


def emitted() -> set[tuple[str, str]]:
    """(function, metric) of all functions."""
    return {
        (path.relative_to(ROOT / "functions").parts[0], name)
        for path in (ROOT / "functions").rglob("*.py")
        for name in metric_names(ast.parse(path.read_text()))
    }


def row(title: str) -> str:
    """The line of a table that begins with the title."""
    (found,) = [line for line in COSTS.splitlines() if line.startswith(f"| {title}")]
    return found


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)]


def alarm_metrics(resources: Resources) -> int:
    """An alarm is billed for each metric that it uses; metric math may use several."""
    alarms = (alarm["Properties"] for alarm in resources["AWS::CloudWatch::Alarm"].values())
    return sum(sum("MetricStat" in m for m in a["Metrics"]) if "Metrics" in a else 1 for a in alarms)


def test_page_has_the_number_of_billed_alarm_metrics(dev: Resources, prod: Resources) -> None:
    assert alarm_metrics(dev) == alarm_metrics(prod)
    count, _dashboards, per_alarm, per_dashboard, *sums = numbers(row("CloudWatch alarms"))
    assert count == alarm_metrics(dev)
    assert sums == [round(count * per_alarm + per_dashboard, 2)] * 2


def test_page_has_the_number_of_custom_metrics() -> None:
    by_dataset = {name for _, name in emitted()} & BY_DATASET
    assert by_dataset == BY_DATASET
    by_function = {(function, name) for function, name in emitted() if name not in BY_DATASET}
    assert ("ingest", BY_CODE) in by_function
    found = re.search(
        r"(\d+) by function and (\d+) for each dataset: (\d+) with (\d+) datasets besides", COSTS
    )
    assert found is not None
    datasets = [dataset for dataset in DATASETS.values() if not dataset.example]
    expected = (len(by_function), len(BY_DATASET), len(by_function) + 3 * len(datasets), len(datasets))
    assert tuple(map(int, found.groups())) == expected
    assert f"{0.3 * expected[2]:.2f}" in row("CloudWatch custom metrics")


def test_page_has_the_number_of_secrets(dev: Resources) -> None:
    assert len(dev["AWS::SecretsManager::Secret"]) == 1
    assert f"{len(LOGINS)} logins × 0.40 = {len(LOGINS) * 0.4:.2f}" in COSTS


def test_sums_of_the_idle_table_are_those_of_its_rows() -> None:
    table = COSTS.split("## Idle, per month")[1].split("## ")[0]
    lines = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| ")
    ]
    priced = [
        cells
        for cells in lines[2:]
        if len(cells) == 4 and numbers(cells[2]) and not cells[0].startswith("**")
    ]
    (total,) = [cells for cells in lines if cells[0].startswith("**sum")]
    for column in (2, 3):
        wanted = sum(numbers(cells[column])[0] for cells in priced)
        assert abs(numbers(total[column])[0] - wanted) < 0.51
