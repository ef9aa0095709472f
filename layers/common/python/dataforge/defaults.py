"""Limits and defaults that functions, infrastructure, API description and command line share."""

from __future__ import annotations

from decimal import Decimal

# Migration.

QUALITY_THRESHOLD = Decimal("0.95")
"""The share of records that a migration must load of each table, unless its input specifies another."""

CHUNK_MEGABYTES = 16
"""The part of a CSV file that one load step takes."""

BY_RECORDS_MEGABYTES = 512
"""The largest file that one load step reads in one piece, record by record: at 1.4 MB/s, the slowest that was measured, it
takes 6.5 of Lambda's 15 minutes."""

BY_COLUMNS_MEGABYTES = 8192
"""The largest text that one load step reads in one piece by columns, a compressed file's: 6 minutes at 23 MB/s."""

MOST_TABLES = 1000
"""The tables that one request or input may name."""

SHADOW_DAYS = 7
"""How long the shadows of an ended migration are stored, so that it can be resumed."""

REJECTION_DAYS = 90
"""How long rejections are stored, unless the setting ``rejectionDays`` specifies another time."""

REPLAYED_DAYS = SHADOW_DAYS
"""How long rejections are stored after a replay has stored their records, if that is shorter."""

BATCH_RAW_BYTES = 2**20
"""The rejected data and errors of one batch that the database stores. The report bucket stores the rest."""

REJECTED_TEXT_MEGABYTES = 1024
"""The rejected data and errors of one dataset that the database stores."""

REJECTIONS_PER_TABLE = 1_000_000
"""The rejections of one table in one migration that the database stores. The report bucket stores the others."""

AUDIT_DAYS = 400
"""How long entries of the audit are stored, unless the setting ``auditDays`` specifies another time."""

LEAST_AUDIT_DAYS = 90
"""The least ``auditDays``: how long CloudTrail stores the events that name the callers of executions."""

# Backup and restore.

BACKUP_PART_MEGABYTES = 128
"""The size of the page range, as PostgreSQL stores it, that one file of a backup holds."""

TRIAL_RESTORE_MEGABYTES = 256
"""The size of a backup's files up to which a verification also restores it."""

BACKUP_KEEP_COUNT = 7
"""The number of newest backups that never expire."""

BACKUP_KEEP_DAYS = 35
SAFETY_KEEP_DAYS = 30

# API.

BATCH_RECORDS = 1000
"""The most records of one batch."""

BODY_BYTES = 4 * 2**20
"""The largest body of a request, after decompression."""

PAGE_ROWS, MOST_PAGE_ROWS = 100, 1000
"""The rows of a page: by default, and at most."""

IDEMPOTENCY_HOURS = 24
"""How long the answer to a batch is stored under its idempotency key."""

KEY_ALARM_DAYS = 14
"""The days before the last day of an API key that raise an alarm."""

EXPORT_CONCURRENCY = 3
"""Exports that run at the same time."""

# Storage.

EXPORT_KEEP_DAYS = 30

TEMPORARY_DAYS = 30
"""After which claims, progress and Step Functions' own results expire."""

VERSION_DAYS = 365
"""How long a deleted or replaced object can be recovered, unless the setting ``versionDays`` specifies another time."""

BACKUP_VERSION_DAYS = 30
"""The same for backups. A longer time would cost as much as backups."""

EXECUTION_HISTORY_DAYS = 90
"""How long Step Functions stores an execution after its end."""

# AWS Lambda.

WHOLE_PROCESSOR_MEGABYTES = 1769
"""The memory at which Lambda gives a function a whole processor."""

FUNCTION_SECONDS = 900
"""The longest time that Lambda lets a function run."""

ATTENDED_SECONDS = FUNCTION_SECONDS - 120
"""How long a step of a run waits for work that PostgreSQL completes without it."""

UNATTENDED_MEGABYTES = 1024
"""The size of tables from which a step lets PostgreSQL complete its work, which takes a minute or two at that size."""

API_SECONDS = 29
"""The longest time that API Gateway waits for a function."""
