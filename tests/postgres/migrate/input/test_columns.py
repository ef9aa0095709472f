"""Columns of files that may be missing, are ignored, have a default, or whose headers differ from the declared ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field

from dataforge.errors import QualityTooLow
from dataforge.formats.dialect import Csv
from dataforge.tables.columns import Date, Header, Integer, Key, Label, Text
from dataforge.tables.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.migrate.conftest import Forge


class Game(Row, table="games", file="games.csv", ignore=("Unnamed: 0", "")):
    """A game."""

    code: Annotated[Label, Key(), Header("Game Code", "GAME")]
    tries: Annotated[Integer, Header(optional=True)] = 7
    note: Annotated[Text, Header("Remark", optional=True)] | None = None


class AnyCase(Row, table="games", file="games.csv", format=Csv(ignore_case=True)):
    """A game whose headers match in any case."""

    code: Annotated[Label, Key(), Header("Straße")]
    tries: Integer = 7


def put(forge: Forge, text: str, key: str = "sport/games.csv") -> None:
    forge.s3.put_object(Bucket="raw", Key=key, Body=text.encode())


FILES = (
    "Game Code,tries,Remark\na,1,x\nb,,\n",
    "Game Code\nc\n",
    ",GAME,Unnamed: 0,Remark\n0,d,z,\n1,e,z,y\n",
    "Remark,Game Code,Unnamed: 0,Unnamed: 0\nx,f,1,2\n",
    'Game Code,tries\ng," "\n',
    "Unnamed: 0,GAME,Remark\n0,h,x\nUnnamed: 0,GAME,Remark\n",
)
"""Files of one table with different columns. The header of the last one is repeated."""
ROWS = ["(a,1,x)", "(b,7,)", "(c,7,)", "(d,7,)", "(e,7,y)", "(f,7,x)", "(g,7,)", "(h,7,x)"]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_file_may_lack_optional_columns_and_have_ignored_ones(
    declare: Callable[..., Forge], delimiter: str
) -> None:
    forge = declare("sport", Game=Game, FORMAT=Csv(delimiter=delimiter))
    for number, text in enumerate(FILES):
        put(forge, text.replace(",", delimiter), f"sport/games_{number}.csv")
    assert forge.migrate(dataset="sport", quality_threshold=0)["games"]["loaded"] == len(ROWS)
    assert forge.rows("games", "sport") == ROWS
    assert forge.rejections("line", "codes") == [(3, "repeated_header")]


def test_report_names_missing_ignored_and_defaulted_columns(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Game=Game)
    put(forge, "Unnamed: 0,Game Code,tries\n0,a,\n1,b,3\n")
    migration = forge.migration({"dataset": "sport"})
    migration.run()
    report = forge.read_json(f"runs/{migration.id}/report.json")
    [file] = report["files"]
    assert (file["missing_columns"], file["ignored_columns"]) == (["note"], ["Unnamed: 0"])
    assert report["tables"][0]["cleanings"] == {"tries.defaulted": 1}


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_parquet_has_the_same_headers_and_ignored_columns(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Game=Game)
    columns: dict[str, list[Any]] = {"Unnamed: 0": [[1], [2]], "Game Code": ["a", " "], "tries": [None, 2]}
    forge.s3.put_object(Bucket="raw", Key="sport/games.parquet", Body=parquet(**columns))
    counts = forge.migrate(dataset="sport", quality_threshold=0)["games"]
    assert (counts["loaded"], counts["rejected"]) == (1, 1)
    assert forge.rows("games", "sport") == ["(a,7,)"]
    assert forge.rejections("codes", "raw") == [("missing", '{"code": " ", "tries": "2"}')]


def test_headers_match_in_any_case(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Game=AnyCase)
    put(forge, "STRASSE,Tries\na,1\nstraße,TRIES\n")
    forge.migrate(dataset="sport", quality_threshold=0)
    assert forge.rows("games", "sport") == ["(a,1)"]
    assert forge.rejections("line", "codes") == [(3, "repeated_header")]


class Shop(Row, table="shops", file="shops.csv"):
    """A shop."""

    shop: Annotated[Integer, Key()]
    zip: Annotated[Label, Field(pattern="^[0-9]{5}$")]
    opened: Date


def test_fix_that_rejected_values_show_is_in_the_error_and_the_report(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Shop=Shop)
    lines = [f"{n},{10_000 + n if n % 4 else 1000 + n},{1 + n % 28:02}/03/2020\n" for n in range(1, 101)]
    put(forge, "shop,zip,opened\n" + "".join(lines), "sport/shops.csv")
    migration = forge.migration({"dataset": "sport"})
    with pytest.raises(QualityTooLow) as raised:
        migration.run()
    zips = "25 of 100 values have 4 digits instead of 5: leading zeros lost? Declare Clean(pad='0', width=5)"
    days = "all 100 values: date format looks like DD/MM/YYYY (53 values impossible as MM/DD)."
    assert f"shops.zip: {zips}" in raised.value.hint
    assert f"shops.opened: {days}" in raised.value.hint
    report = forge.read_json(f"runs/{migration.id}/report.json")
    assert [fix["text"] for fix in report["tables"][0]["suggestions"] if fix["column"] == "zip"] == [zips]
    page = forge.s3.get_object(Bucket="report", Key=f"runs/{migration.id}/report.html")["Body"].read()
    assert b"leading zeros lost?" in page


def test_other_delimiter_of_all_records_is_in_the_error(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Shop=Shop)
    put(forge, "shop,zip,opened\n" + "1;10000;2020-01-01\n" * 5, "sport/shops.csv")
    with pytest.raises(QualityTooLow, match=r"Declare Csv\(delimiter=';'\)"):
        forge.migrate(dataset="sport")


def test_encoding_of_records_that_are_not_utf8_is_in_the_error(declare: Callable[..., Forge]) -> None:
    forge = declare("sport", Shop=Shop)
    rows = b"".join(b"%d,1000%d,2020-01-0%d\n" % (n, n, n) for n in range(1, 4))
    forge.s3.put_object(
        Bucket="raw", Key="sport/shops.csv", Body=b"shop,zip,opened\n\xfc,10000,2020-01-01\n" + rows
    )
    with pytest.raises(
        QualityTooLow, match=r"1 record is not text in utf-8\. Declare .*Csv\(encoding='cp1252'\)"
    ):
        forge.migrate(dataset="sport")


def test_key_that_resembles_a_column_is_in_the_error_and_others_are_not(
    declare: Callable[..., Forge],
) -> None:
    forge = declare("sport", Shop=Shop)
    lines = '{"shop": 1, "Zip": "10000", "secret": 1, "opened": "2020-01-01"}\n' * 3
    put(forge, lines, "sport/shops.jsonl")
    with pytest.raises(
        QualityTooLow, match=r"3 records have the key 'Zip'.* Declare Header\('Zip'\) for zip"
    ) as raised:
        forge.migrate(dataset="sport")
    assert "secret" not in raised.value.hint
