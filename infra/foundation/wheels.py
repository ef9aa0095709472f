"""Third-party wheels as a Lambda layer, built by pip for another platform, without Docker.

A layer's hash depends on its lock files, platform and pruning rules, not on the project's code. A layer that was built
before is copied from a cache, as an archive, because CDK would compress a folder again at each deployment.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import BundlingOutput
from aws_cdk import aws_lambda as lambda_

from infra.foundation import bytecode
from infra.foundation.bundling import built_code

ROOT = Path(__file__).resolve().parents[2]
LAYER_SOURCE = ROOT / "layers" / "common"
NOT_CODE = ("__pycache__", "*.pyc", ".*")
"""Files of interpreters and tools (gitignore patterns), excluded from assets of the project's code."""
CACHE = ROOT / ".local" / "layers"

PYTHON = "3.13"

# Amazon Linux 2023, on which Lambda's Python 3.13 runs, has glibc 2.34. pip compares tags by their names.
_MANYLINUX = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


@dataclass(frozen=True)
class Platform:
    """The target interpreter of wheels. ``python``: its minor version."""

    name: str
    python: str
    pip_options: tuple[str, ...] = ()


LAMBDA = Platform(
    f"lambda-{PYTHON}-arm64",
    PYTHON,
    (
        "--implementation",
        "cp",
        "--python-version",
        PYTHON,
        *(option for tag in _MANYLINUX for option in ("--platform", tag)),
    ),
)
HOST = Platform(f"{sys.platform}-{bytecode.running()}-{platform.machine()}", bytecode.running())
"""Return the running interpreter, with which the embedded cloud executes functions."""


def platform_of(*, local: bool) -> Platform:
    """Return the platform of the embedded cloud, or of Lambda."""
    return HOST if local else LAMBDA


PRUNED = (
    "bin",
    "**/tests",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.pxi",
    "**/*.pyi",
    "**/__pycache__",
    # pyarrow: headers, the unused RPC library, and the second and third copy of libraries that are links
    # to one file where they are built, but cannot be links in a wheel. (libarrow_substrait is linked into everything.)
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",
    "pyarrow/*_cpp_tests*",
    "pyarrow/libarrow_python*.so",
    "pyarrow/libarrow_python*.so.*.*",
)
"""Files that no function imports, removed because of Lambda's limit of 250 MiB for all layers."""


@dataclass(frozen=True)
class WheelLayer:
    """The wheels of ``locks`` for ``platform``, in an archive's folder ``python/``, which is on Lambda's import path."""

    locks: tuple[str, ...]
    platform: Platform

    def fingerprint(self) -> str:
        compiled = bytecode.state(self.platform.python)
        digest = hashlib.sha256(f"{self.platform}{PRUNED}{compiled}".encode())
        for lock in self.locks:
            digest.update((LAYER_SOURCE / lock).read_bytes())
        return digest.hexdigest()

    def build(self, target: Path) -> None:
        """Copy the archive into the folder ``target``, from the cache if the layer was built before."""
        cached = CACHE / f"{self.fingerprint()[:32]}.zip"
        if not cached.is_file():
            CACHE.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                layer, archive = Path(scratch) / "layer", Path(scratch) / "layer.zip"
                _install(self.locks, self.platform, layer / "python")
                bytecode.compile_modules(layer, self.platform.python)
                _archive(layer, archive)
                archive.replace(cached)
        shutil.copyfile(cached, target / "layer.zip")

    def code(self) -> lambda_.Code:
        """Return the layer as an asset, which CDK builds on demand. Tests can prevent that."""
        return built_code(LAYER_SOURCE, self.fingerprint(), self.build, BundlingOutput.ARCHIVED)


def _install(locks: Sequence[str], wanted: Platform, target: Path) -> None:
    requirements = [option for lock in locks for option in ("--requirement", str(LAYER_SOURCE / lock))]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
            *(
                "--no-deps",
                "--require-hashes",
                "--only-binary=:all:",
                "--no-compile",
                "--target",
                str(target),
            ),
            *wanted.pip_options,
            *requirements,
        ],
        check=True,
        stdout=sys.stderr,
    )
    _remove(path for pattern in PRUNED for path in target.glob(pattern))


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _archive(folder: Path, archive: Path) -> None:
    """Archive ``folder``, with permissions for the user that runs functions in Lambda."""
    # Stronger compression takes three times as long, and saves a tenth.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in (path for path in folder.rglob("*") if path.is_file()):
            path.chmod(path.stat().st_mode | 0o444)
            file.write(path, path.relative_to(folder))
