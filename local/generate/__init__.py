"""Generate a dataset like Olist's: deterministic by seed, of any size, clean or with known kinds of errors."""

from local.generate.dataset import generate
from local.generate.expected import Expected, TableCount

__all__ = ["Expected", "TableCount", "generate"]
