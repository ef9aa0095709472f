"""The quotes dataset end to end: 50 concurrent writers of overlapping quotes, and readers that find each once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.api.batch import read_batch
from dataforge.errors import Busy
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import INGEST
from dataforge.settings import HttpSettings
from datasets import quotes
from functions.ingest.batch import ingest

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

WRITERS = 50
PLACE = {"db_host", "db_port", "db_name", "db_user", "db_auth", "db_sslmode"}
QUOTES = [
    {"author": f"author {n % 7}", "text": f"text {n % 30}", "tags": f"tag {n % 5};tag {n % 3};common"}
    for n in range(60)
]


def records(seed: int) -> list[dict[str, Any]]:
    """A random selection of quotes with their authors and tags, in random order."""
    random = Random(seed)
    chosen = random.sample(QUOTES, 30)
    found = [{"table": table, "data": data} for quote in chosen for table, data in quotes.split(quote)]
    random.shuffle(found)
    return found


def write(database: Database, start: threading.Barrier, seed: int) -> list[str]:
    """Send the records again until the status is not 503; return the statuses of the records."""
    settings = HttpSettings.model_validate(database.settings(INGEST).model_dump(include=PLACE))
    batch = read_batch({"dataset": "quotes", "records": records(seed)})
    with closing(connect(settings, "for the tests")) as db:
        start.wait()
        while True:
            try:
                answer = ingest(db, batch)
            except Busy:
                continue
            return [result["status"] for result in json.loads(answer.body)["results"]]


@pytest.fixture(scope="module")
def written(delivered: Database) -> list[str]:
    """The statuses of all writers."""
    start = threading.Barrier(WRITERS)
    with ThreadPoolExecutor(WRITERS) as pool:
        done = pool.map(lambda seed: write(delivered, start, seed), range(WRITERS))
        return [status for statuses in done for status in statuses]


def expected(table: str) -> set[tuple[str, ...]]:
    """The rows of the table without duplicates."""
    sent = [item["data"] for seed in range(WRITERS) for item in records(seed) if item["table"] == table]
    return {tuple(sorted(row.values())) for row in sent}


def test_all_writers_succeed_and_each_row_is_inserted_once(written: list[str], delivered: Database) -> None:
    assert set(written) == {"inserted", "unchanged"}
    tables = ("authors", "quotes", "tags", "quote_tags")
    assert written.count("inserted") == sum(len(expected(table)) for table in tables)


def test_readers_find_each_quote_once_with_its_author_and_tags(written: list[str], api: Api) -> None:
    found = [row for page in api.walk("quotes", "dataset=quotes&select=author,text&limit=25") for row in page]
    assert len(found) == len(expected("quotes"))
    assert {tuple(sorted(row.values())) for row in found} == expected("quotes")
    tags = [row for page in api.walk("quote_tags", "dataset=quotes&limit=40") for row in page]
    assert len(tags) == len(expected("quote_tags"))
    one = api.records("quotes", "dataset=quotes&author=eq.author 1&select=quote_id,text").rows
    assert {row["text"] for row in one} == {
        quote["text"] for quote in QUOTES if quote["author"] == "author 1"
    }


def test_second_write_leaves_every_row_unchanged(written: list[str], delivered: Database) -> None:
    assert set(write(delivered, threading.Barrier(1), 7)) == {"unchanged"}
