"""Benchmarks of ingestion and delivery, in process and over HTTP, with their peers."""
