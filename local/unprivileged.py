"""Run PostgreSQL as `nobody` if the user is root, which PostgreSQL refuses.

The clone may be below a folder that only root may enter (/root, a test's temporary folder), so both the
binaries and the data go to a private folder below /var/lib or the system's temporary one, named after the state folder.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from local.errors import LocalCloudError, NoReachableFolder

NOBODY = "nobody"


class ForeignFolder(LocalCloudError):
    """A file or folder of this name exists that this program did not create."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists and is not a folder of {NOBODY}'s. Remove it, and start again.")


def user() -> tuple[int, int] | None:
    """The (uid, gid) to run PostgreSQL as; None: the current user."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam(NOBODY)
    return account.pw_uid, account.pw_gid


def make(state: Path, owner: tuple[int, int]) -> Path:
    """Create an empty private folder of ``owner`` for this state folder. Raises ``NoReachableFolder``."""
    remove(state)
    candidates = _candidates()
    for base in candidates:
        if reachable(base, owner):
            home = base / _name(state)
            home.mkdir(mode=0o700)
            os.chown(home, *owner)
            return home
    raise NoReachableFolder(NOBODY, candidates)


def remove(state: Path) -> None:
    """Drop the private folder of this state folder, if it exists. Raises ``ForeignFolder``."""
    for base in _candidates():
        home = base / _name(state)
        if not os.path.lexists(home):
            continue
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), pwd.getpwnam(NOBODY).pw_uid):
            raise ForeignFolder(home)
        shutil.rmtree(home)


def reachable(folder: Path, owner: tuple[int, int]) -> bool:
    """Whether ``owner`` may enter the folder, by the modes of the folder and of all its parents."""
    return folder.is_dir() and all(_may_enter(path.stat(), owner) for path in (folder, *folder.parents))


def _may_enter(found: os.stat_result, owner: tuple[int, int]) -> bool:
    if found.st_uid == owner[0]:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == owner[1]:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _candidates() -> list[Path]:
    # The first is not emptied when the machine starts, so stored data goes there.
    places = ("/var/lib", tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108  private folders, see make()
    return list(dict.fromkeys(Path(place).resolve() for place in places))


def _name(state: Path) -> str:
    return f"dataforge-{hashlib.sha256(str(state).encode()).hexdigest()[:16]}"
