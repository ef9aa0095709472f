"""Begin and end of a migration run."""
