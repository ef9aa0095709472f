"""Names and texts of files reach a terminal without control characters, and without effect as markup."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.testing import CliRunner

import datasets
from dataforge.tables.datasets import DATASETS
from dataforge.visible import visible, visible_line
from dataforge_cli.main import app
from dataforge_cli.output.bars import Bars, Line, SendingBar
from dataforge_cli.output.screen import Screen
from dataforge_cli.records.ingest import Tally

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]")
HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://example.com\x1b\\link",
    "\x9b31m",
    "\x08\x08\x08",
    "a\rerror",
    "\u202egnp.exe",
    "[red]x[/red]",
    "[/]",
    "[link=http://example.com]x[/link]",
    ":smile:",
    "one\nerror: two",
)


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(text: str) -> str:
    """The output for people without the control sequences of colours and bars, which are the console's own."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


@given(st.text())
def test_visible_text_has_no_control_characters(text: str) -> None:
    assert not CONTROL.search(visible(text))
    assert not CONTROL.search(visible_line(text))
    assert len(visible_line(text).splitlines()) <= 1
    assert len(visible_line(text)) == len(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_screen_shows_names_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    screen = Screen()
    table = Table("file")
    table.add_row(name)
    screen.say(name)
    screen.warn(name)
    screen.fail(name)
    screen.show(table, name)
    assert not CONTROL.search(shown(out.getvalue()) + shown(err.getvalue()))
    assert visible_line(name) in shown(err.getvalue()).splitlines()
    assert not re.search("^error: two$", shown(err.getvalue()), re.MULTILINE)
    assert visible_line(name) in shown(out.getvalue()).splitlines()


@pytest.mark.parametrize("name", HOSTILE)
def test_bars_show_names_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    screen = Screen()
    with Line(screen) as line:
        line.show(name, name)
        line.finish(name, done=True)
    with Bars(screen) as bars:
        bars._bars.add_task(name, total=1, rows=name)
    with SendingBar(screen, 10) as sending:
        sending.show(Tally())
    assert not CONTROL.search(shown(err.getvalue()))
    assert visible_line(name) in shown(err.getvalue())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of files with hostile names, headers and values, and a folder of modules."""
    modules = tmp_path / "modules"
    modules.mkdir()
    monkeypatch.setattr(datasets, "__path__", [str(modules), *datasets.__path__])
    folder = tmp_path / "shop"
    folder.mkdir()
    for number, name in enumerate(name.replace("/", "_") for name in HOSTILE):
        value = name.replace("\n", " ")
        rows = "".join(f"{n};{value}\n" for n in range(20))
        (folder / f"{number}{name}.csv").write_bytes(f"id;{number} x\x1b[31m[/]\n{rows}".encode())
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "items.csv").write_bytes(
        b"id;x\x1b[31m[/]\n" + b"".join(b"%d;\x1b[31m[/]\n" % n for n in range(20))
    )
    yield folder
    DATASETS.pop("shop", None)
    sys.modules.pop("datasets.shop", None)


@pytest.mark.slow
def test_commands_show_hostile_files_without_control_characters(folder: Path) -> None:
    def call(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
        assert result.exit_code in {0, 1, 2}
        for stream in (result.stdout, result.stderr):
            assert not CONTROL.search(stream), stream
        assert not re.search(r"^error: two", result.stderr, re.MULTILINE)
        return str(result.stdout)

    clean = str(folder.parent / "clean")
    assert "Wrote" in call("init", clean, "--dataset", "shop")
    assert "20" in call("check", clean, "--dataset", "shop")
    call("init", str(folder), "--dataset", "hostile")
    call("check", str(folder), "--dataset", "shop")
    call("check", str(folder / "\x1b[31m[/]"), "--dataset", "shop")
    call("check", str(folder), "--dataset", "\x1b[31m[/]")
    call("preview", str(folder / "\x1b[31m[/].csv"))
    call("\x1b[31m[/]")
    for file in folder.glob("*.csv"):
        call("preview", str(file))
        found = json.loads(call("preview", str(file), "--json"))
        # A file in which many values contain control characters is reported as binary.
        assert found.get("file") == file.name or found["error"] == "NotATable"
