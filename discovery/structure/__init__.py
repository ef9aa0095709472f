"""Keys and references of tables, from names and values."""
