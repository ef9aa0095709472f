"""A declared format turns a file's texts into the texts that the column's type reads, and leaves every other text alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.tables.types.numbers import Numeric
from dataforge.tables.types.times import DATE, TIMESTAMP, TIMESTAMPTZ
from dataforge.tables.value_formats import UNREADABLE, Format

moments = st.datetimes(datetime.fromisoformat("1000-01-01"))
since_1900 = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2200-01-01"))
DATES = ["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d %b %Y", "%Y-%m-%d"]
years = st.dates(date(1000, 1, 1), date(9999, 12, 31))


@given(day=years, written=st.sampled_from(DATES))
def test_date_is_read_as_it_was_written(day: date, written: str) -> None:
    text = Format(dates=written).rewrite("date", day.strftime(written))
    assert text is not None
    assert DATE.parse(text) == day


@given(
    moment=moments,
    written=st.sampled_from(["%d.%m.%Y %H:%M:%S.%f", "%I:%M:%S.%f %p %m/%d/%Y"]),
)
def test_moment_is_read_as_it_was_written(moment: datetime, written: str) -> None:
    text = Format(dates=written).rewrite("timestamp", moment.strftime(written))
    assert text is not None
    assert TIMESTAMP.parse(text) == moment


@given(moment=since_1900.map(lambda m: m.replace(tzinfo=UTC)))
def test_epoch_is_read_exactly(moment: datetime) -> None:
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // datetime.resolution
    text = Format(epoch="us").rewrite("timestamptz", str(microseconds))
    assert text is not None
    assert TIMESTAMPTZ.parse(text) == moment


@given(number=st.integers(-(10**12), 10**12), symbol=st.sampled_from(["€", "$", "%", ""]))
def test_number_is_read_as_it_was_written(number: int, symbol: str) -> None:
    value = Decimal(f"{number}E-2")
    written = f"{value:,.2f}".translate(str.maketrans(",.", ".,")) + f" {symbol}".rstrip()
    found = Format(decimal=",", thousands=".", symbols=("€", "$", "%")).rewrite("numeric", written)
    assert found is not None
    assert Numeric(20, 2).parse(found) == value


@pytest.mark.parametrize(
    ("declared", "kind", "text", "found"),
    [
        (Format(dates="%m/%d/%y"), "date", "3/7/99", "1999-03-07"),
        (Format(dates="%m/%d/%y", century=30), "date", "3/7/29", "2029-03-07"),
        (Format(dates=("%d.%m.%Y", "%Y-%m-%d")), "date", "2020-01-31", "2020-01-31"),
        (Format(dates="%d.%m.%Y"), "date", "31/01/2020", "31/01/2020"),
        (Format(dates="%d %b %Y"), "date", "31 Foo 2020", "31 Foo 2020"),
        (Format(dates="%I:%M %p"), "time", "12:05 AM", "00:05:00"),
        (Format(dates="%I:%M %p"), "time", "13:05 PM", "13:05 PM"),
        (
            Format(dates="%Y-%m-%d %H:%M:%S UTC"),
            "timestamp",
            "2005-05-24 22:53:30 UTC",
            "2005-05-24 22:53:30",
        ),
        (
            Format(dates="%Y-%m-%d %H:%M:%S %Z"),
            "timestamptz",
            "2005-05-24 22:53:30 UTC",
            "2005-05-24 22:53:30Z",
        ),
        (Format(dates="%d.%m.%Y %H:%M"), "date", "31.01.2020 00:00", "2020-01-31"),
        (Format(dates="%d.%m.%Y %H:%M"), "date", "31.01.2020 14:30", "31.01.2020 14:30"),
        (Format(dates="%Y%m%d"), "date", "2016111", "2016111"),
        (Format(dates="%H:%M:%S"), "time", "7:5:3", "07:05:03"),
        (Format(dates="%B %d, %Y"), "date", "January 31, 2020", "2020-01-31"),
        (Format(dates="%B %d, %Y"), "date", "Jan 31, 2020", "Jan 31, 2020"),
        (Format(dates="%d %B %Y"), "date", "1 May 2020", "2020-05-01"),
        (
            Format(dates="%a %b %d %H:%M:%S %z %Y"),
            "timestamptz",
            "Wed Oct 10 20:19:24 +0000 2018",
            "2018-10-10 20:19:24+0000",
        ),
        (Format(separator="|"), "array", 'Drama| "Noir"', '["Drama", "\\"Noir\\""]'),
        (Format(separator=","), "array", "{1,2}", "{1,2}"),
        (Format(separator=" "), "array", "M88  739", '["M88", "739"]'),
        (Format(base64=True), "bytea", "AP8=", "\\x00ff"),
        (Format(base64=True), "bytea", "AP8", "AP8"),
        (Format(epoch="s"), "interval", "26.898", "00:00:26.898"),
        (Format(epoch="ms"), "interval", "-90000", "-00:01:30"),
        (Format(epoch="s"), "interval", "1e30", "1e30"),
        (Format(dates="%M:%S"), "interval", "26:35", "00:26:35"),
        (Format(epoch="s"), "date", "86400", "1970-01-02"),
        (Format(epoch="s"), "date", "86401", "86401"),
        (Format(decimal=","), "numeric", "1.234", UNREADABLE),
        (Format(decimal=","), "double", "1,5", "1.5"),
        (Format(decimal=",", thousands="."), "numeric", "1.23", UNREADABLE),
        (Format(decimal=",", thousands="."), "numeric", "1.234.567,5", "1234567.5"),
        (Format(thousands=","), "integer", "12,34", UNREADABLE),
        (Format(symbols=("$",)), "numeric", "$74.69", "74.69"),
        (Format(symbols=("$",)), "numeric", "-$74.69", "-74.69"),
        (Format(decimal=",", thousands=".", minus="1-"), "numeric", "1.234,50-", "-1234.50"),
        (Format(symbols=("$",), minus="(1)"), "numeric", "($5.00)", "-5.00"),
        (Format(minus="(1)"), "integer", "(5", "(5"),
        (Format(minus="1-"), "integer", "-5", "-5"),
        (Format(minus="1-"), "integer", "-5-", "-5-"),
        (Format(minus="\u22121"), "integer", "\u22125", "-5"),
        (
            Format(dates="%Y-%m-%d %H:%M:%S.%f"),
            "timestamp",
            "2020-01-31 10:00:00.120000000",
            "2020-01-31 10:00:00.120000",
        ),
        (Format(symbols=("$",)), "text", "$74.69", "$74.69"),
        (Format(true=("Y",), false=("N",)), "boolean", "n", "false"),
        (Format(true=("Y",), false=("N",)), "boolean", "maybe", "maybe"),
        (Format(null=("NaN", "9999")), "integer", "9999", None),
        (Format(null=("NaN", "9999")), "text", "nan", "nan"),
    ],
)
def test_text_becomes(declared: Format, kind: str, text: str, found: str | None) -> None:
    assert declared.rewrite(kind, text) == found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dates": "%Q"}, "%Q is not known"),
        ({"dates": "%d.%d.%Y"}, "occurs twice"),
        ({"epoch": "minutes"}, "epoch is 'minutes'"),
        ({"decimal": ",", "thousands": ","}, "both"),
        ({"decimal": "1"}, "cannot be a mark"),
        ({"true": ("y",), "false": ("Y",)}, "both true and false"),
        ({"dates": "DD.MM.YYYY"}, "write dates='%d.%m.%Y'"),
        ({"dates": ("yyyy-mm-dd hh:mi:ss",)}, "write dates='%Y-%m-%d %H:%M:%S'"),
        ({"null": "9999"}, r"null=\('9999',\)"),
        ({"true": "Ja"}, r"true=\('Ja',\)"),
        ({"symbols": "€"}, r"symbols=\('€',\)"),
    ],
)
def test_format_that_contradicts_itself_is_refused(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Format(**wrong)  # type: ignore[arg-type]
