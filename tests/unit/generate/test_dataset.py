"""The generated dataset: deterministic, of any size, referentially complete, with counted errors."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from local.config import ROOT
from local.generate import Expected, generate
from local.generate.chance import Chance, Strata
from local.generate.kinds import kinds_of
from local.generate.tables import TABLES

# For (orders=300, seed=7, dirty=0.1). It changes only with the generator:
# not with the Python version, the machine, or the seed of its string hashes.
PINNED = "efb0359619fd6f57348d4836f52618f68f9f63868dddc4f4cb405afbfb31b3e6"


def digest(folder: Path) -> str:
    """The digest of all files and their names."""
    parts = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        parts.update(path.name.encode() + b"\0" + path.read_bytes())
    return parts.hexdigest()


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    file = next(candidate.file for candidate in TABLES if candidate.name == table)
    with (folder / file).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def keys(folder: Path, table: str, column: str) -> set[str]:
    return {row[column] for row in rows(folder, table)}


def test_bytes_have_the_pinned_digest(tmp_path: Path) -> None:
    generate(tmp_path, 300, 7, 0.1)
    assert digest(tmp_path) == PINNED


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_command_writes_the_same_bytes_for_any_hash_seed(hash_seed: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "local.generate", str(tmp_path), "--orders", "300", "--dirty", "0.1"]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    assert digest(tmp_path) == PINNED
    assert "order_reviews" in done.stdout


def test_another_seed_generates_other_rows(tmp_path: Path) -> None:
    generate(tmp_path / "one", 50, 1)
    generate(tmp_path / "two", 50, 2)
    assert keys(tmp_path / "one", "orders", "order_id").isdisjoint(
        keys(tmp_path / "two", "orders", "order_id")
    )


def test_result_equals_expected_json(tmp_path: Path) -> None:
    expected = generate(tmp_path, 100, 5, 0.2)
    assert json.loads((tmp_path / "expected.json").read_text()) == asdict(expected)
    assert (expected.seed, expected.orders, expected.dirty) == (5, 100, 0.2)


@pytest.mark.parametrize("orders", [0, 1, 2, 37, 500])
def test_size_follows_the_number_of_orders(orders: int, tmp_path: Path) -> None:
    counts = generate(tmp_path, orders).tables
    assert counts["orders"].read == counts["customers"].read == orders
    assert counts["geolocations"].read == 10 * orders
    assert counts["order_payments"].read >= orders
    assert counts["sellers"].read <= counts["products"].read <= orders
    for table in TABLES:
        assert len(rows(tmp_path, table.name)) == counts[table.name].read


def test_every_row_is_counted_once(tmp_path: Path) -> None:
    for count in generate(tmp_path, 300, 9, 0.5).tables.values():
        assert count.read == count.loaded + count.deduplicated + count.rejected


def test_clean_data_has_referential_integrity(tmp_path: Path) -> None:
    generate(tmp_path, 800, 11)
    orders = keys(tmp_path, "orders", "order_id")
    assert keys(tmp_path, "orders", "customer_id") == keys(tmp_path, "customers", "customer_id")
    assert keys(tmp_path, "order_payments", "order_id") == orders
    assert keys(tmp_path, "order_items", "order_id") < orders
    assert keys(tmp_path, "order_reviews", "order_id") < orders
    assert keys(tmp_path, "order_items", "product_id") <= keys(tmp_path, "products", "product_id")
    assert keys(tmp_path, "order_items", "seller_id") <= keys(tmp_path, "sellers", "seller_id")


def test_most_good_rows_are_the_same_with_and_without_errors(tmp_path: Path) -> None:
    generate(tmp_path / "clean", 400, 3)
    generate(tmp_path / "dirty", 400, 3, 0.05)
    for table in TABLES:
        clean = set((tmp_path / "clean" / table.file).read_bytes().splitlines())
        dirty = set((tmp_path / "dirty" / table.file).read_bytes().splitlines())
        assert len(clean & dirty) >= 0.9 * len(clean)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return generate(tmp_path_factory.mktemp("dirty"), 2000, 7, 0.02)


def test_dirt_has_the_requested_share(dirty: Expected) -> None:
    made = sum(sum(count.kinds.values()) for count in dirty.tables.values())
    sources = sum(count.read for count in dirty.tables.values())
    assert made / sources == pytest.approx(0.02, rel=0.02)


def test_every_kind_of_error_is_generated_if_the_size_allows(dirty: Expected) -> None:
    for table in TABLES:
        kinds = dirty.tables[table.name].kinds
        wanted = {kind.name for kind in kinds_of(table)}
        assert set(kinds) == wanted or sum(kinds.values()) < len(wanted)


def test_children_and_grandchildren_of_rejected_parents_are_orphans(dirty: Expected) -> None:
    def lone(table: str) -> int:
        count = dirty.tables[table]
        return count.codes["foreign_key"] - count.kinds["orphan"] - count.kinds.get("orphan_then_good", 0)

    lost_orders = dirty.tables["orders"].rejected
    assert lone("orders") > 10
    assert lone("order_payments") > lost_orders / 2
    assert lone("order_items") > lone("order_reviews") > lost_orders / 2


def test_arguments_out_of_range_are_refused(tmp_path: Path) -> None:
    for arguments in ((-1, 7, 0.0), (10, 7, 1.5), (10, 7, -0.1), (10, 7, float("nan"))):
        with pytest.raises(ValueError, match="orders must not be negative"):
            generate(tmp_path / "none", *arguments)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [["--orders", "-1"], ["--dirty", "2"], ["--dirty", "x"], []])
def test_usage_error_exits_with_2(words: list[str], tmp_path: Path) -> None:
    out = [str(tmp_path)] if words else []
    done = subprocess.run(
        [sys.executable, "-m", "local.generate", *out, *words], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2


def test_folder_that_cannot_be_created_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    words = [sys.executable, "-m", "local.generate", str(tmp_path / "file")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 1.0])
def test_size_of_a_strata_sample_is_within_one_of_its_share(share: float) -> None:
    strata = Strata(Chance(1, "strata"), share)
    assert abs(sum(strata.due() for _ in range(1000)) - 1000 * share) <= 1
