"""Benchmarks of the discovery of datasets."""
