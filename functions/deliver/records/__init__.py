"""Pages of records: queries, filters and cursors."""
