"""Restores that are refused before anything is written, with an error that names the reason."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge.backups.manifest import ColumnEntry, fingerprint
from dataforge.errors import (
    DamagedBackup,
    DataForgeError,
    InvalidInput,
    NoSuchBackup,
    NoSuchRun,
    SchemaDiffers,
    TableChanged,
    TargetRejectsRows,
    UnknownDataset,
    UnknownTable,
    UnusableBucket,
    WouldOrphan,
)
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.runs.unattended.script import DIFFERS, REFUSED, ROLLED_BACK
from functions.restore.load import FileItem, load_file
from tests.signing import Signer

if TYPE_CHECKING:
    from dataforge.backups.manifest import Manifest
    from tests.postgres.restore.conftest import Vault

SWAP, MERGE = 0, 10**9
both = pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
BUCKET = "backup"


@pytest.fixture
def sellers(vault: Vault) -> Manifest:
    """A backup of sellers, one of which was changed since."""
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 50)))
    backup = vault.backup("sellers", parts=1)
    vault.database.query("UPDATE olist.sellers SET seller_city = 'x' WHERE seller_id LIKE '%%1'")
    return backup


def refused(
    vault: Vault, error: type[DataForgeError], *words: str, swap_rows: int = MERGE, **document: Any
) -> None:
    """Assert that the restore is refused with these words, and that nothing is changed."""
    before = {name: vault.rows(name) for name in ("sellers", "customers", "orders", "order_items")}
    run = vault.restore(swap_rows, **document)
    with pytest.raises(error) as raised:
        run.run()
    assert [word for word in words if word not in str(raised.value)] == []
    assert (run.failure["error"], run.failure["cause"]) == (error.code, str(raised.value))
    assert {name: vault.rows(name) for name in before} == before
    assert vault.leftovers() == []


def edit(vault: Vault, backup: Manifest, change: Callable[[dict[str, Any]], None]) -> None:
    """Replace the manifest with a changed one that is signed."""
    key = f"{backup.folder}manifest.json"
    document = json.loads(vault.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    change(document)
    Signer().replace(vault.s3, BUCKET, backup, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "error", "word"),
    [
        ({"table": "sellers", "dataset": "x"}, UnknownDataset, "'x'"),
        ({"table": "x"}, UnknownTable, "'x'"),
        ({}, InvalidInput, '{"table": "orders"}'),
        ({"table": "sellers", "tables": ["sellers"]}, InvalidInput, "not both"),
        ({"tables": []}, InvalidInput, "tables"),
        ({"tabel": "sellers"}, InvalidInput, "tabel"),
        ({"table": "sellers", "backup": "../x"}, NoSuchBackup, "../x"),
        (
            {"table": "sellers", "backup": "20000101T000000Z-00000000"},
            NoSuchBackup,
            "20000101T000000Z-00000000",
        ),
        ({"undo": "20000101T000000Z-00000000"}, NoSuchBackup, "20000101T000000Z-00000000"),
        ({"undo": "20000101T000000Z-00000000", "backup": "latest"}, InvalidInput, "undo"),
        ({"finish": "20000101T000000Z-00000000"}, NoSuchRun, "20000101T000000Z-00000000"),
        ({"finish": "20000101T000000Z-00000000", "table": "sellers"}, InvalidInput, "cannot be combined"),
        ({"table": "geolocations", "dataset": "olist"}, NoSuchBackup, "geolocations"),
        ({"table": "sellers", "dry_run": "perhaps"}, InvalidInput, "dry_run"),
    ],
)
def test_wrong_input_is_refused_with_an_error_that_names_it(
    vault: Vault, sellers: Manifest, document: Any, error: type[DataForgeError], word: str
) -> None:
    refused(vault, error, word, **document)


def test_list_is_not_a_valid_input(vault: Vault) -> None:
    run = vault.restore()
    run.document = ["sellers"]
    with pytest.raises(InvalidInput):
        run.run()


def test_latest_is_the_newest_backup_with_the_table_and_never_a_safety_backup(
    vault: Vault, sellers: Manifest
) -> None:
    vault.backup("sellers", kind="safety")
    vault.backup("customers")
    assert vault.restore(table="sellers", dry_run=True).run()["backup"] == sellers.backup_id
    refused(vault, NoSuchBackup, sellers.backup_id, "cannot be undone", undo=sellers.backup_id)
    refused(vault, NoSuchBackup, "'orders'", table="orders", backup=sellers.backup_id)


def test_backup_without_manifest_does_not_exist(vault: Vault, sellers: Manifest) -> None:
    vault.s3.delete_object(Bucket=BUCKET, Key=f"{sellers.folder}manifest.json")
    refused(vault, NoSuchBackup, "manifest.json", table="sellers", backup=sellers.backup_id)


@pytest.mark.parametrize("backup", ["latest", "its id"])
def test_missing_bucket_is_neither_a_missing_nor_a_damaged_backup(
    vault: Vault, sellers: Manifest, backup: str
) -> None:
    run = vault.restore(table="sellers", backup=backup if backup == "latest" else sellers.backup_id)
    run.settings = run.settings.model_copy(update={"backup_bucket": "gone"})
    with pytest.raises(UnusableBucket, match="The bucket 'gone' cannot be read: it does not exist"):
        run.run()
    assert run.failure["error"] == "UnusableBucket"
    assert vault.leftovers() == []


def test_bucket_deleted_during_the_load_is_not_a_damaged_backup(vault: Vault, sellers: Manifest) -> None:
    run = vault.restore(table="sellers").until("load")
    [item] = vault.read_json(run.checked["key"])
    with pytest.raises(UnusableBucket, match="'gone' cannot be read"):
        load_file(run.worker, vault.s3, FileItem.model_validate(item | {"bucket": "gone"}))


PLACES = (
    "magic number",
    "page header",
    "page",
    "footer",
    "footer's last byte",
    "footer's length",
    "last byte",
)


def places(data: bytes) -> dict[str, int]:
    """A byte of each part of a Parquet file."""
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    column = metadata.row_group(0).column(2)
    page = column.dictionary_page_offset or column.data_page_offset
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    end = page + column.total_compressed_size - 2
    found = (0, page + 1, end, footer + 20, len(data) - 9, len(data) - 8, len(data) - 1)
    return dict(zip(PLACES, found, strict=True))


@pytest.mark.parametrize("place", PLACES)
def test_flipped_byte_anywhere_in_a_file_is_found(vault: Vault, sellers: Manifest, place: str) -> None:
    (file,) = sellers.tables[0].files
    key = sellers.folder + file.key
    data = bytearray(vault.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    data[places(bytes(data))[place]] ^= 0x10
    vault.s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(data))
    refused(vault, DamagedBackup, sellers.backup_id, file.key, "SHA-256", table="sellers")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("truncated", ["part-00000.parquet has", "bytes, not"]),
        ("missing", ["part-00000.parquet is missing"]),
        ("extra", ["part-00009.parquet is not in the manifest"]),
    ],
)
def test_files_that_differ_from_the_manifest_are_named(
    vault: Vault, sellers: Manifest, damage: str, words: list[str]
) -> None:
    key = sellers.folder + sellers.tables[0].files[0].key
    data = vault.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    match damage:
        case "truncated":
            vault.s3.put_object(Bucket=BUCKET, Key=key, Body=data[:-1])
        case "missing":
            vault.s3.delete_object(Bucket=BUCKET, Key=key)
        case "extra":
            vault.s3.put_object(Bucket=BUCKET, Key=key.replace("00000.", "00009."), Body=data)
    refused(vault, DamagedBackup, *words, table="sellers")


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("seller_city", "a\0b", "character not in repertoire"),
        ("seller_id", None, "violates not-null constraint"),
    ],
    ids=["NUL", "NULL"],
)
def test_file_that_fits_its_manifest_but_not_the_table_is_damaged(
    vault: Vault, sellers: Manifest, column: str, value: str | None, word: str
) -> None:
    key, forged = sellers.folder + sellers.tables[0].files[0].key, io.BytesIO()
    rows = pq.read_table(io.BytesIO(vault.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))
    place = rows.schema.get_field_index(column)
    values = [value, *rows.column(place).to_pylist()[1:]]
    pq.write_table(rows.set_column(place, pa.field(column, pa.string()), [values]), forged)
    data = forged.getvalue()
    vault.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
    new = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(vault, sellers, lambda m: m["tables"][0]["files"][0].update(new))
    refused(vault, DamagedBackup, "part-00000.parquet cannot be stored", word, table="sellers")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda m: m["tables"][0].update(content_hash="0" * 16), "content hash"),
        (lambda m: m["tables"][0].update(rows=48), "48"),
        (lambda m: m["tables"][0]["files"][0].update(rows=48) or m["tables"][0].update(rows=48), "48"),
        (lambda m: m.update(format="dataforge-backup-9"), "dataforge-backup-9"),
        (lambda m: m.update(backup_id="20000101T000000Z-00000000"), "20000101T000000Z-00000000"),
        (lambda m: m.pop("tables"), "manifest"),
        (lambda m: m["tables"][0].update(schema_fingerprint="0" * 64), "fingerprint of sellers"),
    ],
)
def test_manifest_that_does_not_fit_its_files_is_refused(
    vault: Vault, sellers: Manifest, change: Callable[[dict[str, Any]], None], word: str
) -> None:
    edit(vault, sellers, change)
    refused(vault, DamagedBackup, word, table="sellers", backup=sellers.backup_id)


def columns(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[dict[str, Any]], None]:
    """A change of the manifest's columns, and so of their fingerprint."""

    def apply(document: dict[str, Any]) -> None:
        entry = document["tables"][0]
        change(entry["columns"])
        entry["schema_fingerprint"] = fingerprint(tuple(ColumnEntry(**c) for c in entry["columns"]))

    return apply


