"""The outputs of the running cloud, as in `outputs.json`: the stack's outputs and the addresses of both servers."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Outputs: TypeAlias = Mapping[str, str]


def snake_case(name: str) -> str:
    """`RawBucket` -> `raw_bucket`, `DBName` -> `db_name`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def from_stacks(stacks: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The content of `cdk deploy --outputs-file`, of all stacks, with names in snake case."""
    return {snake_case(name): value for outputs in stacks.values() for name, value in outputs.items()}


def write(path: Path, outputs: Mapping[str, str | int]) -> None:
    """Write the file atomically, readable only by its owner, because it contains passwords and keys."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(outputs, indent=2) + "\n")
    new.replace(path)


def read(path: Path) -> dict[str, str]:
    """Raises ``FileNotFoundError`` if no cloud is deployed there."""
    outputs: dict[str, str] = json.loads(path.read_text())
    return outputs
