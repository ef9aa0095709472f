import os
from pathlib import Path

import pytest

from local import unprivileged

STRANGER = (os.geteuid() + 1, os.getegid() + 1)


def test_folder_below_an_unreadable_one_is_inaccessible(tmp_path: Path) -> None:
    inner = tmp_path / "locked" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert not unprivileged.reachable(inner, STRANGER)
    assert unprivileged.reachable(inner, (inner.stat().st_uid, inner.stat().st_gid))
    assert unprivileged.reachable(Path("/"), STRANGER)
    assert not unprivileged.reachable(tmp_path / "none", STRANGER)


def test_remove_refuses_an_existing_link_with_the_name_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trap = tmp_path / unprivileged._name(tmp_path / "state")
    trap.symlink_to(tmp_path)
    with pytest.raises(unprivileged.ForeignFolder, match=trap.name):
        unprivileged.remove(tmp_path / "state")
    assert trap.is_symlink()