def test_backup_without_a_column_that_may_not_be_null_is_refused(vault: Vault, sellers: Manifest) -> None:
    edit(vault, sellers, columns(lambda c: c.pop()))
    words = ["olist.sellers", "seller_state is not in the backup, is NOT NULL"]
    refused(vault, SchemaDiffers, *words, table="sellers")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.append({"name": "old", "type": "integer", "nullable": True}),
        lambda c: c[2].update(type="integer"),
    ],
    ids=["column", "type"],
)
def test_columns_that_the_files_do_not_have_are_refused(
    vault: Vault, sellers: Manifest, change: Callable[[list[dict[str, Any]]], Any]
) -> None:
    edit(vault, sellers, columns(change))
    refused(vault, DamagedBackup, "sellers", table="sellers")


def test_columns_that_differ_from_their_fingerprint_are_refused(vault: Vault, sellers: Manifest) -> None:
    edit(vault, sellers, lambda m: m["tables"][0]["columns"][2].update(type="integer"))
    refused(vault, DamagedBackup, "fingerprint of sellers", table="sellers")


def test_undeclared_column_is_refused(vault: Vault, sellers: Manifest) -> None:
    vault.database.query("ALTER TABLE olist.sellers ADD COLUMN mine integer")
    try:
        refused(vault, TableChanged, "olist.sellers", "mine is not declared", table="sellers")
    finally:
        vault.database.query("ALTER TABLE olist.sellers DROP COLUMN mine")


