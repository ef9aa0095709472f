"""Start Arrow without pandas."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ImportError("The command line does not use pandas.")


def refuse_pandas() -> None:
    """Refuse to import pandas in this process.

    Arrow imports pandas, if it is installed, to recognise its objects among the values of an array. This takes as long as
    all other imports of a process together.
    """
    sys.meta_path.insert(0, _NoPandas())
