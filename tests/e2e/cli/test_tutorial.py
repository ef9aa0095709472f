"""docs/tutorial.md: its commands run in order against the embedded cloud, and print the output that the page shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from local.config import ROOT, Config
from tests.tutorials import Session, examples

PAGE = ROOT / "docs" / "tutorial.md"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def session(
    empty_olist: Callable[[], None], cloud_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Session:
    """A session in a folder with the cloud's outputs, on empty tables."""
    empty_olist()
    (tmp_path / ".local").mkdir()
    shutil.copy(cloud_config.outputs, tmp_path / ".local")
    monkeypatch.chdir(tmp_path)
    return Session(tmp_path, cloud_config.outputs)


def test_every_command_of_the_tutorial_prints_the_output_that_the_page_shows(session: Session) -> None:
    shown = list(examples(PAGE.read_text()))
    assert len(shown) > 10
    for example in shown:
        session.run(example)
