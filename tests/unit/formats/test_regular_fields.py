"""The fields of records that ``read_record`` accepts, read again without its checks."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.formats.csv_records import read_record, regular_fields

HEADER = ("a", "b", "c")
TEXTS = st.text(st.sampled_from('aé",\n\r \ufeff;'), max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=4), st.sampled_from(["", "\n", "\r\n"]))
def test_fields_of_an_accepted_record_are_those_that_were_read(values: list[str], end: str) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator=end).writerow(values)
    record = file.getvalue()
    read = read_record(HEADER, record.encode(), malformed=False)
    if isinstance(read, dict):
        assert regular_fields(HEADER, record) == read
    else:
        assert len(values) != len(HEADER) or record.startswith("\ufeff")
