"""Fetch the rejected records of a replay that the database does not store, into tables of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from dataforge.errors import UnusableBucket
from dataforge.postgres.sql import Sql, ident
from dataforge.s3 import rejected_texts
from dataforge.s3.objects import translated
from dataforge.s3.rejected_texts import Location
from functions.migrate.run.migration import Replay, Run
from functions.migrate.run.rejections.read import read_uncounted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_AT_ONCE = 1_000

_LOCATED = Sql("""
    SELECT r.id, r.raw_at::text FROM dataforge.rejections r
    WHERE {} AND r.raw_at IS NOT NULL AND r.replayed_at IS NULL
      AND (%(table)s = '' OR r."table" = %(table)s)
      AND (%(code)s = '' OR r.errors @> jsonb_build_array(jsonb_build_object('code', %(code)s)))
    ORDER BY r.raw_at->>'bucket', r.raw_at->>'key', r.raw_at->>'version', (r.raw_at->>'offset')::bigint
""")

_WITHOUT_ROW = Sql("""
    INSERT INTO {} SELECT concat_ws(' ', name, line->'source'->>'offset', line->'source'->>'file'), name, line->'raw',
        line->'errors', line->'source'->>'file', (line->'source'->>'line')::bigint, (line->'source'->>'offset')::bigint
    FROM (VALUES %s) lines (name, line)
""")


class RejectedTexts:
    """The records of a replay in the report bucket and in source objects. ``missing`` counts those that are gone, by key."""

    def __init__(self, cursor: Cursor, s3: S3Client, bucket: str, run: Run) -> None:
        self._cursor, self._s3, self._bucket, self._run = cursor, s3, bucket, run
        self.missing: Counter[str] = Counter()

    def fetch_located(self, scope: Sql, replay: Replay) -> Sql:
        """Create the table (id, raw) of the records whose rows have only their location. Returns its name."""
        table = self._table("_located", Sql("id bigint PRIMARY KEY, raw jsonb NOT NULL"))
        rows = self._cursor.connection.cursor(name="located")
        rows.execute(_LOCATED.format(scope), replay.model_dump())
        insert = Sql("INSERT INTO {} VALUES %s").format(table)
        while some := rows.fetchmany(_AT_ONCE):
            execute_values(self._cursor, insert, self._read(some), template="(%s, %s::jsonb->'raw')")
        rows.close()
        return table

    def _read(self, rows: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        locations = [Location.model_validate_json(location) for _, location in rows]
        records = rejected_texts.read(self._s3, self._bucket, locations)
        for (number, _), (location, record) in zip(rows, records, strict=True):
            if record is None:
                self.missing[location.key] += 1
            else:
                yield number, record

    def fetch_without_row(self, replay: Replay) -> Sql:
        """Create the table of the rejections that the ledger does not have. Returns its name.

        ``key`` identifies one, as ``corrections.position_key`` does.
        """
        columns = Sql(
            'key text, "table" text, raw jsonb, errors jsonb, file text, line bigint, "offset" bigint'
        )
        table = self._table("_without_row", columns)
        if replay.migration_id:
            insert = _WITHOUT_ROW.format(table)
            for name, uncounted in read_uncounted(self._cursor, replay.migration_id).items():
                if replay.table in ("", name):
                    lines = self._lines(name, uncounted.files)
                    execute_values(
                        self._cursor, insert, lines, template="(%s, %s::jsonb)", page_size=_AT_ONCE
                    )
        return table

    def _lines(self, table: str, files: Mapping[str, int]) -> Iterator[tuple[str, str]]:
        for key, rows in files.items():
            for line in self._object(key, rows):
                yield table, line.decode()

    def _object(self, key: str, rows: int) -> list[bytes]:
        """The lines of an object, which has a bounded size; none if it has expired."""
        try:
            with translated(self._bucket, key):
                return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()).splitlines()
        except (UnusableBucket, self._s3.exceptions.NoSuchKey):
            self.missing[key] += rows
            return []

    def _table(self, name: str, columns: Sql) -> Sql:
        table = Sql("{}.{}").format(ident(self._run.schema), ident(name))
        self._cursor.execute(Sql("CREATE TABLE {} ({})").format(table, columns))
        return table
