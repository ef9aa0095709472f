"""Benchmarks: Data Forge beside what a user would take instead, in one run on one machine. Ratios count, not seconds."""
