"""Many values in every notation are read as they were, and no two texts become one value unless they are equal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notations import (
    HEADERS,
    NOTATIONS,
    TEXTS,
    Notation,
    assert_read_as_written,
    assert_texts_remain_different,
)


@pytest.mark.parametrize("notation", NOTATIONS, ids=range(len(NOTATIONS)))
@settings(max_examples=50)
@given(data=st.data())
def test_values_of_a_notation_are_read_as_they_were(notation: Notation, data: st.DataObject) -> None:
    assert_read_as_written(notation, data.draw(st.lists(notation.values, min_size=1, max_size=40)))


@settings(max_examples=3000)
@given(texts=TEXTS, header=HEADERS)
def test_no_two_texts_become_one_value_unless_they_are_equal(texts: list[str], header: str) -> None:
    assert_texts_remain_different(header, texts)
