"""Restores of backups that another principal wrote into the bucket, or that are from before signing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.backups import manifest
from dataforge.backups.bodies import fetch
from dataforge.backups.manifest import MOST_BYTES, Manifest
from dataforge.backups.signatures import read_signature
from dataforge.errors import DamagedBackup, InvalidInput, NoSuchBackup, UnsignedBackup
from dataforge.s3.keys import signature_key
from functions.restore.select import MOST_SKIPPED
from tests.signing import Signer

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault

BUCKET = "backup"
PLANTED = "20261120T000000Z-0000000a"


@pytest.fixture
def sellers(vault: Vault) -> Manifest:
    """The only backup: of sellers, signed. The sellers were deleted since."""
    for item in vault.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        vault.s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 5)))
    made = vault.backup("sellers", parts=1)
    vault.database.query("DELETE FROM olist.sellers")
    return made


def plant(vault: Vault, made: Manifest, backup_id: str = PLANTED) -> Manifest:
    """Write the manifest of a backup with another id, and a copy of its files."""
    planted = made.model_copy(update={"backup_id": backup_id})
    for file in made.tables[0].files:
        data = vault.s3.get_object(Bucket=BUCKET, Key=made.folder + file.key)["Body"].read()
        vault.s3.put_object(Bucket=BUCKET, Key=planted.folder + file.key, Body=data)
    vault.s3.put_object(Bucket=BUCKET, Key=planted.key, Body=planted.model_dump_json().encode())
    return planted


def forge(vault: Vault, made: Manifest, planted: Manifest) -> None:
    """Write the signature of another backup for the planted one."""
    signature = read_signature(vault.s3, BUCKET, "olist", made.backup_id)
    assert signature is not None
    stored = manifest.read_stored(vault.s3, BUCKET, "olist", planted.backup_id)
    forged = signature.model_copy(update=stored.reference._asdict())
    key = signature_key("olist", planted.backup_id)
    vault.s3.put_object(Bucket=BUCKET, Key=key, Body=forged.model_dump_json().encode())


def test_signed_backup_is_restored_and_the_output_states_it(vault: Vault, sellers: Manifest) -> None:
    output = vault.restore(table="sellers").run()
    assert (output["backup"], output["signed"], output["skipped"]) == (sellers.backup_id, True, [])


def test_latest_skips_newer_planted_backups_and_names_them(vault: Vault, sellers: Manifest) -> None:
    plant(vault, sellers)
    forge(vault, sellers, plant(vault, sellers, "20261121T000000Z-0000000b"))
    plant(vault, sellers, "99991231T235959Z-00000000")
    vault.s3.put_object(Bucket=BUCKET, Key="olist/20261122T000000Z-0000000c/manifest.json", Body=b"{")
    output = vault.restore(table="sellers").run()
    assert (output["backup"], output["signed"], output["added"]) == (sellers.backup_id, True, 4)
    reasons = "\n".join(output["skipped"])
    for part in (
        "99991231T235959Z-00000000 is damaged: its id is in the future",
        "20261122T000000Z-0000000c is damaged",
        "20261121T000000Z-0000000b is damaged: the signature of its manifest is not valid",
        f"{PLANTED} is not signed",
    ):
        assert part in reasons


def test_latest_names_the_reasons_when_no_signed_backup_is_left(vault: Vault, sellers: Manifest) -> None:
    vault.s3.delete_object(Bucket=BUCKET, Key=signature_key("olist", sellers.backup_id))
    with pytest.raises(NoSuchBackup, match=f"No signed backup .*{sellers.backup_id} is not signed") as raised:
        vault.restore(table="sellers").run()
    assert "--allow-unsigned" in raised.value.hint


def test_latest_reads_a_limited_number_of_planted_backups(vault: Vault, sellers: Manifest) -> None:
    for number in range(MOST_SKIPPED + 1):
        key = f"olist/20261122T000000Z-{number:08x}/manifest.json"
        vault.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{")
    with pytest.raises(NoSuchBackup, match="more"):
        vault.restore(table="sellers").run()
    assert vault.restore(table="sellers", backup=sellers.backup_id).run()["added"] == 4


@pytest.mark.parametrize("kind", ["unsigned", "forged"])
def test_planted_backup_is_refused_by_its_id(vault: Vault, sellers: Manifest, kind: str) -> None:
    planted = plant(vault, sellers)
    if kind == "forged":
        forge(vault, sellers, planted)
    with pytest.raises(UnsignedBackup if kind == "unsigned" else DamagedBackup):
        vault.restore(table="sellers", backup=PLANTED).run()
    assert (vault.rows("sellers"), vault.leftovers()) == ([], [])


def test_backup_of_the_future_is_refused_even_with_the_option(vault: Vault, sellers: Manifest) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y%m%dT%H%M%SZ}-0000000a"
    plant(vault, sellers, later)
    with pytest.raises(DamagedBackup, match="in the future"):
        vault.restore(table="sellers", backup=later, unsigned=True).run()


def test_unsigned_backup_is_restored_by_its_id_with_the_explicit_option(
    vault: Vault, sellers: Manifest
) -> None:
    vault.s3.delete_object(Bucket=BUCKET, Key=signature_key("olist", sellers.backup_id))
    with pytest.raises(InvalidInput, match="unsigned requires the id"):
        vault.restore(table="sellers", unsigned=True).run()
    output = vault.restore(table="sellers", backup=sellers.backup_id, unsigned=True).run()
    assert (output["added"], output["signed"]) == (4, False)
    # The safety backup of the restore is signed.
    undone = vault.restore(undo=output["restore_id"]).run()
    assert (undone["removed"], undone["signed"]) == (4, True)


def test_manifest_that_is_replaced_after_its_signature_was_verified_is_refused(
    vault: Vault, sellers: Manifest
) -> None:
    run = vault.restore(table="sellers")
    body = sellers.model_dump_json(indent=1).encode()

    def replace() -> None:
        vault.s3.put_object(Bucket=BUCKET, Key=sellers.key, Body=body)

    with pytest.raises(DamagedBackup, match="was replaced after it was signed"):
        run.run(check=replace)


Change = Callable[[dict[str, Any]], Any]
DAMAGES: dict[str, tuple[Change, str]] = {
    "table twice": (lambda m: m["tables"].append(m["tables"][0]), "it has the table sellers twice"),
    "file twice": (
        lambda m: m["tables"][0].update(files=m["tables"][0]["files"] * 2, rows=8),
        "sellers has the file sellers/part-00000.parquet twice",
    ),
    "column twice": (
        lambda m: m["tables"][0]["columns"].append(m["tables"][0]["columns"][0]),
        "sellers has the column seller_id twice",
    ),
    "file of another table": (
        lambda m: m["tables"][0]["files"][0].update(key="orders/part-00000.parquet"),
        "orders/part-00000.parquet is not a file of sellers",
    ),
    "path": (lambda m: m["tables"][0]["files"][0].update(key="../x/part-00000.parquet"), "files.0.key"),
    "other sum of rows": (lambda m: m["tables"][0].update(rows=5), "have 4 rows, the table 5"),
    "10^30 rows": (lambda m: m["tables"][0].update(rows=10**30), "tables.0.rows"),
    "negative rows": (lambda m: m["tables"][0].update(rows=-1), "tables.0.rows"),
    "rows as text": (lambda m: m["tables"][0].update(rows="4"), "tables.0.rows"),
    "another field": (lambda m: m.update(note="x" * 10_000), "note"),
    "long name": (lambda m: m["tables"][0].update(table="x" * 64), "tables.0.table"),
    "another dataset": (lambda m: m.update(dataset="quotes"), "is the manifest of quotes/"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_manifest_with_a_contradiction_or_beyond_its_bounds_is_damaged_with_the_reason(
    vault: Vault, sellers: Manifest, damage: str
) -> None:
    change, words = DAMAGES[damage]
    document = json.loads(sellers.model_dump_json())
    change(document)
    Signer().replace(vault.s3, BUCKET, sellers, json.dumps(document).encode())
    with pytest.raises(DamagedBackup) as raised:
        vault.restore(table="sellers", backup=sellers.backup_id).run()
    assert words in str(raised.value)
    assert "x" * 100 not in str(raised.value)


def test_longer_object_is_not_read(vault: Vault, sellers: Manifest) -> None:
    size = len(sellers.model_dump_json(indent=1))
    found = [fetch(vault.s3, BUCKET, sellers.key, most) for most in (size, size - 1)]
    assert [one and one.body is not None for one in found] == [True, False]


@pytest.mark.slow
def test_padded_manifest_is_damaged_without_being_read(vault: Vault, sellers: Manifest) -> None:
    Signer().replace(vault.s3, BUCKET, sellers, sellers.model_dump_json().encode().ljust(MOST_BYTES + 1))
    with pytest.raises(DamagedBackup, match=f"has more than {MOST_BYTES} bytes"):
        vault.restore(table="sellers", backup=sellers.backup_id).run()
