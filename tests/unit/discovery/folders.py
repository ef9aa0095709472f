"""Write files into a folder, draft a dataset from them, and check them by it."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataforge.tables.modules import read_dataset
from discovery.check.check import TableResult, check_folder
from discovery.draft import draft_dataset
from discovery.drafts import DatasetDraft, TableDraft
from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of
from discovery.written.module_text import module_text


@dataclass(frozen=True)
class Drafted:
    """A draft, and the check of the same files by its module; ``unread``: the reasons by path."""

    draft: DatasetDraft
    results: Mapping[str, TableResult]
    unread: Mapping[str, str]

    @property
    def tables(self) -> dict[str, TableDraft]:
        """The drafted tables, by their names."""
        return {table.name: table for table in self.draft.tables}

    @property
    def files(self) -> dict[str, tuple[str, int]]:
        """The declared file of each table, and the number of the rows that were loaded."""
        return {name: (table.file, self.results[name].loaded) for name, table in self.tables.items()}

    def kinds(self, table: str) -> dict[str, str]:
        """The types of a table's columns; ``?`` marks those that may be NULL."""
        columns = self.tables[table].columns
        return {c.name: c.declared.kind + ("?" if c.nullable else "") for c in columns}


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files, in subfolders if their paths have any."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def drafted(folder: Path, files: Mapping[str, str | bytes]) -> Drafted:
    """Draft a dataset from the files, load its module, and check the files."""
    write(folder, files)
    s3 = store_of(folder)
    inventory = take_inventory(s3, list(objects_of(folder)), lambda _: None)
    draft = draft_dataset(s3, "shop", "shop", inventory, lambda _: None)
    result = check_folder(read_dataset(loaded(draft)), folder, say=lambda _: None, workers=0)
    return Drafted(draft, {table.table: table for table in result.tables}, dict(inventory.unread))


def loaded(draft: DatasetDraft) -> ModuleType:
    """The module of a draft."""
    module = ModuleType(draft.name)
    sys.modules[draft.name] = module
    try:
        exec(compile(module_text(draft), f"{draft.name}.py", "exec"), vars(module))  # noqa: S102
        read_dataset(module)
    finally:
        del sys.modules[draft.name]
    return module


def csv_text(rows: Sequence[Sequence[Any]], header: str = "id,name,price") -> str:
    """Rows as a plain CSV."""
    return "\n".join([header, *(",".join(map(str, row)) for row in rows), ""])


def orders(first: int, last: int) -> str:
    """A CSV of orders with these numbers."""
    return csv_text([(n, f"n{n}", f"{n}.50") for n in range(first, last + 1)])


def json_lines(*documents: Any) -> str:
    """JSON Lines of these documents."""
    return "".join(json.dumps(document) + "\n" for document in documents)


def parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def archive(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The files as a zip archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as writer:
        for path, content in files.items():
            writer.writestr(path, content)
    return sink.getvalue()


def zipped(text: str) -> bytes:
    """A text in gzip."""
    return gzip.compress(text.encode())
