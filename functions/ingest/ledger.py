"""Answers of batches by idempotency key, written in the same transaction as the rows.

An idempotency key belongs to one API key and is stored for 24 hours.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from dataforge.api.batch import Batch
from dataforge.defaults import IDEMPOTENCY_HOURS
from dataforge.errors import KeyReused, RequestInProgress
from dataforge.http.idempotency import check_key
from dataforge.postgres.sql import Sql
from functions.ingest.raw import storable

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_EXPIRED_PER_BATCH = 100

_CLAIM_WAIT = Sql("50ms")
"""How long a claim waits for another batch with its key; the index lets one of them continue. Long waits would use up the
connections."""
_CLAIM = Sql("""
    LOCK TABLE dataforge.batches IN ROW EXCLUSIVE MODE;
    SELECT set_config('dataforge.lock_timeout', current_setting('lock_timeout'), true),
           set_config('lock_timeout', '{}', true);
    WITH claimed AS (
    INSERT INTO dataforge.batches AS b
        (batch_id, key_owner, idempotency_key, request_hash, key_id, dataset, "tables")
    VALUES (%(batch_id)s, %(owner)s, %(key)s, %(hash)s, %(key_id)s, %(dataset)s, %(tables)s::text[])
    ON CONFLICT (key_owner, idempotency_key) DO UPDATE
    SET batch_id = EXCLUDED.batch_id, request_hash = EXCLUDED.request_hash,
        key_id = EXCLUDED.key_id, dataset = EXCLUDED.dataset, "tables" = EXCLUDED."tables",
        status = NULL, response = NULL, created_at = now()
    WHERE b.created_at < now() - interval '{} hours'
    RETURNING batch_id)
    SELECT set_config('lock_timeout', current_setting('dataforge.lock_timeout'), true) FROM claimed
""").format(_CLAIM_WAIT, IDEMPOTENCY_HOURS)
"""One round trip. Deployments may lock the table for longer; that lock is awaited as usual."""
_FIND = Sql("""
    SELECT request_hash, batch_id, status, response, dataset, "tables" FROM dataforge.batches
    WHERE key_owner = %s AND idempotency_key = %s AND created_at >= now() - interval '{} hours'
""").format(IDEMPOTENCY_HOURS)
_STORE_ANSWER = Sql("UPDATE dataforge.batches SET status = %s, response = %s WHERE batch_id = %s")
_EXPIRE = Sql("""
    DELETE FROM dataforge.batches WHERE batch_id IN (
        SELECT batch_id FROM dataforge.batches WHERE created_at < now() - interval '{} hours'
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)
""").format(IDEMPOTENCY_HOURS)


@dataclass(frozen=True)
class Claim:
    """An idempotency key, its owner (the identity of an API key), and the SHA-256 of the request's body."""

    owner: str
    key: str
    body_hash: str

    @classmethod
    def of(cls, owner: str, key: str, body: bytes) -> Claim:
        """Create the claim of a request. Raises ``InvalidRequest``."""
        return cls(owner, check_key(key), hashlib.sha256(body).hexdigest())


@dataclass(frozen=True)
class Origin:
    """The API key that sent a batch, and the batch's dataset and tables."""

    key_id: str | None
    dataset: str
    tables: list[str]

    @classmethod
    def of(cls, batch: Batch, key_id: str | None) -> Origin:
        """The origin of a batch."""
        return cls(key_id, batch.dataset, sorted({storable(record["table"]) for record in batch.records}))


@dataclass(frozen=True)
class Stored:
    """A stored answer: HTTP status and exact body. ``dataset``: None for a batch that an earlier version stored."""

    batch_id: str
    status: int
    body: str
    dataset: str | None = None
    tables: Sequence[str] | None = None


def new_batch_id() -> str:
    """A UUID of version 7: ordered by time and unpredictable."""
    milliseconds = time.time_ns() // 10**6
    number = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))


def take_claim(cursor: Cursor, batch_id: str, claim: Claim, origin: Origin) -> Stored | None:
    """Claim the key for this batch until the transaction ends, or return its stored answer.

    Does not wait until another batch has ended. Raises ``KeyReused``, ``RequestInProgress``.
    """
    names = {"batch_id": batch_id, "owner": claim.owner, "key": claim.key, "hash": claim.body_hash}
    try:
        cursor.execute(_CLAIM, {**names, **vars(origin)})
    except psycopg2.errors.LockNotAvailable:
        raise RequestInProgress from None
    if cursor.fetchone():
        return None
    cursor.execute(_FIND, (claim.owner, claim.key))
    row = cursor.fetchone()
    if row is None:
        raise RequestInProgress
    if row[0] != claim.body_hash:
        raise KeyReused
    return Stored(*row[1:])


def answer_statements(batch_id: str, status: int, body: str) -> list[tuple[Sql, list[Any]]]:
    """The statements that store the batch's answer and delete some expired ones, with their parameters."""
    return [(_STORE_ANSWER, [status, body, batch_id]), (_EXPIRE, [_EXPIRED_PER_BATCH])]


def find_answer(cursor: Cursor, owner: str, key: str) -> Stored | None:
    """The answer stored for the key, or None."""
    cursor.execute(_FIND, (owner, key))
    row = cursor.fetchone()
    return Stored(*row[1:]) if row else None
