"""Templates of pages."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from dataforge.http.pages import templates


def test_values_are_escaped_and_their_control_characters_are_symbols(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ a }}|{{ b }}|{{ c }}|{{ 1 }}")
    page = templates(tmp_path).get_template("page.html")
    html = page.render(a="<\x1b[31m\u202e\n>", b=Markup("<b>"), c=["\x1b"])
    assert html == "&lt;\u241b[31m\ufffd\n&gt;|<b>|[&#39;\\x1b&#39;]|1"
