"""Backup: tables of one instant to Parquet in S3, verified, and kept for as long as is wanted."""
