"""Draft a dataset from a folder: the steps of ``dataforge init`` without its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from dataforge import BigInt, Csv, Format, Label
from dataforge.formats.null_words import CERTAIN_NULL_WORDS
from discovery.described.checks import described_checks
from discovery.described.matching import columns_of
from discovery.described.structure import Described, with_described
from discovery.described.types import described_type, indexed_type, nullability
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft, column_name, table_name
from discovery.folders.folder import Inventory
from discovery.folders.grouping import TableFiles
from discovery.folders.ignored_files import ignored_files
from discovery.folders.progress import FileProgress
from discovery.formats.file_formats import FileFormat
from discovery.profiling.tables import profile_tables
from discovery.structure.headerless import names_by_structure, with_names
from discovery.structure.keys import Columns
from discovery.structure.proposal import Structure, propose
from discovery.structure.references import NO_REFERENCES
from discovery.structure.texts import ColumnTexts, TextStore
from discovery.types.column_types import propose_text
from discovery.types.declared import Declared
from discovery.types.readings import settled
from discovery.types.shared_format import shared_format
from discovery.types.typed_columns import propose_types
from discovery.types.values import Values, values_of
from discovery.types.years import years
from discovery.written.header_case import with_ignored_case
from discovery.written.left_out import left_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SHARED = {"text": Declared("Label", Label), "bigint": Declared("BigInt", BigInt)}
"""The types that both sides of a reference can have if their own differ."""


@dataclass(frozen=True)
class _Profiled:
    """A table with its texts described and the types of its columns, by header."""

    name: str
    files: TableFiles
    columns: tuple[ColumnTexts, ...]
    types: Mapping[str, Declared]
    values: Mapping[str, Values]


def draft_dataset(
    s3: S3Client, name: str, folder: str, inventory: Inventory, say: Callable[[str], None]
) -> DatasetDraft:
    """Read all files and propose tables, types, keys and references."""
    with TextStore() as store:
        read = {table.name: table for table in _profile(s3, store, inventory, say)}
        tables = _with_readings({name: read[name] for name in _table_names(inventory)})
        say("Searching keys and references")
        columns = {name: _columns(table) for name, table in tables.items()}
        proposed = propose(store, columns)
        names = names_by_structure(
            columns, proposed, {name for name, table in tables.items() if _has_no_header(table)}
        )
        structure = with_described(store, with_names(proposed, names), _described(tables))
        tables = {name: _renamed(table, names[name]) for name, table in tables.items()}
        tables = _with_equal_types(tables, structure)
        drafts = _with_shared_nulls([_table(table, structure) for table in tables.values()])
    texts = {(name, header): found.texts for name, t in tables.items() for header, found in t.values.items()}
    ordered = tuple(_parents_first(with_ignored_case(drafts)))
    ignored = ignored_files(s3, inventory.objects, ordered)
    return DatasetDraft(
        name, folder, ordered, value_format=shared_format(ordered, texts), ignored_files=ignored
    )


def _with_readings(tables: dict[str, _Profiled]) -> dict[str, _Profiled]:
    """The tables with the readings of ambiguous values that the other columns suggest."""
    every = [kind for table in tables.values() for kind in table.types.values()]
    return {name: replace(t, types=settled(t.types, t.values, every)) for name, t in tables.items()}


def _with_equal_types(tables: dict[str, _Profiled], structure: Structure) -> dict[str, _Profiled]:
    """The tables with one type for both sides of each reference: text where one side has text."""
    types = {(name, header): kind for name, table in tables.items() for header, kind in table.types.items()}
    changed = True
    while changed:
        changed = False
        for reference in structure.references:
            for column, key in zip(reference.columns, reference.parent_columns, strict=True):
                sides = (reference.child, column), (reference.parent, key)
                kinds = [types[side].kind for side in sides]
                wider = next((kind for kind in ("text", "bigint") if kind in kinds), kinds[0])
                for side, kind in zip(sides, kinds, strict=True):
                    if kind != wider and wider in _SHARED:
                        types[side] = replace(_SHARED[wider], nulls=types[side].nulls)
                        changed = True
    return {
        name: replace(table, types={header: types[name, header] for header in table.types})
        for name, table in tables.items()
    }


def _profile(
    s3: S3Client, store: TextStore, inventory: Inventory, say: Callable[[str], None]
) -> Iterator[_Profiled]:
    """The tables with their values, in the order in which their files are read."""
    names = _table_names(inventory)
    members = chain.from_iterable(files.members for files in inventory.tables)
    progress = FileProgress(say, "Profiling", (member.file.object.size for member in members))
    for number, profiled in profile_tables(s3, inventory.tables, store.folder, progress.add):
        files, name = inventory.tables[number], names[number]
        store.load(name, files.header, profiled)
        values = {column.name: values_of(store, name, column) for column in store.describe(name)}
        described = columns_of(files.described, files.header)
        types = {
            key: described_type(described[key], values[key]) if key in described else found
            for key, found in propose_types(values, files.kinds).items()
        }
        for column_header, declared in types.items():
            absent = ("", *declared.nulls)
            written = values[column_header].written_as(absent)
            store.remove_texts(name, column_header, (*absent, *written))
        store.store(name, (header for header, found in types.items() if found.kind not in NO_REFERENCES))
        pa.default_memory_pool().release_unused()
        yield _Profiled(name, files, store.describe(name), types, values)


def _table_names(inventory: Inventory) -> list[str]:
    taken: list[str] = []
    for files in inventory.tables:
        taken.append(table_name(files.stem, taken))
    return taken


def _has_no_header(table: _Profiled) -> bool:
    return isinstance(table.files.format, Csv) and not table.files.format.header


def _renamed(table: _Profiled, names: Mapping[str, str]) -> _Profiled:
    """The table with other headers."""
    return replace(
        table,
        columns=tuple(replace(column, name=names.get(column.name, column.name)) for column in table.columns),
        types={names.get(header, header): declared for header, declared in table.types.items()},
        values={names.get(header, header): values for header, values in table.values.items()},
    )


def _described(tables: Mapping[str, _Profiled]) -> dict[str, Described]:
    return {
        name: Described.of_header(table.files.described, table.files.header)
        for name, table in tables.items()
        if table.files.described is not None
    }


def _columns(table: _Profiled) -> Columns:
    kinds = {
        column.name: table.types[column.name].kind if column.present else None for column in table.columns
    }
    return Columns(table.name, table.columns, kinds)


def _table(table: _Profiled, structure: Structure) -> TableDraft:
    references = tuple(r for r in structure.references if r.child == table.name)
    key = structure.keys[table.name] or ()
    unique = structure.unique.get(table.name, ())
    indexed = {*key, *chain(*unique), *chain(*(r.columns for r in references))}
    indexed |= {*chain(*(r.parent_columns for r in structure.references if r.parent == table.name))}
    columns: list[ColumnDraft] = []
    for column in table.columns:
        drafted = _column(table, column, columns, indexed=column.name in indexed)
        columns.append(replace(drafted, nullable=False) if column.name in key else drafted)
    by_header = {column.header: column.name for column in columns}
    names = tuple(by_header[header] for header in key)
    rows = table.columns[0].rows if table.columns else 0
    return TableDraft(
        table.name,
        table.files.pattern,
        table.files.format,
        tuple(columns),
        names,
        rows,
        references,
        tuple(member.file.object.key for member in table.files.members),
        (
            *table.files.notes,
            *_ignored(table.files),
            *left_out(table.files.format),
            *structure.notes.get(table.name, ()),
        ),
        tuple(tuple(by_header[header] for header in columns) for columns in unique),
        described_checks(table.files.described, columns, table.values),
        tuple(table.files.ignored),
        table.files.ignored_partitions,
    )


def _ignored(files: TableFiles) -> Iterator[str]:
    """A note of the columns whose values are lost."""
    if files.ignored:
        named = ", ".join(f"{header} ({kind})" for header, kind in files.ignored.items())
        yield f"Columns whose types are not read are ignored: {named}"


def _column(
    table: _Profiled, column: ColumnTexts, before: list[ColumnDraft], *, indexed: bool
) -> ColumnDraft:
    # The keys of folders are the names of their columns.
    in_folders = any(column.name in member.folder_columns for member in table.files.members)
    name = column.name if in_folders else column_name(column.name, {draft.name for draft in before})
    declared = table.types[column.name]
    described = columns_of(table.files.described, table.types).get(column.name)
    if indexed and described is not None and described.declared is not None:
        declared = indexed_type(declared, table.values[column.name])
    elif indexed and declared.kind == "text" and declared.source not in {"Label", "IndexedName"}:
        declared = propose_text(table.values[column.name], indexed=True)
    values = table.values[column.name]
    final = _with_nulls(declared, tuple(_own_nulls(declared, values, table.files.format)))
    found = years(final, values.texts) if values.all_known else None
    missing = column.rows - column.present
    nullable, notes = nullability(described, missing=missing, rows=column.rows)
    optional = column.name in table.files.optional
    written = table.files.header_of(column.name)
    in_files = "" if written == column.name else written
    return ColumnDraft(
        column.name, name, final, nullable, notes, years=found, optional=optional, in_files=in_files
    )


def _own_nulls(declared: Declared, values: Values, file_format: FileFormat) -> Iterator[str]:
    """The words for NULL of the column alone: a dialect has the certain ones, as far as no blanks are around them."""
    for text in declared.nulls:
        exact = values.written_as([text]) <= {text}
        if text not in CERTAIN_NULL_WORDS or not isinstance(file_format, Csv) or not exact:
            yield text


def _with_nulls(declared: Declared, nulls: tuple[str, ...]) -> Declared:
    """The type whose format reads these texts as NULL."""
    if not nulls:
        return declared
    value_format = next((m for m in declared.markers if isinstance(m, Format)), Format())
    others = tuple(m for m in declared.markers if not isinstance(m, Format))
    return replace(declared, markers=(*others, replace(value_format, null=nulls)))


def _with_shared_nulls(tables: list[TableDraft]) -> list[TableDraft]:
    """The tables with the certain words for NULL in their dialects: programs write one word in all their files."""
    found = {text for table in tables for column in table.columns for text in column.declared.nulls}
    null = ("", *sorted(found & CERTAIN_NULL_WORDS))
    return [
        replace(table, format=replace(table.format, null=null)) if isinstance(table.format, Csv) else table
        for table in tables
    ]


def _parents_first(tables: list[TableDraft]) -> Iterator[TableDraft]:
    """The tables so that parents precede their children where references have no circle."""
    left = {table.name: table for table in tables}
    while left:
        parents = {name: {r.parent for r in table.references} - {name} for name, table in left.items()}
        ready = [name for name in left if not parents[name] & left.keys()] or [next(iter(left))]
        for name in ready:
            yield left.pop(name)
