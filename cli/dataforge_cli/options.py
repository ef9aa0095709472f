"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_TARGET, _SCREEN = "Target", "Output"

Stage = Annotated[
    str | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        show_default=False,
        help="Use the stack DataForge-STAGE on AWS. Default: the embedded cloud if it is deployed, else stage dev.",
        rich_help_panel=_TARGET,
    ),
]
OutputsFile = Annotated[
    Path | None,
    typer.Option(
        "--outputs",
        metavar="FILE",
        show_default=False,
        help="Use the deployment that this outputs.json describes.",
        rich_help_panel=_TARGET,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=_SCREEN),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=_SCREEN),
]
Dataset = Annotated[str, typer.Option("--dataset", metavar="NAME", help="Select the dataset.")]
Prefix = Annotated[
    str,
    typer.Option(
        metavar="P",
        help="Use the files below this prefix of the raw bucket. Default: the dataset's name.",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="PATTERN",
        show_default=False,
        help="Ignore the files that match, such as `*.bak` or `old/`. Repeatable.",
    ),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow/--no-follow", help="Follow the run until it ends, or only start it. Default: follow."
    ),
]
