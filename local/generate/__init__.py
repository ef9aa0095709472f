"""A dataset like Olist's, made up: deterministic by seed, of any size, clean or dirty in known kinds."""

from local.generate.dataset import generate
from local.generate.expected import Expected, TableCount

__all__ = ["Expected", "TableCount", "generate"]
