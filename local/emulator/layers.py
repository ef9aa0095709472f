"""Unpack each layer once and link it into the workers that use it.

The emulator unpacks each layer for each worker, which takes seconds per cold start and, over time, gigabytes.

In the layers, the root certificate of the embedded cloud replaces the bundles of RDS's, which did not sign its certificates.
"""

import hashlib
import os
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from local.emulator.anchors import require

BUNDLE = "rds-*bundle.pem"
_unpacking = threading.Lock()


class LayerZip(zipfile.ZipFile):
    """A ZipFile that links instead of unpacking where the target is a worker's `layer_<n>` folder."""

    authority: Path

    def extractall(self, path: Any = None, *arguments: Any, **options: Any) -> None:
        """Extract all members, or link the layer."""
        target = Path(path or os.curdir)
        if not target.name.startswith("layer_"):
            super().extractall(path, *arguments, **options)
            return
        folder = Path(tempfile.gettempdir(), "layers", self._fingerprint())
        with _unpacking:
            if not folder.exists():
                fresh = folder.with_suffix(".new")
                super().extractall(fresh)
                for bundle in fresh.rglob(BUNDLE):
                    bundle.write_bytes(self.authority.read_bytes())
                fresh.rename(folder)
        target.rmdir()
        target.symlink_to(folder)
        # The worker's copy of the archive, which is not read again.
        Path(self.filename or "").unlink()

    def _fingerprint(self) -> str:
        """Hash the names, sizes and check sums of the content, which is faster than hashing the file."""
        listing = sorted((entry.filename, entry.file_size, entry.CRC) for entry in self.infolist())
        return hashlib.sha256(repr(listing).encode()).hexdigest()[:32]


def apply(authority: Path) -> None:
    """The emulator calls `zipfile.ZipFile` for functions and layers; give it a module of that shape."""
    require("layers", lambda_runtime, "zipfile")
    LayerZip.authority = authority
    stand_in = types.ModuleType("zipfile")
    stand_in.__dict__.update(
        {name: value for name, value in vars(zipfile).items() if not name.startswith("__")}
    )
    # The emulator's error handler refers to this name, which the standard library does not have.
    stand_in.__dict__.update(ZipFile=LayerZip, LargeFileError=zipfile.LargeZipFile)
    lambda_runtime.zipfile = stand_in
