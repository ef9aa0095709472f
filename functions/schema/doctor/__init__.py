"""Doctor: differences between the declared and the actual state of the database."""
