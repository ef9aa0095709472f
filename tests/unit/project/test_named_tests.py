"""The pages name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.config import ROOT

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "local" / "README.md", ROOT / "CONTRIBUTING.md"]
NAME = re.compile(r"\btests/[\w/.]+\w|\btest_\w+\.py\b")
FILES = {path.name for path in (ROOT / "tests").rglob("test_*.py")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_named_test_exists(page: Path) -> None:
    named = set(NAME.findall(page.read_text()))
    assert [name for name in named if not ((ROOT / name).exists() or name in FILES)] == []
