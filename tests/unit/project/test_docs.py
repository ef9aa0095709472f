"""The documentation's references: links, anchors, paths of the repository, and the index of decision records."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from local.config import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "decisions" / "README.md")
)
RECORDS = ROOT / "docs" / "decisions"
FOLDERS = "bench|checks|cli|datasets|docs|functions|infra|layers|local|tests"


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """A page without its fenced code."""
    return re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def tracked() -> set[str]:
    """The paths of all tracked files and their folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines()]
    return {str(path) for file in files for path in (file, *file.parents)}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_to_an_existing_file_and_heading(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if "://" in target:
            continue
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_path_of_the_repository_exists(page: Path) -> None:
    named = re.findall(rf"(?<![\w./<-])(?:{FOLDERS})/[\w./-]*\w", prose(page))
    assert set(named) - tracked() == set()


def test_functions_that_architecture_names_exist_in_their_modules() -> None:
    named = re.findall(r"`([\w/.]+\.py)`(?:[^`|]*)\(`(\w+)`\)", (ROOT / "ARCHITECTURE.md").read_text())
    assert len(named) > 3
    assert [pair for pair in named if f"def {pair[1]}(" not in (ROOT / pair[0]).read_text()] == []


def test_every_test_that_a_page_names_exists_and_each_defence_names_one() -> None:
    named = {
        pair
        for page in PAGES
        for pair in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / page).read_text())
    }
    assert len(named) > 50
    assert [pair for pair in sorted(named) if f"def {pair[1]}(" not in (ROOT / pair[0]).read_text()] == []
    model = (ROOT / "docs" / "threat-model.md").read_text()
    tables = model.split("| attack | defence | test |\n| --- | --- | --- |\n")[1:]
    defences = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(defences) > 25
    assert [line for line in defences if "::test_" not in line] == []


def test_index_lists_every_decision_record_with_its_title_date_and_status() -> None:
    rows = []
    for record in sorted(RECORDS.glob("0*.md")):
        head = re.match(r"# (\d+)\. (.+)\n\n- Status: (.+)\n- Date: (.+)\n", record.read_text())
        assert head, record.name
        assert f"{int(head[1]):04}" == record.name[:4]
        rows.append(f"| [{record.name[:4]}]({record.name}) | {head[2]} | {head[4]} | {head[3]} |")
    index = (RECORDS / "README.md").read_text().splitlines()
    assert [line for line in index if line.startswith("| [")] == rows
