"""Validate a folder without a database: the counts and rejections of a migration into empty tables."""
