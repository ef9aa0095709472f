"""Backups: the manifest, the list of backups, and the page ranges of tables."""
