"""Resolve step: duplicates, orphans and conflicts leave the shadow tables as rejections."""
