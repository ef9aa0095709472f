"""The bytes of rejected text of a dataset in the database: one row of ``dataforge.rejected_texts``, and its statements."""

from __future__ import annotations

from dataforge.postgres.sql import Sql

USED = Sql("SELECT bytes FROM dataforge.rejected_texts WHERE dataset = %s")
"""The used bytes; no row if none was used yet."""

USE = Sql("""
    INSERT INTO dataforge.rejected_texts AS t (dataset, bytes) VALUES (%s, %s)
    ON CONFLICT (dataset) DO UPDATE SET bytes = t.bytes + EXCLUDED.bytes
""")
"""Add the bytes to the dataset's. The row is locked until the transaction ends, so this is its last statement."""
