"""Resolve step: duplicates, orphans and conflicts are deleted from the shadow tables."""
