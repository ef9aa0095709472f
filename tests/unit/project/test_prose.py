"""The check of wording: what it reads of a file, and which phrases and lines it reports."""

from __future__ import annotations

import pytest

from checks.prose import findings


def lines(path: str, text: str) -> list[int]:
    """The lines with findings."""
    return [finding.line for finding in findings(path, text)]


@pytest.mark.parametrize(
    "text",
    [
        "A value that is no id is rejected.",  # prose: ignore
        "The lease is given back.",  # prose: ignore
        "The rows are\nsettled.",
        "Nobody reads the table.",  # prose: ignore
        "What is stored is dropped.",  # prose: ignore
    ],
)
def test_forbidden_phrase_is_reported_with_its_first_line(text: str) -> None:
    assert set(lines("docs/a.md", text)) == {1}


@pytest.mark.parametrize(
    "text",
    [
        "What does a lease protect?",
        "There is no lease.",
        "Column `settled` is set.",
        "```sql\nSELECT told FROM settle\n```",
        "A holding company is a company.",
    ],
)
def test_plain_sentence_and_code_are_not_reported(text: str) -> None:
    assert lines("docs/a.md", text) == []


def test_comment_docstring_message_and_test_name_are_read_and_identifiers_are_not() -> None:
    text = 'told = "told"\n# It is told.\ndef test_it_is_told():\n    """A told\n    tale is told."""\n'  # prose: ignore
    text += '    raise E(f"{told} is told")\n'  # prose: ignore
    assert lines("a.py", text) == [2, 3, 4, 5, 6]


def test_line_with_the_mark_to_ignore_it_is_not_reported() -> None:
    assert lines("a.py", 'A = "it is told"  # prose: ignore\n# It is told.\n') == [2]


def test_phrase_that_spans_two_comment_lines_is_reported() -> None:
    assert lines("a.py", "x = 1\n# The run goes\n# on until it ends.\n") == [2]


def test_line_over_120_columns_is_reported_unless_it_is_table_code_or_link() -> None:
    long = "word " * 25
    text = f"{long}\n\n| {long} |\n\n```\n{long}\n```\n\nSee [the page](https://example.com/{'x' * 120}).\n"
    assert lines("docs/a.md", text) == [1]
