"""Benchmarks: Data Forge compared with alternatives, in one run on one machine. The ratios are the results."""
