"""Read all values of a folder's tables once, on all cores: figures, samples of values, and hashes of all texts."""