def orders(vault: Vault) -> None:
    """A backup of customers and orders; since then 25 customers were inserted, each with an order."""
    vault.insert("customers", *({"customer_id": n} for n in range(1, 4)))
    vault.insert("orders", *({"order_id": n, "customer_id": n} for n in range(1, 4)))
    vault.backup("customers", "orders")
    vault.insert("customers", *({"customer_id": n} for n in range(10, 35)))
    vault.insert("orders", *({"order_id": n, "customer_id": n} for n in range(10, 35)))


@both
def test_refusal_counts_rows_that_would_lose_their_parent(vault: Vault, swap_rows: int) -> None:
    orders(vault)
    words = [
        "25 row(s) of olist.orders would lose their parents (orders_customer_id_fkey)",
        "missing keys: 25",
    ]
    refused(vault, WouldOrphan, *words, swap_rows=swap_rows, table="customers")
    refused(vault, WouldOrphan, "25 row(s)", table="customers", dry_run=True)
    assert vault.restore(swap_rows, tables=["customers", "orders"]).run()["removed"] == 50


@both
def test_refusal_counts_restored_rows_without_a_parent(vault: Vault, swap_rows: int) -> None:
    orders(vault)
    vault.database.query("DELETE FROM olist.orders; DELETE FROM olist.customers WHERE customer_id LIKE '%%2'")
    words = ["1 row(s)", "have no parent in customers (orders_customer_id_fkey)", "missing keys: 1"]
    refused(vault, WouldOrphan, *words, swap_rows=swap_rows, table="orders")


