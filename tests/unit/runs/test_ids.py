"""Ids of runs: sortable by time, derived from the execution, unique."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.runs.ids import FORM, may_be, new_id, run_id, time_of

MACHINE = "arn:aws:states:eu-west-1:111122223333:execution:shop-backup"
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(MOMENTS, MOMENTS, st.text())
def test_ids_have_one_form_and_sort_by_time(one: datetime, other: datetime, token: str) -> None:
    earlier, later = sorted((one.replace(microsecond=0), other.replace(microsecond=0)))
    first, second = new_id(earlier, token), new_id(later, token)
    assert FORM.fullmatch(first)
    assert time_of(first) == earlier
    assert first <= second


@given(MOMENTS, st.from_regex(r"[!-~]{1,80}", fullmatch=True))
def test_id_of_an_execution_is_always_the_same(moment: datetime, name: str) -> None:
    execution = f"{MACHINE}:{name.replace(':', '')}"
    assert run_id(execution, iso(moment)) == run_id(execution, iso(moment))
    assert FORM.fullmatch(run_id(execution, iso(moment)))


@given(MOMENTS, st.integers(0, 9 * 60))
def test_execution_named_by_an_id_has_this_id(moment: datetime, seconds: int) -> None:
    chosen = new_id(moment, "token")
    assert run_id(f"{MACHINE}:{chosen}", iso(moment + timedelta(seconds=seconds))) == chosen


@given(MOMENTS, st.booleans())
def test_listed_execution_is_recognised_by_its_run_id(moment: datetime, named: bool) -> None:
    execution = f"{MACHINE}:{new_id(moment, 'token') if named else 'nightly'}"
    found = run_id(execution, iso(moment))
    assert may_be(found, execution, moment)
    assert not may_be(found, f"{MACHINE}:another", moment)
    assert not may_be(found, execution, moment + timedelta(hours=1))
    assert not may_be("latest", execution, moment)


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(days=91), timedelta(hours=-1)])
def test_execution_named_by_the_id_of_another_time_has_a_new_id(late: timedelta) -> None:
    then = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    old = new_id(then, "token")
    found = run_id(f"{MACHINE}:{old}", iso(then + late))
    assert found != old
    assert time_of(found) == then + late


@pytest.mark.parametrize(
    "text",
    ["", "latest", "20261325T000000Z-0123abcd", "20261125T200000Z-0123ABCD", "../20261125T200000Z-0123abcd"],
)
def test_text_that_is_not_an_id_has_no_time(text: str) -> None:
    assert time_of(text) is None
