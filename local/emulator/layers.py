"""Unpack each layer once, when a stack has created a function that uses it, in a folder that all processes share.

The emulator unpacks each layer for each process, which takes seconds per cold start and, over time, gigabytes. Lambda
prepares a function before its first invocation.

In the layers, the root certificate of the embedded cloud replaces the bundles of RDS's, which did not sign its certificates.
"""

import hashlib
import io
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import Worker
from ministack.services import lambda_svc

from local.emulator import stack_handlers
from local.emulator.anchors import AnchorGone, require

BUNDLE = "rds-*bundle.pem"
FOLDERS = "_LAMBDA_LAYERS_DIRS"
"""The environment variable, and the script's name, of the folders of the layers."""
Config = dict[str, Any]


def apply(authority: Path) -> None:
    """Extend the credentials of processes, so this is applied after the patches that replace them.

    Processes of other languages than Python have separate copies of their layers, as before.
    """
    require("layers", lambda_runtime, "_PYTHON_WORKER_SCRIPT", "execution_credentials")
    require("layers", Worker, "_spawn")
    require("layers", lambda_svc, "_functions", "_resolve_layer_zip")
    if FOLDERS not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise AnchorGone("layers", f"{FOLDERS} in the Python worker's script")
    unpacked = Unpacked(authority)
    stack_handlers.wrap(
        "layers",
        stack_handlers.FUNCTION,
        after=lambda name, _properties: _prepare(unpacked, lambda_svc._functions[name]["config"]),
    )
    _share(unpacked)


def _prepare(unpacked: "Unpacked", config: Config) -> None:
    for layer in config.get("Layers") or ():
        unpacked.folder(layer)


def _share(unpacked: "Unpacked") -> None:
    """Start processes with the folders of their layers in place of the layers."""
    spawn, credentials = Worker._spawn, lambda_runtime.execution_credentials

    def spawn_with_folders(worker: Any) -> None:
        config = worker.config
        if config.get("Runtime", "").startswith("python") and config.get("Layers"):
            found = [folder for layer in config["Layers"] if (folder := unpacked.folder(layer))]
            worker.config = {**config, "Layers": [], FOLDERS: os.pathsep.join(map(str, found))}
        try:
            spawn(worker)
        finally:
            worker.config = config

    def credentials_and_folders(config: Config) -> dict[str, str]:
        found: dict[str, str] = credentials(config)
        return found | ({FOLDERS: config[FOLDERS]} if FOLDERS in config else {})

    Worker._spawn = spawn_with_folders
    lambda_runtime.execution_credentials = credentials_and_folders


class Unpacked:
    """The folders of the layers' versions, which do not change."""

    def __init__(self, authority: Path) -> None:
        self._authority = authority
        self._folders: dict[str, Path] = {}
        self._unpacking = threading.Lock()

    def folder(self, layer: str | Config) -> Path | None:
        """The folder of a version, unpacked if it was not; None for a layer without content."""
        arn = layer if isinstance(layer, str) else layer["Arn"]
        with self._unpacking:
            if arn not in self._folders:
                content: bytes | None = lambda_svc._resolve_layer_zip(layer)
                if not content:
                    return None
                self._folders[arn] = self._unpack(arn, content)
            return self._folders[arn]

    def _unpack(self, arn: str, content: bytes) -> Path:
        name = hashlib.sha256(arn.encode()).hexdigest()[:32]
        folder = Path(tempfile.gettempdir(), "layers", name)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
        for bundle in folder.rglob(BUNDLE):
            bundle.write_bytes(self._authority.read_bytes())
        return folder
