"""Peak memory of the functions by the size of the data."""