@both
def test_orphans_within_the_backup_are_found(vault: Vault, swap_rows: int) -> None:
    orders(vault)
    vault.database.query(
        "ALTER TABLE olist.orders DISABLE TRIGGER ALL; ALTER TABLE olist.customers DISABLE TRIGGER ALL"
    )
    vault.database.query("DELETE FROM olist.customers WHERE customer_id LIKE '%%2'")
    vault.backup("customers", "orders")
    vault.clear()
    vault.database.query(
        "ALTER TABLE olist.orders ENABLE TRIGGER ALL; ALTER TABLE olist.customers ENABLE TRIGGER ALL"
    )
    both_tables = ["customers", "orders"]
    refused(vault, WouldOrphan, "orders_customer_id_fkey", swap_rows=swap_rows, tables=both_tables)
    refused(vault, WouldOrphan, "orders_customer_id_fkey", tables=both_tables, dry_run=True)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (
            "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN NEW.seller_city := 'mine'; RETURN NEW; END$$;"
            "CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON olist.sellers FOR EACH ROW EXECUTE FUNCTION public.f()",
            "trigger",
        ),
        (
            "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE 'not here' USING ERRCODE = '40001'; END$$;"
            "CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON olist.sellers FOR EACH ROW EXECUTE FUNCTION public.f()",
            "f() refuses a row",
        ),
        *(
            (
                "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$BEGIN RAISE 'null' USING ERRCODE = '{state}'; END$$;"
                "CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON olist.sellers FOR EACH ROW EXECUTE FUNCTION public.f()",
                "f() refuses a row",
            )
            for state in (DIFFERS, REFUSED, ROLLED_BACK)
        ),
        ("CREATE RULE mine AS ON UPDATE TO olist.sellers DO INSTEAD NOTHING", "rule"),
        (
            "ALTER TABLE olist.sellers ADD CONSTRAINT mine CHECK (seller_city = 'x' OR seller_id NOT LIKE '%%11') NOT VALID",
            "mine",
        ),
    ],
    ids=["trigger", "raising trigger", DIFFERS, REFUSED, ROLLED_BACK, "rule", "check"],
)
def test_refusal_names_the_constraint_trigger_or_rule_that_rejects_rows(
    vault: Vault, sellers: Manifest, rule: str, word: str
) -> None:
    vault.database.query(rule)
    try:
        for dry_run in (False, True):
            refused(vault, TargetRejectsRows, word, swap_rows=SWAP, table="sellers", dry_run=dry_run)
    finally:
        vault.database.query(
            "DROP FUNCTION IF EXISTS public.f() CASCADE; DROP RULE IF EXISTS mine ON olist.sellers;"
            "ALTER TABLE olist.sellers DROP CONSTRAINT IF EXISTS mine"
        )


OWNERS_CONSTRAINTS = {
    "check": "ALTER TABLE olist.sellers ADD CONSTRAINT mine CHECK (seller_city = seller_id OR seller_id NOT LIKE '%%11')",
    "unvalidated check": "ALTER TABLE olist.sellers ADD CONSTRAINT mine"
    " CHECK (seller_city = seller_id AND seller_id LIKE '%%11') NOT VALID",
    "unique": "CREATE UNIQUE INDEX mine ON olist.sellers (seller_city) WHERE seller_id LIKE '%%1'",
    "exclusion": "ALTER TABLE olist.sellers ADD CONSTRAINT mine"
    " EXCLUDE USING btree (seller_city WITH =) WHERE (seller_id LIKE '%%1')",
    "unique with an unchanged row": "CREATE UNIQUE INDEX mine ON olist.sellers (seller_city)"
    " WHERE seller_id LIKE '%%11' OR seller_id LIKE '%%12'",
}


@pytest.mark.parametrize("rule", OWNERS_CONSTRAINTS)
def test_dry_run_is_refused_by_the_owners_constraint_that_refuses_the_restore(
    vault: Vault, sellers: Manifest, rule: str
) -> None:
    vault.database.query("UPDATE olist.sellers SET seller_city = seller_id WHERE seller_id LIKE '%%1'")
    vault.database.query(OWNERS_CONSTRAINTS[rule])
    try:
        for dry_run in (False, True):
            refused(
                vault, TargetRejectsRows, "olist.sellers: a row violates", table="sellers", dry_run=dry_run
            )
    finally:
        vault.database.query(
            "ALTER TABLE olist.sellers DROP CONSTRAINT IF EXISTS mine; DROP INDEX IF EXISTS olist.mine"
        )


