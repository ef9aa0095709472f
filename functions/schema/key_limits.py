"""Set, delete and list the limits of API keys, for ``dataforge keys``.

The ledger has the limits for functions with a database. The report bucket has a copy for the operations function, which has
none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataforge.audit.operations import Operation
from dataforge.errors import InvalidInput
from dataforge.key_limits import KeyLimits
from dataforge.postgres.connection import transaction
from dataforge.postgres.sql import Sql
from dataforge.s3.keys import key_limits_key
from dataforge.s3.objects import put_json, translated
from dataforge.tables.datasets import get_dataset
from functions.schema.audit import Applicant, record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_SET = Sql("""
    INSERT INTO dataforge.key_limits (key_id, limits) VALUES (%s, %s)
    ON CONFLICT (key_id) DO UPDATE SET limits = EXCLUDED.limits, changed_at = now()
""")
_DELETE = Sql("DELETE FROM dataforge.key_limits WHERE key_id = %s")
_LIST = Sql("SELECT key_id, limits, changed_at FROM dataforge.key_limits ORDER BY key_id")


class Change(BaseModel):
    """A change of a key. ``what``: for the audit. ``limits``: the new ones; None deletes them, after the key was deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    what: Literal["create", "limit", "rotate", "delete"]
    limits: KeyLimits | None


def read_change(document: Any) -> Change:
    """The change in a payload. Raises ``InvalidInput``, ``UnknownDataset``, ``UnknownTable``."""
    try:
        change = Change.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"The limits of the key are not valid at {where}: {first['msg']}.") from None
    for dataset, tables in ((change.limits and change.limits.datasets) or {}).items():
        for table in tables or ():
            get_dataset(dataset).table(table)
        get_dataset(dataset)
    return change


def change_limits(db: Connection, change: Change | None, applicant: Applicant) -> list[dict[str, Any]]:
    """Make and record the change, unless it is None, and return the limits of all keys. As the master."""
    with transaction(db) as cursor:
        if change is not None:
            _store(cursor, change)
            record(cursor, applicant, Operation.API_KEY, "succeeded", change.model_dump(mode="json"))
        cursor.execute(_LIST)
        return [
            {"key_id": key_id, "limits": limits, "changed_at": changed.isoformat()}
            for key_id, limits, changed in cursor.fetchall()
        ]


def _store(cursor: Cursor, change: Change) -> None:
    if change.limits is None:
        cursor.execute(_DELETE, (change.key_id,))
    else:
        cursor.execute(_SET, (change.key_id, json.dumps(change.limits.model_dump(mode="json"))))


def copy_limits(s3: S3Client, bucket: str, change: Change) -> None:
    """Write the copy in the report bucket. Raises ``Unavailable``, ``UnusableBucket``."""
    key = key_limits_key(change.key_id)
    if change.limits is None:
        with translated(bucket, key):
            s3.delete_object(Bucket=bucket, Key=key)
    else:
        put_json(s3, bucket, key, change.limits.model_dump(mode="json"))
