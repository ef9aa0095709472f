"""Data files: names, listing, and the table that each file belongs to."""
