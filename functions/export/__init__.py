"""Exports: a whole table as files, for sizes that no page should carry."""
