"""Foundation: network, database, buckets, layers and functions."""
