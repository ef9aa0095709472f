"""Benchmarks of migration, with their peers: psql, pandas and dlt."""
