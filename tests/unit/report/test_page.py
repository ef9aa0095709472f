"""report.html: self-contained, and texts from outside are never markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sample_report import sample_report
from dataforge.http.pages import inline_policy
from dataforge.runs.results.report import Report
from functions.migrate.report.page import REASONS_SHOWN, render
from functions.migrate.report.page.charts import bar, curve, nice_floor, round_up
from functions.migrate.report.page.text import counted, money, percent, seconds, short

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """A page's elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(document: dict[str, Any]) -> str:
    return render(Report.model_validate(document))


def test_hostile_texts_are_escaped() -> None:
    page = Page(render(sample_report(EVIL)))
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "a"} & set(page.tags)
    assert not [
        name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href", "style"}
    ]
    assert page.text.count(EVIL) >= 8


def test_policy_allows_the_inline_style_sheet_and_nothing_else() -> None:
    html = render(sample_report("plain"))
    style = html.split("<style>")[1].split("</style>")[0]
    policy = inline_policy(style)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert ("content", policy) in Page(html).attributes
    assert "<main>" not in style
    assert "max-width" in style


def test_page_refers_to_no_other_host() -> None:
    html = render(sample_report("plain"))
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html


def test_every_chart_has_a_title() -> None:
    html = render(sample_report("plain"))
    charts = html.count('role="img"')
    assert charts > 10
    assert html.count("<title>") == charts + 1
    assert "<desc>" in html


def test_example_without_a_raw_record_shows_its_position_only() -> None:
    report = sample_report("plain").document()
    report["tables"][1]["rejections"][0]["examples"] = [
        {"file": "a.csv", "line": 7, "message": "m", "raw": None},
        {"file": "b.csv", "line": 8, "message": "m", "raw": "x,y"},
    ]
    report["tables"] = report["tables"][:2]
    html = page_of(report)
    assert html.count('<code class="raw">') == 1
    assert "a.csv:7" in html
    assert "b.csv:8" in html


def test_table_below_the_threshold_is_marked_by_word_and_hatching() -> None:
    html = render(sample_report("plain"))
    assert "✗ below" in html
    assert 'class="fill bad"' in html


def test_reasons_beyond_the_limit_are_folded() -> None:
    report = sample_report("plain").document()
    reason = report["tables"][1]["rejections"][0]
    report["tables"] = report["tables"][1:2]
    report["tables"][0]["rejections"] = [
        reason | {"code": f"c{n}", "rows": 100 - n} for n in range(REASONS_SHOWN)
    ]
    assert "rarer" not in page_of(report)
    report["tables"][0]["rejections"] += [reason | {"code": "rare", "rows": n} for n in (1, 2)]
    shown, folded = page_of(report).split("2 rarer reasons")
    assert shown.count("<code>c") == REASONS_SHOWN
    assert folded.count("<code>rare</code>") == 2


def test_differences_are_listed_by_key() -> None:
    report = sample_report("plain").document()
    report["tables"][0]["differences"] = ["stored, not read: order_id = 7<"]
    html = page_of(report)
    assert "✗ differ" in html
    assert "order_id = 7&lt;" in html


def test_run_without_tables_has_a_page() -> None:
    report = sample_report("plain").document()
    none = {"start": 0.0, "bucket_seconds": 0.0, "rows_per_second": []}
    bare: dict[str, object] = {
        "tables": [],
        "quality": None,
        "phases": [],
        "throughput": none,
        "seconds": 0.0,
    }
    assert "not known" in page_of(report | bare)


@given(st.text(), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_bars_stay_within_their_track(title: str, start: float, length: float, mark: float) -> None:
    page = Page(bar(start, min(1.0, start + length), title, mark=mark))
    assert page.tags == ["svg", "title", "rect", "rect", "line"]
    shares = [
        float(v[:-1]) for n, v in page.attributes if v and v.endswith("%") and n in {"x", "width", "x1"}
    ]
    assert all(0 <= share <= 100 for share in shares)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50))
def test_curves_stay_within_their_view_box(values: list[float]) -> None:
    page = Page(curve(values, round_up(max(values)), "t", "d"))
    points = next(v for n, v in page.attributes if n == "points")
    assert points is not None
    assert all(0 <= float(number) <= 100 for point in points.split() for number in point.split(","))


@given(st.floats(1e-3, 1e12))
def test_axis_ends_between_its_maximum_and_2_51_times_that(value: float) -> None:
    assert value <= round_up(value) <= 2.51 * value


@given(st.floats(0, 1))
def test_axis_of_shares_starts_between_0_and_the_lowest_share(share: float) -> None:
    assert 0 <= nice_floor(share) <= share


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (percent(1.0), "100 %"),
        (percent(0.99999999), "99.9999 %"),
        (percent(0.95), "95 %"),
        (percent(None), "not known"),
        (seconds(1.5), "1.50 s"),
        (seconds(61), "61 s"),
        (seconds(150), "2 min 30 s"),
        (seconds(9000), "2 h 30 min"),
        (money(0), "$0"),
        (money(0.00525), "$0.00525"),
        (money(1234.5), "$1,234.50"),
        (short(1_200_000), "1.2 M"),
        (short(999), "999"),
        (counted(1, "table"), "1 table"),
        (counted(1200, "table"), "1,200 tables"),
    ],
)
def test_number_is_formatted(shown: str, text: str) -> None:
    assert shown == text
