"""Faults outside the backup: S3 fails or is slow, PostgreSQL restarts, tables are large."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from dataforge.errors import Temporary, Unavailable
from dataforge.s3.upload import uploading
from functions.backup.write_file import write_file
from local.config import ROOT

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Backup, Vault


class _Failing(BaseHTTPRequestHandler):
    """S3 that fails or does not answer."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.slow.is_set():  # type: ignore[attr-defined]
            self.server.over.wait(10)  # type: ignore[attr-defined]
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def bad_day() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    server.slow, server.over = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()


def begun(vault: Vault, *tables: str, **settings: Any) -> Backup:
    backup = vault.backup({"tables": [*tables]}, **settings)
    backup.begin()
    backup.hold()
    backup.plan()
    return backup


@pytest.mark.parametrize("slow", [False, True])
def test_backup_succeeds_on_retry_after_s3_failed_or_did_not_answer(
    vault: Vault, bad_day: ThreadingHTTPServer, slow: bool
) -> None:
    vault.fill(10)
    backup = begun(vault, "sellers")
    bad_day.slow.set() if slow else bad_day.slow.clear()  # type: ignore[attr-defined]
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{bad_day.server_port}",
        config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable, match="S3"):
        write_file(backup.db, s3, backup.settings, backup.items[0])
    backup.write()
    backup.finish()
    assert vault.manifest(backup.id).table("sellers").rows == 10


def test_interrupted_upload_leaves_no_object(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataforge.s3.upload.PART_BYTES", 5 << 20)

    def break_off() -> None:
        with uploading(vault.s3, "backup", "olist/x/y", "text/plain") as upload:
            upload.write(bytes(6 << 20))
            assert vault.s3.list_multipart_uploads(Bucket="backup").get("Uploads")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert "Uploads" not in vault.s3.list_multipart_uploads(Bucket="backup")
    assert vault.objects() == []
    with uploading(vault.s3, "backup", "olist/x/y", "text/plain") as upload:
        upload.write(bytes(6 << 20))
        upload.write(b"end")
        made = upload.finish()
    head = vault.s3.head_object(Bucket="backup", Key="olist/x/y")
    assert (made.size, made.etag) == (head["ContentLength"], head["ETag"])


WORKER = """
import json, sys
from dataforge.bulk import parquet
from dataforge.postgres.connection import connect
from dataforge.settings import BackupSettings
from functions.backup.write_file import write_file
from functions.backup.plan import PageRange

class Nowhere:
    def put_object(self, **call): return {"ETag": "x"}
    def create_multipart_upload(self, **call): return {"UploadId": "x"}
    def upload_part(self, **call): return {"ETag": "x"}
    def complete_multipart_upload(self, **call): return {"ETag": "x"}

parquet.GROUP_BYTES, parquet.CHUNK_BYTES = 2 << 20, 1 << 20
call = json.load(sys.stdin)
settings = BackupSettings.model_validate(call["settings"])
db = connect(settings, call["password"])
for item in call["items"]:
    rows = write_file(db, Nowhere(), settings, PageRange.model_validate(item))
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(rows, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc/self/status")
def test_memory_of_a_worker_does_not_grow_with_its_page_range(vault: Vault) -> None:
    """Measured with row groups of 2 MiB instead of 16, of which a worker buffers one."""
    vault.fill(1)
    vault.database.query(
        "INSERT INTO olist.order_reviews SELECT md5(n::text), md5('1'), 1, NULL, repeat(md5(n::text), 60),"
        " '2018-01-31', '2018-01-31' FROM generate_series(1, 25000) n"
    )
    backup = begun(vault, "order_reviews", part_bytes=2**40)
    (whole,) = backup.items
    small = whole.model_copy(update={"end": 20})
    vault.database.query("INSERT INTO dataforge.backup_parts VALUES (%s, 'order_reviews', 1)", backup.id)
    items = [small.model_copy(update={"part": 1}), whole]
    call = {"settings": backup.settings.model_dump(), "password": "for the tests"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps(call | {"items": [item.model_dump() for item in items]}),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common/python'}"},
    )
    (few, before), (rows, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert few < 2_000
    assert rows == 25_000
    # The worker wrote 50 MB of text.
    assert after - before < 20
    assert after < 300
    backup.end("aborted")
    vault.database.query("DELETE FROM olist.order_reviews")


def test_crash_of_postgresql_ends_the_backup_without_files_and_the_next_one_succeeds(
    vault: Vault,
) -> None:
    vault.fill(10)
    backup = begun(vault, "sellers")
    ((pid,),) = vault.database.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name = %s", f"backup {backup.id}"
    )
    # The tests' server commits without waiting for the disk.
    vault.database.query("CHECKPOINT")
    # PostgreSQL treats a killed backend as a crash: it ends all others, recovers, and starts again.
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Temporary):
        backup.exporters[0].result(timeout=20)
    with pytest.raises(Temporary):
        backup.write()
    backup.db = _reconnected(vault)
    assert backup.end("failed") == backup.id
    assert vault.objects() == []
    assert vault.database.query("SELECT * FROM dataforge.leases") == []
    assert vault.back_up({"tables": ["sellers"]}).table("sellers").rows == 10


def _reconnected(vault: Vault) -> Any:
    deadline = time.monotonic() + 30
    while True:
        try:
            return vault.database.connect("dataforge_backup")
        except Unavailable:
            assert time.monotonic() < deadline
