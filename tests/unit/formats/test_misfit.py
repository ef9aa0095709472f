"""A file that does not fit its declaration: the evidence, and the line to write."""

from __future__ import annotations

import pytest

from dataforge.formats.dialect import Csv
from dataforge.formats.headers import plain_headers
from dataforge.formats.misfit import explain, explain_field_count

COLUMNS = ("id", "name", "city")
NAMES = plain_headers(COLUMNS)
TEXT = "id,name,city\n1,Müller,Köln\n2,b,c\n"


@pytest.mark.parametrize(
    ("head", "declared", "evidence", "line"),
    [
        (TEXT.replace(",", ";").encode(), Csv(), "separated by ';'", "format=Csv(delimiter=';')"),
        (TEXT.replace(",", "\t").encode(), Csv(), "separated by tabs", "Csv(delimiter='\\t')"),
        (TEXT.encode(), Csv(delimiter="|"), "separated by ','", "FORMAT = Csv()"),
        (TEXT.encode("utf-16"), Csv(), "byte order mark of UTF-16", "Csv(encoding='utf-16')"),
        (TEXT.encode("utf-32"), Csv(), "byte order mark of UTF-32", "Csv(encoding='utf-32')"),
        (
            TEXT.replace(",", ";").encode("cp1252"),
            Csv(),
            "byte 16 is not valid UTF-8, and all bytes are valid cp1252; the fields appear to be separated by ';'",
            "Csv(delimiter=';', encoding='cp1252')",
        ),
        (
            b"~id~^~name~^~city~\n~1~^~b~^~c~\n",
            Csv(),
            "separated by '^'; fields appear to be quoted with '~'",
            "Csv(delimiter='^', quote='~')",
        ),
        (b"Export\n\n" + TEXT.encode(), Csv(), "header appears to be in line 3", "Csv(skip=2)"),
        (TEXT.replace("id,n", "ID,N").encode(), Csv(), "'ID', 'Name'", "Csv(ignore_case=True)"),
        (TEXT.replace("city", "City!").encode(), Csv(), "'City!'", "Add Header('City!') to city"),
        (TEXT.replace("city", "cty").encode(), Csv(), "'cty'", "Add Header('cty') to city"),
        (b"id^name^city\n~1~^~b~^~c~\n", Csv(), "quoted with '~'", "Csv(delimiter='^', quote='~')"),
        (b"1,b,c\n2,d,e\n", Csv(), "3 fields, as many as the table has columns", "Csv(header=0)"),
        (b"1;b;c\n2;d;e\n", Csv(), "separated by ';'", "Csv(delimiter=';', header=0)"),
    ],
)
def test_evidence_and_line_to_write_are_given(head: bytes, declared: Csv, evidence: str, line: str) -> None:
    found = explain(head, declared, NAMES, COLUMNS)
    assert found is not None
    assert evidence in found.detail
    assert line in found.hint


@pytest.mark.parametrize(
    "head", [b"", b"\xff" * 10, b"a,b\n1,2\n", b'"' * 70_000, b"secret;text\n", b"id,name,town\n"]
)
def test_file_without_evidence_is_not_explained(head: bytes) -> None:
    assert explain(head, Csv(), NAMES, COLUMNS) is None


def test_values_are_not_shown() -> None:
    found = explain(b"secret,b,c\n2,secret,e\n", Csv(), NAMES, COLUMNS)
    assert found is not None
    assert "secret" not in found.detail + found.hint


def test_records_without_a_header_that_another_delimiter_divides_are_explained() -> None:
    declared = Csv(header=0)
    found = explain_field_count(b"1;b;c\n2;d;e\n", declared, 3)
    assert found is not None
    assert "first record has 1 field(s)" in found.detail
    assert "Csv(delimiter=';', header=0)" in found.hint
    quoted = explain_field_count(b"~1~^~b~^~c~\n~2~^~~^~e~\n", declared, 3)
    assert quoted is not None
    assert "Csv(delimiter='^', quote='~', header=0)" in quoted.hint
    assert explain_field_count(b"1;b;c\n2;d;e\n3,4,5\n", declared, 3) is None
    assert explain_field_count(b"1,b\n", declared, 3) is None
    assert explain_field_count(b"", declared, 3) is None
