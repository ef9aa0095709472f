"""The argument DIR: a folder on this machine, or a prefix of a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataforge_cli.errors import NoFolder

if TYPE_CHECKING:
    from discovery.folders.folder_store import Folder

Dir = Annotated[
    str,
    typer.Argument(
        metavar="DIR", help="Read the files in this folder, or below s3://BUCKET/PREFIX/.", show_default=False
    ),
]


def find_folder(text: str) -> Folder:
    """The folder. Raises ``NoFolder`` if it does not exist, ``UnreadablePrefix`` for a prefix without a bucket."""
    from discovery.folders.s3_folder import SCHEME, S3Folder  # noqa: PLC0415  loads boto3

    if text.startswith(SCHEME):
        return S3Folder.parse(text)
    if not Path(text).is_dir():
        raise NoFolder(f"There is no folder {text}.")
    return Path(text)
