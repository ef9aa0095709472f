"""report.html in a real browser: light and dark, on a phone, without errors, and not wider than the screen."""

from __future__ import annotations

import html
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.sample_report import sample_report
from functions.migrate.report.page import render

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
EVIL = "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    *("--enable-logging=stderr", "--log-level=0"),
)
DARK = "--blink-settings=preferredColorScheme=0"
MEASURE = """<!doctype html><body style="margin:0"><iframe srcdoc="{page}" width="{width}" height="900"></iframe><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const wide = [...page.querySelectorAll("body *")].filter(e => !e.closest(".scroll")
    && e.getBoundingClientRect().right > root.clientWidth + 0.5).map(e => e.tagName + "." + e.className);
  document.title = `title=${{page.title}} scroll=${{root.scrollWidth}} client=${{root.clientWidth}} wide=[${{wide}}]`;
}}</script>"""

Browse = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open a page in Chromium with additional flags; console messages are on stderr."""

    def run(page: str, *flags: str) -> subprocess.CompletedProcess[str]:
        place = tmp_path / "page.html"
        place.write_text(page)
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [str(CHROMIUM), *FLAGS, profile, *flags, place.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    return run


def console(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def background(image: bytes) -> tuple[int, int, int]:
    """The colour of a PNG's first pixel, which no filter of the format changes."""
    data, at = b"", 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        if image[at + 4 : at + 8] == b"IDAT":
            data += image[at + 8 : at + 8 + length]
        at += 12 + length
    pixel = zlib.decompress(data)[1:4]
    return pixel[0], pixel[1], pixel[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "paper"), [((), (255, 255, 255)), ((DARK,), (18, 20, 23))], ids=["light", "dark"]
)
def test_page_follows_the_colour_scheme_of_the_reader(
    browse: Browse, tmp_path: Path, flags: tuple[str, ...], paper: tuple[int, int, int]
) -> None:
    picture = tmp_path / "page.png"
    done = browse(render(sample_report()), f"--screenshot={picture}", "--window-size=1100,1400", *flags)
    image = picture.read_bytes()
    assert console(done) == []
    assert struct.unpack(">II", image[16:24]) == (1100, 1400)
    assert background(image) == paper
    assert len(image) > 50_000


@pytest.mark.parametrize("width", [360, pytest.param(768, marks=pytest.mark.slow)])
def test_page_is_never_wider_than_the_screen_and_runs_no_script(browse: Browse, width: int) -> None:
    page = render(sample_report(f"{EVIL}{'long' * 40}"))
    done = browse(MEASURE.format(page=html.escape(page), width=width), "--dump-dom")
    found = re.search("<title>(title=.*?)</title>", done.stdout)
    assert found is not None
    assert (
        html.unescape(found[1]) == f"title=Migration of olist: failed scroll={width} client={width} wide=[]"
    )
    assert console(done) == []
