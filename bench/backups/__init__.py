"""Benchmarks of backup and restore."""
