"""Load step: the records of a chunk into the shadow tables."""
