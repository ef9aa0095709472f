"""Missing, damaged and unsupported source files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from dataforge.errors.base import InvalidInput, Refused

_SHOWN = 20


class NoFiles(InvalidInput):
    """The bucket has no files under the prefix."""

    code = "NoFiles"
    hint = "Upload the files first."

    def __init__(self, bucket: str, prefix: str) -> None:
        super().__init__(f"No files under the prefix {prefix!r} in bucket {bucket!r}.")


class MissingFile(InvalidInput):
    """A table of the migration has no file."""

    code = "MissingFile"
    hint = (
        'Upload the files, or specify the tables to migrate in "tables"; `dataforge migrate --tables present` migrates the'
        " tables that have a file."
    )

    def __init__(self, missing: Mapping[str, str], prefix: str, ignored: Collection[str] = ()) -> None:
        """``missing`` gives the expected file of each table, ``ignored`` the files that belong to no table."""
        self.missing = missing
        files = ", ".join(f"{table} (expected {file})" for table, file in missing.items())
        more = f" and {len(ignored) - _SHOWN} more" if len(ignored) > _SHOWN else ""
        found = f"Files that are not read: {', '.join(islice(ignored, _SHOWN))}{more}." if ignored else ""
        super().__init__(f"No file under {prefix!r} for: {files}.", found)


class UnexpectedFiles(InvalidInput):
    """Files resemble the files of a table and have another name, ending or compression."""

    code = "UnexpectedFiles"
    hint = (
        'Rename, move or remove them (`dataforge files --remove KEY`), or exclude them with "ignore"'
        " (`dataforge migrate --ignore PATTERN`)."
    )

    def __init__(self, files: Mapping[str, str]) -> None:
        """``files`` gives the reason for each file."""
        self.files = files
        reasons = "; ".join(f"{name}: {reason}" for name, reason in islice(files.items(), _SHOWN))
        more = f"; and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        super().__init__(f"{len(files)} file(s) may belong to a table and are not read: {reasons}{more}.")


class UnsupportedFormat(InvalidInput):
    """The content of a file does not match its name or is not supported."""

    code = "UnreadFormat"
    hint = (
        "Provide CSV and JSON Lines as plain text, gzip, zstd, bz2 or xz, or in a zip archive with the ending .zip. Name"
        " Parquet files with the ending .parquet."
    )

    def __init__(self, file: str, content: str) -> None:
        super().__init__(f"{file} contains {content}, which is not supported under this name.")


class SeveralFiles(InvalidInput):
    """An archive has several files, and the call does not name one of them."""

    code = "SeveralFiles"

    def __init__(self, archive: str, paths: Sequence[str]) -> None:
        names = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if paths[_SHOWN:] else "")
        hint = f"Specify one of them, such as {archive}/{paths[0]}." if paths else "Specify another archive."
        super().__init__(f"{archive} has {len(paths)} files.", f"Found: {names or 'none'}.", hint)


class ArchivedFile(InvalidInput):
    """An object is in an archive storage class of S3."""

    code = "ArchivedFile"
    hint = "Restore the object (`aws s3api restore-object`), then start again."

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is archived in S3 and cannot be read.")


class MissingColumn(InvalidInput):
    """The header of a file lacks columns of the table."""

    code = "MissingColumn"
    hint = "Add the columns to the file, or rename its columns."

    def __init__(self, file: str, columns: Iterable[str], detail: str = "", hint: str = "") -> None:
        super().__init__(f"{file}: the header lacks the column(s) {', '.join(columns)}.", detail, hint)


class UnknownColumn(InvalidInput):
    """The header of a file has columns that the table does not have."""

    code = "UnknownColumn"
    hint = "Remove the columns from the file, or declare them in the class of the table."

    def __init__(self, file: str, columns: str, hint: str = "") -> None:
        super().__init__(f"{file}: the header has unknown column(s): {columns}.", hint=hint)


class DuplicateColumn(InvalidInput):
    """The header of a file contains a column more than once."""

    code = "DuplicateColumn"
    hint = (
        "Declare Csv(header=0, skip=1), which reads the columns in the order of the class, or ignore the duplicates"
        " with ignore=(…) in the class of the table."
    )

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        super().__init__(f"{file}: the header has duplicate column(s): {', '.join(columns)}.")


class ColumnInFolder(InvalidInput):
    """A column is both in a file and in the name of its `key=value/` folder."""

    code = "ColumnInFolder"

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        names = tuple(columns)
        super().__init__(
            f"{file}: the column(s) {', '.join(names)} are both in the file and in the names of its folders.",
            hint=f"Remove the columns from the file, or declare ignore_partitions={names!r} in the class of the table to use"
            " the values in the file.",
        )


class UnsupportedColumnType(InvalidInput):
    """The type of a column in a Parquet file is not supported."""

    code = "UnreadableColumn"
    hint = "Write nested timestamps as INT64, not as INT96; list the column in ignore if it is not needed."

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        super().__init__(f"{file}: the column(s) {', '.join(columns)} have unsupported types.")


class WrongHeader(InvalidInput):
    """The first line of a file is not a valid header."""

    code = "WrongHeader"

    def __init__(self, file: str, what: str, hint: str = "") -> None:
        super().__init__(f"{file}: the header is invalid: {what}.", hint=hint)


class WrongFieldCount(InvalidInput):
    """The records of a file without a header have another number of fields than the table has columns."""

    code = "WrongFieldCount"

    def __init__(self, file: str, count: int, detail: str, hint: str) -> None:
        super().__init__(f"{file}: no record at its start has {count} fields.", detail, hint)


class WrongEncoding(InvalidInput):
    """A file is not encoded in UTF-8."""

    code = "WrongEncoding"
    hint = "Convert the file to UTF-8 and upload it again."

    def __init__(self, file: str, found: str) -> None:
        super().__init__(f"{file}: {found}.")


class NotJsonLines(InvalidInput):
    """A file of JSON Lines has no line that is a JSON object."""

    code = "NotJsonLines"
    hint = "Write one JSON object per line, for example with `jq -c '.[]'`."

    def __init__(self, file: str, found: str) -> None:
        super().__init__(f"{file} is not JSON Lines: its lines are not JSON objects.", found)


class DamagedFile(InvalidInput):
    """A compressed file or a Parquet file is incomplete or damaged."""

    code = "DamagedFile"
    hint = "Upload the file again."

    def __init__(self, file: str, compression: str, reason: str) -> None:
        super().__init__(f"{file} is not a complete {compression} file.", f"Reason: {reason}.")


class RecordTooLong(InvalidInput):
    """A record exceeds the size limit."""

    code = "RecordTooLong"
    hint = "Check the record for an unclosed quote."

    def __init__(self, file: str, line: int, limit: int) -> None:
        super().__init__(f"{file}: the record in line {line} is longer than {limit >> 20} MiB.")


class PieceTooLarge(InvalidInput):
    """A file that must be read in one piece exceeds the limit of one function run."""

    code = "PieceTooLarge"

    def __init__(self, file: str, size: int, limit: int, reason: str, hint: str) -> None:
        super().__init__(
            f"{file} has {_mebibytes(size)} MiB of text, and is read in one piece, of at most {_mebibytes(limit)} MiB.",
            f"Reason: {reason}.",
            hint,
        )


def _mebibytes(size: int) -> str:
    return f"{-(-size // 2**20):,}"


class ReadTimeout(InvalidInput):
    """A part of a file cannot be read within the time that Lambda lets a function run."""

    code = "ReadTimeout"
    hint = "Divide the file into parts. CSV that is not compressed, in a dialect with one-byte marks, is read in parallel."

    def __init__(self, file: str, start: int) -> None:
        super().__init__(
            f"{file} could not be read from byte {start:,} on within the time limit of a function."
        )


class SourceChanged(Refused):
    """A source object was replaced during the migration."""

    code = "SourceChanged"
    hint = "Start the migration again."

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was changed during the migration.")
