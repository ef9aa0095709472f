"""A folder in place of S3, to measure the work without the transport."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class FolderStore:
    """The few calls of an S3 client that the migration makes; written objects are in memory."""

    def __init__(self, folder: Path, prefix: str, *, versioned: bool = False) -> None:
        self.folder, self.prefix, self.versioned = folder, prefix, versioned
        self.written: dict[str, bytes] = {}

    def get_paginator(self, _: str) -> FolderStore:
        """Return itself: one page contains all objects."""
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        """The folder's data files."""
        files = sorted(f for f in self.folder.iterdir() if f.suffix in (".csv", ".jsonl", ".parquet"))
        return [
            {
                "Contents": [
                    {"Key": self.prefix + f.name, "ETag": "1", "Size": f.stat().st_size} for f in files
                ]
            }
        ]

    def head_object(self, **call: str) -> dict[str, Any]:
        """A file's version, if the store has versions: the time of its last change."""
        changed = (self.folder / call["Key"].removeprefix(self.prefix)).stat().st_mtime_ns
        return {"ETag": "1", **({"VersionId": str(changed)} if self.versioned else {})}

    def get_object(self, **call: str) -> dict[str, Any]:
        """A byte range of a file."""
        first, last = map(int, call["Range"].removeprefix("bytes=").split("-"))
        with (self.folder / call["Key"].removeprefix(self.prefix)).open("rb") as file:
            file.seek(first)
            return {"Body": io.BytesIO(file.read(last - first + 1))}

    def put_object(self, **call: Any) -> None:
        """Store an object in memory."""
        self.written[call["Key"]] = call["Body"]
