"""The patches of the emulator are listed, and can be offered to its authors as they are."""

from __future__ import annotations

import re

import pytest

from local.config import ROOT

EMULATOR = ROOT / "local" / "emulator"
README = (ROOT / "local" / "README.md").read_text()
MODULES = [path for path in sorted(EMULATOR.rglob("*.py")) if path.name != "__init__.py"]
PATCHES = {path.relative_to(EMULATOR).parts[0] for path in MODULES if "\ndef apply(" in path.read_text()}
"""Names of files, and of folders of patches."""


@pytest.mark.parametrize("name", sorted(PATCHES))
def test_every_patch_is_listed(name: str) -> None:
    assert re.search(rf"`{name.removesuffix('.py')}(\.py|/)?`", README)


def test_no_patch_depends_on_the_app() -> None:
    names = re.compile(r"data.?forge|\bolist\b", re.IGNORECASE)
    assert [path.name for path in MODULES if names.search(path.read_text())] == []
