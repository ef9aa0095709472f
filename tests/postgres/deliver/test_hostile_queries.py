"""Any query returns rows or an error that names its cause; no query is a defect or changes data."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import DATASETS
from functions.deliver.records.filters import OPERATORS
from functions.deliver.records.query import PageParameters

if TYPE_CHECKING:
    from tests.postgres.deliver.conftest import Api

TABLES = [(dataset.name, table) for dataset in DATASETS.values() for table in dataset.tables.values()]
TEXT = st.one_of(
    st.text(max_size=20),
    st.text("'\"\\%_*(),.; -0123456789eE:T\x00\ud7ff\n", max_size=12),
    st.sampled_from(
        [
            "null",
            "NaN",
            "Infinity",
            "-0",
            "1e308",
            "9" * 30,
            "2018-01-31",
            "0001-01-01",
            "9999-12-31T23:59:59.999999",
        ]
    ),
)
LISTS = st.lists(TEXT, max_size=4).map(lambda items: "(" + ",".join(items) + ")")
FILTER = st.tuples(st.sampled_from([*OPERATORS, "not", "", "EQ"]), st.one_of(TEXT, LISTS)).map(".".join)
CURSOR = st.one_of(TEXT, st.text("ABCabc123-_=", max_size=60))


@settings(max_examples=200)
@given(place=st.sampled_from(TABLES), data=st.data())
def test_no_query_causes_a_500(api: Api, place: tuple[str, Table], data: st.DataObject) -> None:
    dataset, table = place
    names = st.sampled_from([*table.column_names, "unknown", ""])
    query = data.draw(st.lists(st.tuples(names, FILTER), max_size=3))
    for name in data.draw(st.sets(st.sampled_from([*PageParameters.model_fields]), max_size=1)):
        query.append((name, data.draw(CURSOR)))
    if "dataset" not in dict(query):
        query.append(("dataset", dataset))
    reply = api.records(table.name, urlencode(query, errors="surrogatepass"))
    assert reply.status in {200, 400, 404, 409}, reply.body
    if reply.status != 200:
        reply.problem(reply.status, reply.json["type"].rpartition(":")[2])
