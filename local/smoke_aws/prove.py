"""Test the main jobs by the command line, on the deployment ``target``.

The tests run it against the embedded cloud, `make smoke-aws` against AWS.
"""

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

from dataforge.runs.results.backup import BackupOutput
from dataforge.runs.results.migration import MigrationOutput
from dataforge.runs.results.restore import RestoreOutput
from local.command import dataforge
from local.generate import generate
from local.smoke_aws.exports import prove_export
from local.smoke_aws.until import NotProved, until

Say = Callable[[str], None]

_KEY_SECONDS = 120.0
"""How long API Gateway may take to know a new key."""


def prove(target: Sequence[str], api_url: str, say: Say = print) -> None:
    """Migrate twice, provoke a refusal, ingest, deliver, back up, restore, and run the doctor.

    ``target``: the command line's options that choose the deployment, such as ``["--stage", "dev"]``. Its tables are
    empty, or contain the rows of an earlier test. Raises ``NotProved``, or ``CommandFailed``.
    """
    _prove_migration(target, say)
    _prove_refusals(target, say)
    with _key(target, api_url) as key:
        _prove_ingestion(target, key, say)
        _prove_compression(api_url, key, say)
        say(
            f"downloaded an export of {prove_export(api_url, key, 'category_translations')} rows by its address"
        )
    _prove_backup(target, say)
    require_healthy(target)
    say("the doctor finds nothing")


def require_healthy(target: Sequence[str]) -> None:
    """Raise ``NotProved`` with the findings of the doctor."""
    _same("findings of the doctor", dataforge(target, "doctor")["findings"], [])


def prove_empty_restore(target: Sequence[str], say: Say = print) -> None:
    """On a new deployment, back up tables without rows and restore them. The work lists of both are empty."""
    made = _back_up(target)
    done = _restore(target, "--all", "--backup", made.backup_id)
    _same("rows restored into empty tables", done.restored, 0)
    say("restored a backup of empty tables into empty tables")


def _back_up(target: Sequence[str]) -> BackupOutput:
    return BackupOutput.model_validate(dataforge(target, "backup", "--verify"))


def _restore(target: Sequence[str], *arguments: str) -> RestoreOutput:
    return RestoreOutput.model_validate(dataforge(target, "restore", *arguments, "--yes"))


def _prove_migration(target: Sequence[str], say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="dataforge-smoke-") as folder:
        expected = generate(folder, orders=200, seed=7, dirty=0.01).tables
        first = MigrationOutput.model_validate(dataforge(target, "migrate", folder))
        for row in first.tables:
            wanted = expected[row.table]
            _same(f"{row.table}: stored rows", row.loaded + row.unchanged, wanted.loaded)
            _same(f"{row.table}: rejected rows", row.rejected, wanted.rejected)
        say(f"migrated {sum(row.read for row in first.tables)} records; every count is as generated")
        second = MigrationOutput.model_validate(dataforge(target, "migrate", folder))
        _same("rows loaded by a second run", sum(row.loaded for row in second.tables), 0)
        say("migrated again: nothing was loaded twice")


def _prove_refusals(target: Sequence[str], say: Say) -> None:
    for arguments, error in (
        (("--prefix", "nothing-here/"), "NoFiles"),
        (("--threshold", "1"), "QualityTooLow"),
    ):
        answer = dataforge(target, "migrate", *arguments, expected_exit=1)
        _same(f"error of migrate {' '.join(arguments)}", answer["error"], error)
        say(f"refused as it must be: {error}")


@contextmanager
def _key(target: Sequence[str], api_url: str) -> Iterator[str]:
    """Create a writer key, wait until it is effective, and revoke it at the end."""
    made = dataforge(target, "keys", "create", "--kind", "writer")
    try:
        tables = f"{api_url}/v1/tables"
        until("a new key is known", lambda: _get(tables, made["value"]).status == 200, _KEY_SECONDS, pause=1)
        yield made["value"]
    finally:
        dataforge(target, "keys", "revoke", made["id"])


def _get(url: str, key: str, encoding: str = "identity") -> urllib3.BaseHTTPResponse:
    headers = {"x-api-key": key, "accept": "*/*", "accept-encoding": encoding}
    return urllib3.request("GET", url, headers=headers, decode_content=False, timeout=40)


def _prove_ingestion(target: Sequence[str], key: str, say: Say) -> None:
    record = {"product_category_name": "fumaça", "product_category_name_english": "smoke"}
    with tempfile.TemporaryDirectory(prefix="dataforge-smoke-") as folder:
        file = Path(folder, "records.jsonl")
        file.write_text(json.dumps({"table": "category_translations", "data": record}))
        environ = {"DATAFORGE_API_KEY": key}
        dataforge(target, "ingest", str(file), environ=environ)
        again = dataforge(target, "ingest", str(file), environ=environ)
    _same("records unchanged when sent again", again["counts"]["unchanged"], 1)
    say("ingested a record through the API, once")


def _prove_compression(api_url: str, key: str, say: Say) -> None:
    """API Gateway returns bytes unchanged to clients that send Accept."""
    url = f"{api_url}/v1/tables/orders/records?limit=100"
    plain, packed = _get(url, key), _get(url, key, "gzip")
    found = [answer.headers.get("content-encoding") for answer in (plain, packed)]
    _same("encodings of a page as text and compressed", found, [None, "gzip"])
    if gzip.decompress(packed.data) != plain.data:
        raise NotProved("A compressed page holds something else than the page as text.")
    say(f"a page of {len(plain.data)} bytes is the same in {len(packed.data)}, compressed")


def _prove_backup(target: Sequence[str], say: Say) -> None:
    made = _back_up(target)
    say(f"backed up and verified: {made.backup_id}")
    table = "category_translations"
    done = _restore(target, table, "--backup", made.backup_id)
    _same(
        f"rows of {table} that a restore had to change",
        [done.added, done.removed, done.changed],
        [0] * 3,
    )
    say(f"restored {table}: {done.restored} rows, as they were")


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise NotProved(f"{what}: {found}, expected {wanted}.")


def read_outputs(file: Path) -> dict[str, str]:
    """The outputs of ``cdk deploy --outputs-file``, of its one stack."""
    (outputs,) = json.loads(file.read_text()).values()
    found: dict[str, str] = outputs
    return found
