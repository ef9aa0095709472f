"""Options that several commands share, each declared once."""

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
        help="Work on AWS, stack DataForge-STAGE. Default: the embedded cloud if it is deployed, else AWS, stage dev.",
        rich_help_panel=_TARGET,
    ),
]
OutputsFile = Annotated[
    Path | None,
    typer.Option(
        "--outputs",
        metavar="FILE",
        show_default=False,
        help="Work on the deployment whose outputs.json this is, instead of looking for one.",
        rich_help_panel=_TARGET,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout, for machines.", rich_help_panel=_SCREEN),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback when something fails.", rich_help_panel=_SCREEN),
]
Dataset = Annotated[str, typer.Option("--dataset", metavar="NAME", help="Dataset of the catalogue.")]
Prefix = Annotated[
    str,
    typer.Option(
        metavar="P",
        help="Where in the raw bucket the files lie. Default: a folder named like the dataset.",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="PATTERN",
        show_default=False,
        help="Leave the files that match, such as `*.bak` or `old/`. Repeatable.",
    ),
]
Follow = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Follow the run to its end, or only start it.")
]
