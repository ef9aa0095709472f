"""Assets of the project's code: files from different folders of the repository, with their bytecode."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from aws_cdk import BundlingOutput
from aws_cdk import aws_lambda as lambda_

from infra.foundation import bytecode
from infra.foundation.bundling import built_code
from infra.foundation.wheels import NOT_CODE, ROOT


@dataclass(frozen=True)
class OwnCode:
    """Files and folders by their paths in the asset; of one path's folders, a later one takes precedence.

    ``python``: the minor version of the interpreter that will import the modules.
    """

    sources: tuple[tuple[str, Path], ...]
    python: str

    def code(self) -> lambda_.Code:
        """Return the asset, which CDK builds on demand. Tests can prevent that."""
        return built_code(ROOT, self.fingerprint(), self.build, BundlingOutput.NOT_ARCHIVED)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the files by path. CDK's own hash would read every file of the repository."""
        digest = hashlib.sha256(bytecode.state(self.python).encode())
        for name, file in self.files():
            digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield each file with its path in the asset, in a fixed order for each source."""
        for name, source in self.sources:
            if source.is_file():
                yield name, source
                continue
            for path in sorted(path for path in source.rglob("*") if path.is_file()):
                inside = path.relative_to(source)
                if not _is_ignored(inside):
                    yield f"{name}/{inside}", path

    def build(self, target: Path) -> None:
        """Copy the files below the folder ``target``, and compile them."""
        for name, file in self.files():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        bytecode.compile_modules(target, self.python)


def _is_ignored(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in NOT_CODE)
