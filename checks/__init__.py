"""Checks that `make check` runs beside the formatter, the linter and the type checker."""
