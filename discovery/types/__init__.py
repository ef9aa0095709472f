"""The types of columns, from their values."""
