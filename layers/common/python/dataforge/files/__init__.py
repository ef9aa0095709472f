"""Data files: their names, their listing, and the table that each one belongs to."""
