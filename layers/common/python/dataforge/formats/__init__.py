"""File formats: CSV, Parquet and compressed files as records."""
