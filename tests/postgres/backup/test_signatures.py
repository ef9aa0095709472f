"""Backups that another principal wrote into the bucket: they are neither signed nor verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.backups import listing, manifest
from dataforge.backups.manifest import Manifest
from dataforge.backups.signatures import read_signature
from dataforge.backups.verification import Verification, read_verification, write_verification
from dataforge.errors import DamagedBackup, InvalidInput, UnsignedBackup
from dataforge.s3.keys import manifest_key, signature_key, verification_key
from tests.signing import verifier

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault

BUCKET = "backup"
LATER = "20261128T000000Z-0000000a"


def summary(vault: Vault, backup_id: str, dataset: str = "olist") -> listing.Summary:
    found = listing.read(vault.s3, BUCKET, (backup_id, dataset), verifier(BUCKET))
    assert found is not None
    return found


def copy(vault: Vault, source: str, target: str) -> None:
    body = vault.s3.get_object(Bucket=BUCKET, Key=source)["Body"].read()
    vault.s3.put_object(Bucket=BUCKET, Key=target, Body=body)


@pytest.fixture
def made(vault: Vault) -> Manifest:
    """A backup of sellers, verified."""
    vault.fill(5)
    return vault.back_up({"tables": ["sellers"], "verify": True})


def plant(vault: Vault, made: Manifest, **changes: object) -> Manifest:
    """Write the manifest of a backup with other values."""
    planted = made.model_copy(update=changes)
    body = planted.model_dump_json().encode()
    vault.s3.put_object(Bucket=BUCKET, Key=planted.key, Body=body)
    return planted


def test_backup_and_verification_are_signed(vault: Vault, made: Manifest) -> None:
    found = summary(vault, made.backup_id)
    assert (found.signed, found.verified, found.faults) == (True, True, ())
    assert found.verified_at is not None


def test_planted_backup_with_its_own_verification_is_neither_signed_nor_verified(
    vault: Vault, made: Manifest
) -> None:
    plant(vault, made, backup_id=LATER)
    proof = read_verification(vault.s3, BUCKET, "olist", made.backup_id)
    assert proof is not None
    planted = proof.model_copy(update={"backup_id": LATER})
    write_verification(vault.s3, BUCKET, "olist", planted)
    found = summary(vault, LATER)
    assert (found.signed, found.verified) == (False, False)
    with pytest.raises(UnsignedBackup, match=LATER):
        vault.backup({"verify_only": LATER}).run()


@pytest.mark.parametrize("other", ["id", "dataset"])
def test_signature_that_was_copied_to_another_backup_is_refused(
    vault: Vault, made: Manifest, other: str
) -> None:
    dataset, backup_id = ("quotes", made.backup_id) if other == "dataset" else ("olist", LATER)
    planted = plant(vault, made, dataset=dataset, backup_id=backup_id)
    stored = manifest.read_stored(vault.s3, BUCKET, dataset, backup_id)
    signature = read_signature(vault.s3, BUCKET, "olist", made.backup_id)
    assert signature is not None
    forged = signature.model_copy(update=stored.reference._asdict())
    key = signature_key(dataset, backup_id)
    vault.s3.put_object(Bucket=BUCKET, Key=key, Body=forged.model_dump_json().encode())
    found = summary(vault, planted.backup_id, dataset)
    assert (found.kind, found.signed, found.verified) == ("unreadable", False, False)
    assert "the signature of its manifest is not valid" in found.faults[0]
    with pytest.raises(DamagedBackup, match="the signature of its manifest is not valid"):
        vault.backup({"dataset": dataset, "verify_only": backup_id}).run()


def test_manifest_and_signature_copied_unchanged_are_those_of_another_backup(
    vault: Vault, made: Manifest
) -> None:
    for key_of in (manifest_key, signature_key, verification_key):
        copy(vault, key_of("olist", made.backup_id), key_of("olist", LATER))
    assert summary(vault, LATER).kind == "unreadable"


def test_replaced_manifest_is_refused_even_with_the_content_that_was_signed(
    vault: Vault, made: Manifest
) -> None:
    key = manifest_key("olist", made.backup_id)
    copy(vault, key, key)
    assert "was replaced after it was signed" in summary(vault, made.backup_id).faults[0]
    with pytest.raises(DamagedBackup, match="was replaced after it was signed"):
        vault.backup({"verify_only": made.backup_id}).run()


def test_manifest_that_is_replaced_during_a_verification_is_refused(vault: Vault, made: Manifest) -> None:
    run = vault.backup({"verify_only": made.backup_id})
    run.begin()
    plant(vault, made, kind="safety")
    with pytest.raises(DamagedBackup, match="was replaced after it was signed"):
        run.verify()


def test_verification_of_another_manifest_does_not_count(vault: Vault, made: Manifest) -> None:
    other = vault.back_up({"tables": ["sellers"]})
    proof = read_verification(vault.s3, BUCKET, "olist", made.backup_id)
    assert proof is not None
    planted = proof.model_copy(update={"backup_id": other.backup_id})
    write_verification(vault.s3, BUCKET, "olist", planted)
    assert summary(vault, other.backup_id).verified is False


def test_fault_that_is_removed_from_a_verification_does_not_make_it_verified(
    vault: Vault, made: Manifest
) -> None:
    vault.damage(f"{made.folder}sellers/part-00000.parquet", lambda body: body[:-1])
    with pytest.raises(DamagedBackup):
        vault.backup({"verify_only": made.backup_id}).run()
    found = read_verification(vault.s3, BUCKET, "olist", made.backup_id)
    assert found is not None
    forged: Verification = found.model_copy(update={"verified": True, "faults": ()})
    write_verification(vault.s3, BUCKET, "olist", forged)
    assert summary(vault, made.backup_id).verified is False


def test_unsigned_backup_is_verified_with_the_explicit_option(vault: Vault, made: Manifest) -> None:
    vault.s3.delete_object(Bucket=BUCKET, Key=signature_key("olist", made.backup_id))
    with pytest.raises(UnsignedBackup, match='"unsigned": true'):
        vault.backup({"verify_only": made.backup_id}).run()
    assert vault.backup({"verify_only": made.backup_id, "unsigned": True}).run()["verified"] is True
    found = summary(vault, made.backup_id)
    assert (found.signed, found.verified) == (False, True)
    with pytest.raises(InvalidInput, match="a new backup is always signed"):
        vault.backup({"unsigned": True}).run()


def test_retried_signing_steps_change_nothing(vault: Vault) -> None:
    run = vault.backup({"tables": ["sellers"]})
    run.begin()
    run.hold()
    run.plan()
    run.write()
    run.finish()
    run.finish()
    assert summary(vault, run.id).signed is True
