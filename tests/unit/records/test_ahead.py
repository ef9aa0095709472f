"""Items computed ahead are those of the iterator, in order, and at most one ahead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataforge.bulk.ahead import ahead


def test_items_come_in_order_with_their_error_and_at_most_one_is_computed_ahead() -> None:
    made: list[int | None] = []

    def items() -> Iterator[int | None]:
        for item in (0, None, 2):
            made.append(item)
            yield item
        raise ValueError("after the last")

    found: list[int | None] = []

    def take_all() -> None:
        for item in ahead(items()):
            found.append(item)
            assert len(made) <= len(found) + 1

    with pytest.raises(ValueError, match="after the last"):
        take_all()
    assert found == made == [0, None, 2]
