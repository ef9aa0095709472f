"""List and remove objects of the raw bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from dataforge.files.names import stands_for_folder
from dataforge.formats.archives import Archive, stored_archive
from dataforge.s3.objects import Object
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.errors import WrongCall

BUCKET = "raw_bucket"


class UnknownObject(WrongCall):
    """No object has this key."""

    code = "UnknownObject"
    hint = "`dataforge files` shows the objects."


@dataclass(frozen=True)
class Stored:
    """An object; ``path`` is its key without the prefix."""

    key: str
    path: str
    size: int
    modified: datetime
    etag: str = ""


def list_stored(deployment: Deployment, prefix: str) -> list[Stored]:
    """Return the objects below the prefix in the order of their keys, without empty folder objects."""
    pages = deployment.s3.get_paginator("list_objects_v2").paginate(Bucket=deployment[BUCKET], Prefix=prefix)
    return [
        Stored(
            item["Key"], item["Key"].removeprefix(prefix), item["Size"], item["LastModified"], item["ETag"]
        )
        for page in pages
        for item in page.get("Contents", ())
        if not stands_for_folder(item["Key"], item["Size"])
    ]


def archives_of(deployment: Deployment, stored: Iterable[Stored]) -> Callable[[str], Archive]:
    """Return the function that reads the directory of the zip archive at a path."""
    by_path = {one.path: one for one in stored}

    def opened(path: str) -> Archive:
        one = by_path[path]
        return stored_archive(deployment.s3, Object(deployment[BUCKET], one.key, one.etag, one.size))

    return opened


def choose(stored: Iterable[Stored], names: Iterable[str], where: str) -> list[Stored]:
    """Return the objects with these keys, each with or without the prefix. Raises ``UnknownObject``."""
    by_name = {name: one for one in stored for name in (one.path, one.key)}
    chosen: dict[str, Stored] = {}
    for name in names:
        if name not in by_name:
            raise UnknownObject(f"{where} has no object {name!r}.")
        chosen[by_name[name].key] = by_name[name]
    return list(chosen.values())


def remove(deployment: Deployment, stored: Iterable[Stored]) -> None:
    """Remove the objects. The bucket is versioned: a delete marker is added, and earlier versions can be restored."""
    for one in stored:
        deployment.s3.delete_object(Bucket=deployment[BUCKET], Key=one.key)
