"""Drafts of folders with a description beside the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from discovery.described.inventory import describe_files
from discovery.described.read import is_description, read_descriptions
from discovery.draft import draft_dataset
from discovery.drafts import DatasetDraft
from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of

Drafted = Callable[[Mapping[str, str]], tuple[DatasetDraft, tuple[str, ...]]]


def draft_folder(folder: Path) -> tuple[DatasetDraft, tuple[str, ...]]:
    """Draft a dataset as ``dataforge init`` does, and return the notes."""
    s3, objects = store_of(folder), list(objects_of(folder))
    tables = [file for file in objects if not is_description(file.key)]
    found = take_inventory(s3, tables, lambda _: None)
    inventory, notes = describe_files(s3, found, read_descriptions(s3, objects))
    return draft_dataset(s3, "shop", "folder", inventory, lambda _: None), notes


@pytest.fixture
def drafted(tmp_path: Path) -> Drafted:
    """Draft a dataset from files with these names."""

    def draft(files: Mapping[str, str]) -> tuple[DatasetDraft, tuple[str, ...]]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return draft_folder(tmp_path)

    return draft