def test_dry_run_accepts_what_the_restore_accepts_and_leaves_no_copy(vault: Vault, sellers: Manifest) -> None:
    vault.database.query(
        "ALTER TABLE olist.sellers"
        " ADD CONSTRAINT mine CHECK (seller_city <> 'x' AND seller_id LIKE '%%1') NOT VALID;"
        "CREATE UNIQUE INDEX mine_too ON olist.sellers (seller_id, seller_city)"
    )
    try:
        trial = vault.restore(MERGE, table="sellers", dry_run=True).run()
        assert vault.database.query("SELECT FROM pg_class WHERE relname LIKE '~trial%%'") == []
        done = vault.restore(MERGE, table="sellers").run()
        assert [trial[n] for n in ("added", "removed", "changed")] == [
            done[n] for n in ("added", "removed", "changed")
        ]
        assert done["changed"] > 0
    finally:
        vault.database.query("ALTER TABLE olist.sellers DROP CONSTRAINT mine; DROP INDEX olist.mine_too")


def test_dry_run_rolls_back_what_triggers_write(vault: Vault, sellers: Manifest) -> None:
    vault.database.query(
        "CREATE TABLE public.log (seller_id text, place name); GRANT INSERT ON public.log TO PUBLIC;"
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO public.log VALUES (NEW.seller_id, TG_TABLE_NAME); RETURN NEW; END$$;"
        "CREATE CONSTRAINT TRIGGER mine AFTER INSERT OR UPDATE ON olist.sellers DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.f();"
        "CREATE RULE mine AS ON DELETE TO olist.sellers DO ALSO SELECT 1"
    )
    try:
        trial = vault.restore(MERGE, table="sellers", dry_run=True).run()
        assert vault.database.query("SELECT FROM public.log") == []
        assert vault.database.query("SELECT FROM pg_namespace WHERE nspname LIKE 'shadow%%'") == []
        done = vault.restore(MERGE, table="sellers").run()
        assert [trial[n] for n in ("added", "removed", "changed")] == [
            done[n] for n in ("added", "removed", "changed")
        ]
        places = vault.database.query("SELECT place, count(*) FROM public.log GROUP BY place")
        assert places == [("sellers", done["added"] + done["changed"])]
    finally:
        vault.database.query(
            "DROP FUNCTION public.f() CASCADE; DROP RULE mine ON olist.sellers; DROP TABLE public.log"
        )


@pytest.mark.parametrize("readable", [True, False])
def test_dry_run_finds_rows_without_a_parent_by_an_undeclared_foreign_key(
    vault: Vault, sellers: Manifest, readable: bool
) -> None:
    vault.database.query(
        "CREATE TABLE public.cities (name text PRIMARY KEY);"
        "INSERT INTO public.cities VALUES ('x');"
        "ALTER TABLE olist.sellers ADD CONSTRAINT mine FOREIGN KEY (seller_city) REFERENCES public.cities NOT VALID"
    )
    if readable:
        vault.database.query(f"GRANT SELECT ON public.cities TO {RESTORE_RUN}")
    try:
        refused(vault, WouldOrphan, "mine", table="sellers")
        if readable:
            refused(vault, WouldOrphan, "4 row(s)", "public.cities (mine)", table="sellers", dry_run=True)
        vault.database.query(
            "INSERT INTO public.cities SELECT DISTINCT seller_city FROM olist.sellers WHERE seller_city <> 'x'"
        )
        vault.restore(MERGE, table="sellers", dry_run=True).run()
    finally:
        vault.database.query("ALTER TABLE olist.sellers DROP CONSTRAINT mine; DROP TABLE public.cities")


def test_rows_of_undeclared_child_tables_are_not_deleted(vault: Vault) -> None:
    orders(vault)
    vault.database.query(
        "DELETE FROM olist.orders WHERE order_id > repeat('0', 31) || '3';"
        "CREATE TABLE public.visits (customer_id text REFERENCES olist.customers ON DELETE CASCADE);"
        f"INSERT INTO public.visits VALUES ('{20:032x}')"
    )
    try:
        refused(vault, TargetRejectsRows, "visits", "Grant", table="customers")
        vault.database.query("GRANT SELECT, DELETE ON public.visits TO dataforge_restore_run")
        refused(vault, WouldOrphan, "1 row(s) of public.visits", table="customers")
        vault.database.query("DELETE FROM public.visits")
        assert vault.restore(table="customers").run()["removed"] == 25
    finally:
        vault.database.query("DROP TABLE public.visits")
