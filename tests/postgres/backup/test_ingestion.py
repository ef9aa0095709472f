"""Ingestion continues during a backup, and the backup is the state of one instant."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dataforge.api.batch import read_batch
from dataforge.http.strictjson import parse
from dataforge.postgres.roles import BACKUP, INGEST
from functions.backup.plan import PageRange
from functions.backup.write_file import write_file
from functions.ingest.batch import ingest

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault
    from tests.postgres.conftest import Database

BATCHES, BEFORE, AFTER, BETWEEN = 600, 120, 60, 30
WORKERS = 3


@dataclass
class Ingestion:
    """Numbered batches, each committed before the next begins: 1,001 states with different hashes."""

    database: Database
    committed: int = 0
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def until(self, number: int) -> None:
        """Wait for a batch."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.committed >= number, 120)

    def run(self, is_backed_up: threading.Event) -> None:
        """All batches; the last ones come after the backup."""
        with closing(self.database.connect(INGEST)) as db:
            for number in range(1, BATCHES + 1):
                if number > BATCHES - AFTER:
                    assert is_backed_up.wait(120)
                answer = ingest(db, read_batch(parse(body(number))))
                counts = json.loads(answer.body)["counts"]
                assert (counts["inserted"], counts["updated"]) == (2, int(number > 1))
                with self._moved:
                    self.committed = number
                    self._moved.notify_all()


def body(number: int) -> bytes:
    """An order with its customer, and another city for the previous customer."""
    records: list[Any] = [{"table": "orders", "data": order(number)}]
    records += [{"table": "customers", "data": customer(n, number)} for n in (number, number - 1) if n]
    return json.dumps({"on_conflict": "update", "records": records}).encode()


def customer(number: int, batch: int) -> dict[str, Any]:
    return {
        "customer_id": f"{number:032x}",
        "customer_unique_id": f"{number:032x}",
        "customer_zip_code_prefix": "01037",
        "customer_city": f"city{batch}",
        "customer_state": "SP",
    }


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": f"{number:032x}",
        "customer_id": f"{number:032x}",
        "order_status": "created",
        "order_purchase_timestamp": "2018-01-31 10:00:00",
        "order_estimated_delivery_date": "2018-02-28 00:00:00",
    }


def hashes_after(batches: int) -> dict[str, tuple[int, str]]:
    """Row count and content hash of each table after a number of batches, by the definition (docs/decisions/0002)."""
    customers = [",".join(customer(n, min(n + 1, batches)).values()) for n in range(1, batches + 1)]
    orders = [
        f'{n:032x},{n:032x},created,"2018-01-31 10:00:00",,,,"2018-02-28 00:00:00"'
        for n in range(1, batches + 1)
    ]
    return {"customers": (batches, content_hash(customers)), "orders": (batches, content_hash(orders))}


def content_hash(rows: list[str]) -> str:
    digests = (hashlib.md5(f"({row})".encode(), usedforsecurity=False).digest() for row in rows)
    return f"{sum(int.from_bytes(digest[:8]) for digest in digests) % 2**64:016x}"


def test_backup_is_the_state_of_one_instant_while_hundreds_of_batches_are_ingested(vault: Vault) -> None:
    ingestion, is_backed_up = Ingestion(vault.database), threading.Event()
    backup = vault.backup({"tables": ["customers", "orders"]}, part_bytes=8192)

    def write(work: tuple[int, PageRange]) -> None:
        turn, item = work
        # Each page range is read after more batches than the previous one.
        ingestion.until(min(last + turn * BETWEEN, BATCHES - AFTER))
        with closing(vault.database.connect(BACKUP)) as db:
            write_file(db, vault.s3, backup.settings, item)

    with ThreadPoolExecutor(1 + WORKERS) as pool:
        writer = pool.submit(ingestion.run, is_backed_up)
        ingestion.until(BEFORE)
        first = ingestion.committed
        backup.begin()
        backup.hold()
        last = ingestion.committed + 1
        backup.plan()
        assert {item.table for item in backup.items} == {"customers", "orders"}
        assert len(backup.items) > WORKERS
        list(pool.map(write, enumerate(backup.items)))
        backup.finish()
        assert ingestion.committed > last + WORKERS * BETWEEN
        backup.close()
        is_backed_up.set()
        writer.result(timeout=120)
    found = vault.manifest(backup.id)
    batches = found.table("orders").rows
    assert first <= batches <= last
    assert {e.table: (e.rows, e.content_hash) for e in found.tables} == hashes_after(batches)
    # A later backup has another state, with the hashes of the same definition.
    after = vault.back_up({"tables": ["customers", "orders"]})
    assert {e.table: (e.rows, e.content_hash) for e in after.tables} == hashes_after(BATCHES)
