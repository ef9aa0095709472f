"""``dataforge files``: list the files of the raw bucket, and remove objects."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any

import typer

from dataforge.files.listing import FileList, list_files
from dataforge.tables.datasets import DEFAULT
from dataforge.visible import visible_line
from dataforge_cli.aws.raw_objects import BUCKET, Stored, archives_of, choose, list_stored, remove
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import Interrupted, NotConfirmed, WrongCall
from dataforge_cli.options import Dataset, Debug, Ignore, Json, OutputsFile, Prefix, Stage
from dataforge_cli.output.tables import files_table
from dataforge_cli.runs.request import read_names


def files(
    dataset: Dataset = DEFAULT,
    prefix: Prefix = "",
    ignore: Ignore = None,
    removed: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="KEY",
            show_default=False,
            help="Remove the object with this key, with or without the prefix. Repeatable.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove without confirmation. Default: confirm.")
    ] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """List the files in the raw bucket and how a migration would treat each.

    A file is read into its tables, ignored, or refused. A refused file resembles a table's file, and a migration fails until
    it is renamed, removed or ignored. --remove removes objects, such as those of an earlier upload. The bucket is
    versioned, so a removed object can be restored.

    Exit codes: 0 success, 1 not confirmed or refused by AWS, 2 invalid call.

    **Examples**

    ```
    dataforge files
    dataforge files --dataset olist --prefix olist-2024/ --json
    dataforge files --remove "olist_orders_dataset (1).csv" --yes
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        names = read_names(dataset, prefix)
        if removed and not (yes or as_json or sys.stdin.isatty()):
            raise WrongCall(
                "There is no terminal to confirm that objects are removed.", hint="Specify --yes to remove."
            )
        stored = list_stored(call.deployment, names.prefix)
        where = f"s3://{call.deployment[BUCKET]}/{names.prefix}"
        if removed:
            _remove(call, choose(stored, removed, where), where, asks=not (yes or as_json))
            return
        paths = [one.path for one in stored]
        opened = archives_of(call.deployment, stored)
        found = list_files(names.dataset, names.dataset.tables, paths, ignore or (), names.prefix, opened)
        shown = list(_fates(stored, found))
        document = {
            "bucket": call.deployment[BUCKET],
            "prefix": names.prefix,
            "files": [one.document for one in shown],
            "missing": dict(found.missing),
        }
        lacking = ", ".join(f"{table} ({file})" for table, file in found.missing.items())
        call.screen.answer(
            document,
            f"{len(shown)} file(s) below {where}",
            *([files_table((one.stored, one.status, one.about) for one in shown)] if shown else []),
            *([f"Tables without a file: {lacking}."] if lacking else []),
        )


@dataclass(frozen=True)
class _Shown:
    """An object and its treatment by a migration; ``about`` contains its tables or the reason."""

    stored: Stored
    status: str
    tables: tuple[str, ...]
    reason: str

    @property
    def about(self) -> str:
        return self.reason or ", ".join(self.tables)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "key": self.stored.key,
            "size": self.stored.size,
            "modified": self.stored.modified.isoformat(),
            "status": self.status,
            "tables": list(self.tables),
            "reason": self.reason,
        }


def _fates(stored: Iterable[Stored], found: FileList) -> Iterator[_Shown]:
    """Return the treatment of each object, in their order, and of each file in an archive, in place of the archive."""
    taken = dict(found.taken)
    members: dict[str, list[tuple[str, int]]] = {}
    for path, inside in found.archived.items():
        members.setdefault(inside.archive, []).append((path, inside.size))
    for one in chain.from_iterable(_with_members(one, members.get(one.path, ())) for one in stored):
        if one.path in taken:
            yield _Shown(one, "read", taken[one.path].source.tables, "")
        elif one.path in found.ignored:
            yield _Shown(one, "ignored", (), found.ignored[one.path])
        else:
            yield _Shown(one, "refused", (), found.doubtful[one.path])


def _with_members(one: Stored, members: Iterable[tuple[str, int]]) -> list[Stored]:
    """Return the object, or the files in it if it is an archive."""
    prefix = one.key.removesuffix(one.path)
    return [replace(one, key=prefix + path, path=path, size=size) for path, size in members] or [one]


def _remove(call: Call, chosen: list[Stored], where: str, *, asks: bool) -> None:
    """Remove the objects after confirmation. Raises ``NotConfirmed``."""
    for one in chosen:
        call.screen.say(f"{one.key}, {one.size:,} bytes, of {one.modified:%Y-%m-%d %H:%M}")
    if asks:
        try:
            agreed = typer.confirm(f"Remove {len(chosen)} object(s) below {visible_line(where)}?", err=True)
        except typer.Abort as error:
            raise Interrupted("Nothing was removed.") from error
        if not agreed:
            raise NotConfirmed("Nothing was removed.")
    remove(call.deployment, chosen)
    call.screen.answer({"removed": [one.key for one in chosen]}, f"{len(chosen)} object(s) removed.")
