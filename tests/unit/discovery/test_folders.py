"""Folders as programs and people leave them: every file is a table's part or is named with the reason, and loads."""

from __future__ import annotations

import bz2
import lzma
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from dataforge.formats.dialect import Csv
from discovery.folders.folder_store import unlisted
from tests.unit.discovery.folders import archive, csv_text, drafted, json_lines, orders, parquet, zipped


def test_compressed_files_are_tables(tmp_path: Path) -> None:
    text, lines = orders(1, 5), json_lines({"id": 1})
    found = drafted(
        tmp_path,
        {
            "a.csv.gz": zipped(text),
            "b.csv.bz2": bz2.compress(text.encode()),
            "c.csv.xz": lzma.compress(text.encode()),
            "d.csv.zst": pa.Codec("zstd").compress(text.encode(), asbytes=True),
            "e.jsonl.gz": zipped(lines),
        },
    )
    files = {name: (f"{name}.csv", 5) for name in ("a", "b", "c", "d")}
    assert found.files == {**files, "e": ("e.jsonl", 1)}


def test_files_in_archives_are_tables_without_the_folder_that_all_share(tmp_path: Path) -> None:
    files = {"export/orders.csv": orders(1, 5), "export/sub/x.jsonl": json_lines({"a": 1}, {"a": 2})}
    stored = archive({"y.csv": orders(1, 3)}, zipfile.ZIP_STORED)
    found = drafted(
        tmp_path, {"shop.zip": archive({**files, "__MACOSX/export/._a": "x"}), "stored.zip": stored}
    )
    assert found.files == {"orders": ("orders.csv", 5), "x": ("sub/x.jsonl", 2), "y": ("y.csv", 3)}
    assert found.unread == {"shop.zip/__MACOSX/export/._a": "it is metadata of macOS"}


def test_contents_of_archives_that_are_not_read_are_named(tmp_path: Path) -> None:
    inside: dict[str, str | bytes] = {
        "o.csv": orders(1, 3),
        "g.csv.gz": zipped("a,b\n1,2\n"),
        "i.zip": archive({"a": "b"}),
    }
    found = drafted(tmp_path, {"a.zip": archive({**inside, "t.parquet": parquet(pa.table({"a": [1]}))})})
    assert found.files == {"o": ("o.csv", 3)}
    assert found.unread.keys() == {"a.zip/g.csv.gz", "a.zip/i.zip", "a.zip/t.parquet"}


def test_files_of_one_name_in_several_folders_are_one_table_if_their_columns_are_the_same(
    tmp_path: Path,
) -> None:
    found = drafted(
        tmp_path,
        {
            "east/orders.csv": orders(1, 5),
            "west/orders.csv": orders(6, 9),
            "east/x.csv": "a,b\n1,2\n",
            "west/x.csv": "c,d,e\n1,2,3\n",
        },
    )
    assert found.files == {
        "orders": ("*/orders.csv", 9),
        "east_x": ("east/x.csv", 1),
        "west_x": ("west/x.csv", 1),
    }


def test_folders_of_key_and_value_are_columns(tmp_path: Path) -> None:
    found = drafted(
        tmp_path,
        {
            "ev/year=2023/part-0.csv": orders(1, 4),
            "ev/year=2024/part-0.csv": orders(5, 8),
            "log/day=2024-01-01/000000_0": "a,b\n1,2\n2,3\n",
            "log/day=__HIVE_DEFAULT_PARTITION__/000000_0": "a,b\n3,2\n4,3\n",
        },
    )
    assert found.files == {"ev": ("ev/part-0.csv", 8), "log": ("log/000000_0", 4)}
    assert found.kinds("ev")["year"] in {"integer", "smallint"}
    assert found.kinds("log")["day"] == "date?"


def test_key_of_a_folder_that_the_file_has_as_well_is_left_out(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"ev/a=1/p.csv": "a,b\n1,2\n", "ev/a=2/p.csv": "a,b\n2,2\n"})
    assert found.tables["p"].ignored_partitions == ("a",)
    assert found.results["p"].loaded == 2


