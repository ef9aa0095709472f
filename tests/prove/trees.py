"""A version's whole tree, whose app and command line can be run beside this version's."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """A version's whole tree."""

    folder: Path

    @property
    def python_path(self) -> str:
        """Makes an interpreter import this version's packages, whatever its environment links to."""
        return os.pathsep.join(str(self.folder / part) for part in ("", "layers/common/python", "cli"))
