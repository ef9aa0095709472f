"""The fields of results, which clients read, and their order."""

from __future__ import annotations

from bench.sample_report import sample_report
from dataforge.runs.exports import Export
from dataforge.runs.results.backup import BackupOutput
from dataforge.runs.results.migration import MigratedTable, MigrationOutput
from dataforge.runs.results.report import Report
from dataforge.runs.results.restore import RestoredTable, RestoreOutput

_TABLE = ["table", "read", "loaded", "unchanged", "deduplicated", "rejected", "updated", "quality"]
_FIGURES = ["restored", "added", "removed", "changed"]


def test_migration_output_has_exactly_these_fields() -> None:
    output = MigrationOutput(
        migration_id="20261122T101500Z-89ab12cd",
        status="published",
        dataset="olist",
        quality=0.5,
        tables=(
            MigratedTable(
                table="orders",
                read=2,
                loaded=1,
                unchanged=0,
                deduplicated=0,
                rejected=1,
                updated=0,
                quality=0.5,
            ),
        ),
        report="s3://report/20261122T101500Z-89ab12cd/report.json",
    ).document()
    assert " ".join(output) == (
        "migration_id status dataset quality tables ignored_files ignored_count report known_tables"
    )
    assert list(output["tables"][0]) == _TABLE


def test_backup_output_has_exactly_these_fields() -> None:
    names = "backup_id manifest created_at tables size verified removed"
    assert " ".join(BackupOutput.model_fields) == names


def test_restore_output_has_exactly_these_fields() -> None:
    names = [
        "restore_id",
        "dataset",
        "backup",
        "dry_run",
        *_FIGURES,
        "safety_backup",
        "tables",
        "signed",
        "skipped",
    ]
    assert list(RestoreOutput.model_fields) == names
    assert list(RestoredTable.model_fields) == ["table", *_FIGURES, "adapted"]


def test_export_has_exactly_these_fields() -> None:
    assert " ".join(Export.model_fields) == (
        "export_id dataset table format created_at rows content_hash row_hash columns backup_id files"
    )


def test_report_has_exactly_these_fields() -> None:
    report = sample_report().document()
    assert " ".join(report) == (
        "migration_id execution dataset prefix status error cause mode on_conflict replay quality quality_threshold"
        " row_hash started_at finished_at seconds tables files ignored_files ignored_reasons phases throughput workers"
        " cost rejection_files rejections_expire rejections_without_row known_tables"
    )
    more = ["source_hash", "target_hash", "differences", "rejections", "cleanings", "orphans", "suggestions"]
    assert list(report["tables"][1]) == [*_TABLE, *more]
    assert " ".join(report["tables"][1]["rejections"][0]) == "code column rows examples"
    assert " ".join(report["files"][0]) == (
        "bucket key etag size chunks tables missing_columns ignored_columns"
    )
    assert " ".join(report["phases"][0]) == "phase start seconds"
    assert " ".join(report["throughput"]) == "start bucket_seconds rows_per_second"
    assert " ".join(report["cost"]["usage"]) == (
        "function_seconds function_megabytes invocations state_transitions s3_writes s3_reads gb_seconds"
    )


def test_report_without_later_fields_is_read() -> None:
    document = sample_report().document()
    for name in ("ignored_files", "ignored_reasons"):
        del document[name]
    assert Report.model_validate(document).ignored_files == ()