def test_parts_are_one_table(tmp_path: Path) -> None:
    parts = {
        "sales_*.csv": ("sales_2023.csv", "sales_2024.csv"),
        "visits_*.csv": ("visits_jan.csv", "visits_feb.csv"),
        "part-*.csv": ("part-0000.csv", "part-0001.csv"),
        "x_*of2.csv": ("x_1of2.csv", "x_2of2.csv"),
        "log*.csv": ("log1.csv", "log2.csv"),
        "orders*.csv": ("orders.csv", "orders (1).csv"),
    }
    contents = (orders(1, 5), orders(6, 9))
    files = {name: text for names in parts.values() for name, text in zip(names, contents, strict=True)}
    found = drafted(tmp_path, files)
    assert {table.file: (table.rows, table.paths) for table in found.draft.tables} == {
        file: (9, tuple(sorted(names))) for file, names in parts.items()
    }
    assert {table.notes for table in found.draft.tables} == {("Parts: 2 files with the same columns.",)}


def test_numbered_files_that_repeat_keys_in_other_records_are_separate_tables(tmp_path: Path) -> None:
    other = csv_text([(n, f"m{n}", f"{n}.25") for n in range(1, 6)])
    found = drafted(tmp_path, {"table1.csv": orders(1, 5), "table2.csv": other})
    assert found.files == {"table1": ("table1.csv", 5), "table2": ("table2.csv", 5)}
    assert "repeat values of id" in found.tables["table1"].notes[0]


def test_numbered_files_with_the_same_records_are_one_table(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"orders.csv": orders(1, 5), "orders_2.csv": orders(1, 4)})
    assert [table.file for table in found.draft.tables] == ["orders*.csv"]


def test_column_that_some_parts_lack_is_optional(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"s_2023.csv": "id,a,b\n1,2,3\n", "s_2024.csv": "id,a,b,c\n2,2,3,4\n"})
    assert found.kinds("s") == {"id": "integer", "a": "integer", "b": "integer", "c": "integer?"}
    assert found.results["s"].loaded == 2


def test_pattern_of_parts_never_matches_another_table(tmp_path: Path) -> None:
    files = {"s_2023.csv": orders(1, 3), "s_2024.csv": orders(4, 6), "s_2024_old.csv": "x,y\n1,2\n"}
    found = drafted(tmp_path, {**files, "s_total.csv": "v,w\n1,2\n"})
    assert sum(result.loaded for result in found.results.values()) == 8


def test_parts_of_ascii_have_the_encoding_of_the_others(tmp_path: Path) -> None:
    german = csv_text([(3, "Bär", 1), (4, "Öl", 2)])
    found = drafted(tmp_path, {"a_2023.csv": orders(1, 2), "a_2024.csv": german.encode("cp1252")})
    assert found.files == {"a": ("a_*.csv", 4)}


def test_files_of_unusual_names_are_tables_if_their_content_is_one(tmp_path: Path) -> None:
    prose = "This is a text,\nin lines of words, not of fields,\nand one more.\n"
    found = drafted(
        tmp_path,
        {
            "orders": orders(1, 3),
            "data.weird": orders(1, 3).replace(",", "|"),
            "UPPER.CSV": orders(1, 3),
            "b[1].csv": orders(1, 3),
            "events.log": json_lines({"n": 1}, {"n": 2}),
            "LICENSE": prose,
            "thesis": prose,
            "info.md": orders(1, 3),
        },
    )
    assert {name: rows for name, (_, rows) in found.files.items()} == {
        **dict.fromkeys(("orders", "data", "upper", "b_1"), 3),
        "events": 2,
    }
    assert found.unread.keys() == {"LICENSE", "thesis", "info.md"}


def test_files_that_programs_leave_are_named_and_no_table(tmp_path: Path) -> None:
    junk = {".DS_Store": b"\0\1", "Thumbs.db": b"x", "._a.csv": b"x", "desktop.ini": b"x", "e.csv": b""}
    found = drafted(tmp_path, {**junk, "a.csv": orders(1, 2)})
    assert found.files == {"a": ("a.csv", 2)}
    assert found.unread.keys() == junk.keys()


