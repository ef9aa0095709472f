"""Names of the objects in every bucket, and the patterns by which permissions and lifecycle rules select them."""

from __future__ import annotations

RUNS = "runs/"
"""Report bucket: the work lists, report and rejection files of a run."""

PROGRESS = "progress/"
"""Report bucket: the progress of a migration, by the name of its execution."""

CLAIMS = "requests/"
"""Report bucket: the run of each idempotency key, the running export of each table, and the keys that sign cursors."""

REJECTED = "rejections/"
"""Report bucket: the rejected records of batches and migrations that the database does not store, and all of a migration
beside its report. They expire with the rejections."""

KEY_LIMITS = "keys/"
"""Report bucket: the limits of API keys, for functions without a database."""

EXPORTS = "exports/"
EXPORT_PROGRESS = "progress.json"
"""Report bucket: tables that were exported as files."""

MAP_RESULTS = "map-runs/"
"""Report bucket: what Step Functions writes about the items of Distributed Maps."""

FAILURES = f"{MAP_RESULTS}failures/"
"""Report bucket: the error with which an item of a Distributed Map failed, one object per execution."""

TEMPORARY = (PROGRESS, CLAIMS, MAP_RESULTS)
"""Report bucket: the prefixes whose objects expire after ``dataforge.defaults.TEMPORARY_DAYS``."""

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig.json"
VERIFICATION = "verification.json"

PARQUET = ".parquet"

EVERY_MANIFEST = f"*/{MANIFEST}"
EVERY_SIGNATURE = f"*/{SIGNATURE}"
EVERY_VERIFICATION = f"*/{VERIFICATION}"
EVERY_PARQUET_FILE = f"*{PARQUET}"
EVERY_PART = "*/part-"
"""The beginning of the files of tables, below the folder of a dataset."""


# Raw bucket.


def raw_prefix(folder: str) -> str:
    """The prefix of a folder's files: it ends with one slash, so that ``olist`` does not also select ``olist-old/``.

    The default folder of a dataset has the dataset's name.
    """
    return f"{folder.rstrip('/')}/"


# Backup bucket. A safety backup has the id of its restore.


def dataset_folder(dataset: str) -> str:
    """The prefix of all backups of a dataset."""
    return f"{dataset}/"


def backup_folder(dataset: str, backup_id: str) -> str:
    """The prefix of a backup's objects."""
    return f"{dataset_folder(dataset)}{backup_id}/"


def manifest_key(dataset: str, backup_id: str) -> str:
    """A backup's manifest."""
    return backup_folder(dataset, backup_id) + MANIFEST


def signature_key(dataset: str, backup_id: str) -> str:
    """The signature of a backup's manifest."""
    return backup_folder(dataset, backup_id) + SIGNATURE


def verification_key(dataset: str, backup_id: str) -> str:
    """The result of a backup's newest verification."""
    return backup_folder(dataset, backup_id) + VERIFICATION


def table_folder(table: str) -> str:
    """The prefix of a table's files, relative to the backup's folder."""
    return f"{table}/"


def part_key(table: str, part: int) -> str:
    """The file of one page range of a table, relative to the backup's folder."""
    return f"{table_folder(table)}part-{part:05}{PARQUET}"


# Report bucket.


def run_folder(run_id: str) -> str:
    """The prefix of a run's objects."""
    return f"{RUNS}{run_id}/"


def work_list_key(run_id: str, step: str) -> str:
    """The items of a step's Distributed Map."""
    return f"{run_folder(run_id)}{step}.json"


def report_key(migration_id: str) -> str:
    """A migration's report, as JSON."""
    return f"{run_folder(migration_id)}report.json"


def report_page_key(migration_id: str) -> str:
    """A migration's report, as HTML."""
    return f"{run_folder(migration_id)}report.html"


def rejections_key(migration_id: str, table: str, number: int) -> str:
    """A file of a table's rejections for the report, as JSON Lines; ``number`` counts from 1."""
    return rejections_part_key(migration_id, table, f"report-{number}")


def rejections_part_key(migration_id: str, table: str, part: str) -> str:
    """An object of a table's rejections, as JSON Lines; ``part`` distinguishes those of all workers."""
    return f"{REJECTED}{migration_id}/{table}/{part}.jsonl"


def rejected_texts_key(batch_id: str) -> str:
    """The rejected records of a batch that the database does not store."""
    return f"{REJECTED}{batch_id}.jsonl"


def replayed_folder(migration_id: str) -> str:
    """The prefix of lists of a migration's rejections that replays have stored, one list for each replay."""
    return f"{run_folder(migration_id)}replayed/"


def replayed_key(migration_id: str, replay_id: str) -> str:
    """The list that one replay wrote."""
    return f"{replayed_folder(migration_id)}{replay_id}.json"


def progress_folder(execution: str) -> str:
    """The prefix of a migration's progress. ``execution``: its ARN or name."""
    return f"{PROGRESS}{_name(execution)}/"


def progress_plan_key(execution: str) -> str:
    """The work that a migration's progress is a share of. ``execution``: its ARN or name."""
    return f"{progress_folder(execution)}plan.json"


def failure_key(execution: str) -> str:
    """The error with which an item of the execution (its ARN or name) failed."""
    return f"{FAILURES}{_name(execution)}.json"


def claim_key(digest: str) -> str:
    """The run of an idempotency key; ``digest``: the hash of the key and its scope."""
    return f"{CLAIMS}{digest}.json"


def export_claim_key(digest: str) -> str:
    """The running export of a table; ``digest``: the hash of the table and the API key."""
    return f"{CLAIMS}exports/{digest}.json"


def key_limits_key(key_id: str) -> str:
    """The limits of an API key; ``key_id``: its id in API Gateway."""
    return f"{KEY_LIMITS}{key_id}.json"


def cursor_key_key(number: int) -> str:
    """The key that signs the cursors of a period."""
    return f"{CLAIMS}cursor-keys/{number}"


def export_folder(export_id: str) -> str:
    """The prefix of an export's objects."""
    return f"{EXPORTS}{export_id}/"


def export_result_key(export_id: str) -> str:
    """The description of a finished export."""
    return f"{export_folder(export_id)}export.json"


def export_file_key(export_id: str, table: str, extension: str, part: int | None = None) -> str:
    """The file of an exported table, or one of several."""
    number = "" if part is None else f"-{part:05}"
    return f"{export_folder(export_id)}{table}{number}.{extension}"


def export_progress_key(export_id: str) -> str:
    """The progress of an export in pieces."""
    return f"{export_folder(export_id)}{EXPORT_PROGRESS}"


def _name(execution: str) -> str:
    return execution.rpartition(":")[2]
