"""Backup: tables at one instant as Parquet files, verified and expired."""