def test_file_that_resembles_a_table_and_is_not_read_is_ignored_by_the_module(tmp_path: Path) -> None:
    found = drafted(
        tmp_path, {"orders.csv": orders(1, 2), "orders.xlsx": archive({"a": "b"}), "orders_2.csv": ""}
    )
    assert found.draft.ignored_files == ("orders_2.csv", "orders.xlsx")
    assert found.results["orders"].loaded == 2


def test_table_of_a_header_only_has_columns_of_text(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"a.csv": "x,y,z\n"})
    assert found.kinds("a") == {"x": "text?", "y": "text?", "z": "text?"}


def test_encodings_with_and_without_a_mark_are_read(tmp_path: Path) -> None:
    text = csv_text([(1, "ä", 2), (2, "b", 3)])
    encodings = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32")
    found = drafted(tmp_path, {f"{name}.csv": text.encode(name) for name in encodings})
    assert {name: tuple(found.kinds(name).values()) for name in found.tables} == dict.fromkeys(
        ("utf_8_sig", "utf_16", "utf_16_le", "utf_32"), ("integer", "text", "integer")
    )
    assert {result.loaded for result in found.results.values()} == {2}


def test_first_line_of_texts_is_a_record_if_no_other_file_of_the_dialect_has_a_header(tmp_path: Path) -> None:
    codes = "A^Analytical\nAI^Analytical, incomplete\nCAZN^Copied\n"
    numbered = {f"{name}.txt": f"1^{name}\n2^{name}{name}\n3^x\n" for name in ("foods", "groups")}
    found = drafted(tmp_path / "without", {"codes.txt": codes, **numbered})
    assert found.files["codes"] == ("codes.txt", 3)
    with_header = {"codes.txt": codes, **numbered, "units.txt": "unit_no^factor\n1^10.5\n2^11.5\n"}
    assert drafted(tmp_path / "with", with_header).files["codes"] == ("codes.txt", 2)


def test_columns_with_equal_or_missing_headers_are_read_by_position(tmp_path: Path) -> None:
    found = drafted(
        tmp_path,
        {
            "same.csv": "id,a,a\n1,2,3\n2,3,4\n",
            "case.csv": "ID,id,x\n1,a,2\n2,b,2\n",
            "none.csv": ",name,v\n0,x,1\n1,y,2\n",
            "lines.csv": 'id,"a\nb",a b\n1,2,3\n2,4,5\n',
        },
    )
    assert {name: [column.name for column in table.columns] for name, table in found.tables.items()} == {
        "same": ["id", "a", "a_2"],
        "case": ["id", "id_2", "x"],
        "none": ["none_id", "name", "v"],
        "lines": ["id", "a_b", "a_b_2"],
    }
    assert {result.loaded for result in found.results.values()} == {2}


def test_lines_before_the_header_and_totals_are_not_rows(tmp_path: Path) -> None:
    found = drafted(
        tmp_path,
        {
            "a.csv": "Sales report\n\nid,name,price\n1,a,2.5\n2,b,3.5\n3,c,4.5\nTotal,,10.5\n",
            "b.csv": "id,name\n1,a\n2,b\n3,c\n(3 rows)\n",
        },
    )
    assert (found.kinds("a")["id"], found.kinds("b")["id"]) == ("integer", "integer")
    assert {name: result.rejected for name, result in found.results.items()} == {"a": 0, "b": 0}
    assert isinstance(found.tables["a"].format, Csv)
    assert found.tables["a"].format.skip_footer == 1


def test_last_records_that_only_begin_like_a_footer_are_rows(tmp_path: Path) -> None:
    companies = [(f"Company {number}", number, f"{number}.com") for number in range(9)]
    found = drafted(
        tmp_path,
        {
            "total.csv": csv_text([*companies, ("Total", "", "")], "name,phone,web"),
            "source.csv": csv_text([*companies, ("Source Code", "", "")], "name,phone,web"),
            "log.csv": csv_text([(f"Created user {n}", "") for n in range(9)], "message,level"),
        },
    )
    assert {name: result.loaded for name, result in found.results.items()} == {
        "total": 10,
        "source": 10,
        "log": 9,
    }


