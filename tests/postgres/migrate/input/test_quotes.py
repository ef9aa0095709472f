"""The quotes dataset: one flat file is split into four tables."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

Flat = tuple[str, str, str]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")


def put(forge: Forge, *records: Flat) -> None:
    """Upload these records as quotes.csv."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([("author", "text", "tags"), *records])
    forge.s3.put_object(Bucket="raw", Key="quotes/quotes.csv", Body=buffer.getvalue().encode())


def migrate(forge: Forge, chunk_bytes: int = 1 << 20) -> dict[str, tuple[int, ...]]:
    """The counts of each table."""
    found = forge.migrate(chunk_bytes, dataset="quotes", quality_threshold=0)
    return {table: tuple(counts[name] for name in COUNTS) for table, counts in found.items()}


def stored(forge: Forge) -> dict[str, set[tuple[str, ...]]]:
    """The rows of the tables: names of authors and tags, author and text of quotes, and their tags."""
    query = forge.database.query
    tags = "SELECT author, text, tag FROM quotes.quote_tags JOIN quotes.quotes USING (quote_id)"
    return {
        "authors": set(query("SELECT name FROM quotes.authors")),
        "quotes": set(query("SELECT author, text FROM quotes.quotes")),
        "tags": set(query("SELECT name FROM quotes.tags")),
        "quote_tags": set(query(tags)),
    }


def test_authors_and_tags_are_stored_once_and_referenced_by_quotes(forge: Forge) -> None:
    put(forge, ("Ana", "One.", "a;b"), ("Ana", "Two.", "b; c ;b;"), ("Eva", "One.", ""), ("Ana", "One.", "d"))
    assert migrate(forge) == {
        "authors": (4, 2, 0, 2, 0),
        "quotes": (4, 3, 0, 1, 0),
        "tags": (5, 4, 0, 1, 0),
        "quote_tags": (5, 5, 0, 0, 0),
    }
    assert stored(forge) == {
        "authors": {("Ana",), ("Eva",)},
        "quotes": {("Ana", "One."), ("Ana", "Two."), ("Eva", "One.")},
        "tags": {("a",), ("b",), ("c",), ("d",)},
        "quote_tags": {("Ana", "One.", t) for t in "abd"} | {("Ana", "Two.", t) for t in "bc"},
    }
    assert migrate(forge) == {
        "authors": (4, 0, 2, 2, 0),
        "quotes": (4, 0, 3, 1, 0),
        "tags": (5, 0, 4, 1, 0),
        "quote_tags": (5, 0, 5, 0, 0),
    }


def test_id_of_quote_is_digest_of_author_and_text(forge: Forge) -> None:
    put(forge, (" Ana ", 'Ação, "e\nlonge" ', "a"))
    migrate(forge)
    digest = hashlib.md5('Ana\x1fAção, "e\nlonge"'.encode(), usedforsecurity=False).hexdigest()
    assert forge.database.query("SELECT quote_id FROM quotes.quotes") == [(digest,)]
    assert forge.database.query("SELECT quote_id, tag FROM quotes.quote_tags") == [(digest, "a")]


def test_record_without_author_or_text_is_one_rejected_quote(forge: Forge) -> None:
    put(forge, ("", "No author.", "x"), ("Ana", " ", "x;y"), ("", "", ""), ("Eva", "Good.", ""))
    assert migrate(forge) == {
        "authors": (1, 1, 0, 0, 0),
        "quotes": (4, 1, 0, 0, 3),
        "tags": (0, 0, 0, 0, 0),
        "quote_tags": (0, 0, 0, 0, 0),
    }
    assert forge.rejections("table", "line", "codes") == [
        ("quotes", 2, "missing"),
        ("quotes", 3, "missing"),
        ("quotes", 4, "missing missing"),
    ]


def test_violation_in_flat_record_is_reported_for_each_table(forge: Forge) -> None:
    put(forge, ("A" * 2601, "Long.", "z"), ("Eva", "Tag.", "ã" * 1301))
    assert migrate(forge) == {
        "authors": (2, 1, 0, 0, 1),
        "quotes": (2, 1, 0, 0, 1),
        "tags": (2, 1, 0, 0, 1),
        "quote_tags": (2, 0, 0, 0, 2),
    }
    assert forge.rejections("table", "line", "codes") == [
        ("authors", 2, "too_many_bytes"),
        ("quote_tags", 2, "foreign_key"),
        ("quote_tags", 3, "too_many_bytes"),
        ("quotes", 2, "too_many_bytes"),
        ("tags", 3, "too_many_bytes"),
    ]


def test_malformed_record_of_flat_file_is_rejected_once(forge: Forge) -> None:
    body = b'author,text,tags\nAna,5" of snow,a\nEva,two\nIda,\xff,b\n\n\r\r\nZoe,fine,c\n'
    forge.s3.put_object(Bucket="raw", Key="quotes/quotes.csv", Body=body)
    found = migrate(forge)
    assert (found["quotes"], found["authors"]) == ((4, 1, 0, 0, 3), (1, 1, 0, 0, 0))
    assert forge.rejections("table", "line", "codes", "raw") == [
        ("quotes", 2, "csv_quote", 'Ana,5" of snow,a'),
        ("quotes", 3, "field_count", "Eva,two"),
        ("quotes", 4, "string_unicode", "Ida,\\xff,b"),
    ]


def test_surrounding_blanks_are_removed_and_counted(forge: Forge) -> None:
    put(forge, (" Ana", "One.\t", "a"), ("Ana", "Two.", "a"))
    run = forge.migration({"dataset": "quotes"})
    run.run()
    document = forge.read_json(f"runs/{run.id}/report.json")
    cleanings = {t["table"]: t["cleanings"] for t in document["tables"]}
    assert cleanings["authors"] == {"name.trimmed": 1}
    assert cleanings["quotes"] == {"author.trimmed": 1, "text.trimmed": 1}


@pytest.mark.parametrize("seed", range(3))
def test_flat_file_gives_same_result_for_any_chunk_size(forge: Forge, seed: int) -> None:
    random = Random(seed)
    names = ["Ana", "Eva", "ação", "x,y", 'q"q', "two\nlines", " Ana "]
    tags = ["a", "b", "ç", "x y", "", " "]
    records = [
        (random.choice(names), random.choice(names), ";".join(random.choices(tags, k=random.randint(0, 4))))
        for _ in range(40)
    ]
    put(forge, *records)
    counts = migrate(forge, chunk_bytes=64)
    quotes = {(author.strip(), text.strip()) for author, text, _ in records}
    own = [{t.strip() for t in line.split(";")} - {""} for *_, line in records]
    triples = Counter(
        (a.strip(), x.strip(), t) for (a, x, _), ts in zip(records, own, strict=True) for t in ts
    )
    assert stored(forge) == {
        "authors": {(author,) for author, _ in quotes},
        "quotes": quotes,
        "tags": {(t,) for ts in own for t in ts},
        "quote_tags": set(triples),
    }
    total, distinct = sum(map(len, own)), len({t for ts in own for t in ts})
    assert counts["authors"] == (40, len({a for a, _ in quotes}), 0, 40 - len({a for a, _ in quotes}), 0)
    assert counts["quotes"] == (40, len(quotes), 0, 40 - len(quotes), 0)
    assert counts["tags"] == (total, distinct, 0, total - distinct, 0)
    assert counts["quote_tags"] == (total, len(triples), 0, total - len(triples), 0)
