"""``dataforge describe``: write the schema of a dataset for other tools."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataforge.tables.datasets import get_dataset
from dataforge_cli.call import calling
from dataforge_cli.options import Debug

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Dataset


class Form(StrEnum):
    """The forms of a description."""

    datapackage = "datapackage"
    sql = "sql"


def describe(
    dataset: Annotated[
        str, typer.Argument(metavar="NAME", help="Describe this dataset.", show_default=False)
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--as", help="Write a Frictionless Data Package, or SQL for PostgreSQL.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write this file. Default: stdout.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the schema of a dataset for other tools. No deployment or network is needed.

    datapackage: a datapackage.json of version 1, with the files' names, dialects and formats, types, constraints, keys and
    references. sql: CREATE statements that run in an empty PostgreSQL database, as a deployment executes them.

    Exit codes: 0 success, 1 failure, 2 invalid call.

    **Examples**

    ```
    dataforge describe shop --as datapackage --output shop/datapackage.json
    dataforge describe shop --as sql | psql -d empty
    ```
    """
    with calling(stage=None, outputs=None, as_json=False, debug=debug) as call:
        text = _text(get_dataset(dataset), form)
        if output is None:
            sys.stdout.write(text)
        else:
            output.write_text(text, encoding="utf-8")
            call.screen.say(f"Wrote {output}")


def _text(dataset: Dataset, form: Form) -> str:
    if form is Form.sql:
        from discovery.describe.sql import script  # noqa: PLC0415

        return script(dataset)
    from discovery.describe.data_package import data_package  # noqa: PLC0415

    return json.dumps(data_package(dataset), indent=2, ensure_ascii=False) + "\n"