def test_first_records_with_gaps_or_words_are_rows(tmp_path: Path) -> None:
    rows = [(number, "x", "y", number * 2, "2024-01-01") for number in range(2, 9)]
    found = drafted(
        tmp_path,
        {
            "gaps.csv": csv_text(rows, "1,,,,"),
            "words.csv": csv_text([("Bob", "absent"), *((f"P{n}", n) for n in range(20))], "name,score"),
        },
    )
    assert {name: result.loaded for name, result in found.results.items()} == {"gaps": 8, "words": 21}


def test_header_of_several_lines_and_what_is_not_read_are_reported(tmp_path: Path) -> None:
    rows = [(f"P{number}", number, 2 * number) for number in range(9)]
    found = drafted(
        tmp_path,
        {
            "units.csv": csv_text([("(name)", "(kg)", "(m)"), *rows], "a,b,c"),
            "groups.csv": csv_text([("name", "b", "c"), *rows], "who,size,"),
            "report.csv": "Report\n" + csv_text([*rows, ("Total", 36, "")], "a,b,c"),
        },
    )
    assert {name: result.loaded for name, result in found.results.items()} == dict.fromkeys(found.tables, 9)
    assert found.tables["report"].notes == (
        "The first line of each file is not read",
        "The last record of each file is not read: totals or a source. A file without them loses rows",
    )


def test_header_of_years_is_a_header(tmp_path: Path) -> None:
    rows = [("DE", 5, 8, 7), ("FR", 1, 1, 3), ("IT", 4, 4, 4)]
    found = drafted(tmp_path, {"a.csv": csv_text(rows, "country,2019,2020,2021")})
    assert [column.header for column in found.tables["a"].columns] == ["country", "2019", "2020", "2021"]
    assert found.results["a"].loaded == 3


@pytest.mark.slow
def test_header_of_300_columns_is_read(tmp_path: Path) -> None:
    rows = [[n * m for n in range(300)] for m in range(1, 4)]
    found = drafted(tmp_path, {"a.csv": csv_text(rows, ",".join(f"c{n}" for n in range(300)))})
    assert (len(found.kinds("a")), found.results["a"].loaded) == (300, 3)


def test_names_that_other_declarations_would_match_are_declared_apart(tmp_path: Path) -> None:
    found = drafted(
        tmp_path,
        {
            "*.csv": orders(1, 3),
            "what?.csv": orders(1, 3),
            "a\nb.csv": orders(1, 3),
            "c.zip": archive({"data.csv": "m,n\n1,2\n"}),
            "d.zip": archive({"x/y=1/data.csv": "o,p,q\n1,2,3\n", "x/y=2/data.csv": "o,p,q\n4,2,3\n"}),
            "same.csv": orders(1, 3),
            "same.jsonl": json_lines({"k": 1}),
        },
    )
    assert sorted(found.files.values()) == [
        ("?.csv", 3),
        ("a?b.csv", 3),
        ("c/data.csv", 1),
        ("d/data.csv", 2),
        ("same.cs?", 3),
        ("same.json?", 1),
        ("what?.csv", 3),
    ]


def test_ascii_has_the_encoding_of_the_other_files(tmp_path: Path) -> None:
    western = csv_text([(n, f"Ren\u00e9 {n}", n) for n in range(9)])
    found = drafted(tmp_path, {"a.csv": orders(1, 5), "b.csv": western.encode("cp1252")})
    formats = [table.format for table in found.tables.values()]
    assert formats == [Csv(encoding="cp1252")] * 2


def test_entries_other_than_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing")
    (tmp_path / "linked").symlink_to(tmp_path.parent)
    os.mkfifo(tmp_path / "pipe.csv")
    found = drafted(tmp_path, {"a.csv": orders(1, 5)})
    assert found.results.keys() == {"a"}
    assert unlisted(tmp_path) == {
        "gone.csv": "it is a link without a target",
        "linked": "it is a link to a folder",
        "pipe.csv": "it is not a regular file",
    }
