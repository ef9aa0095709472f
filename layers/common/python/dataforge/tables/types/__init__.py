"""Column types: one class per type, which answers for DDL, validation, canonical text, JSON, Parquet and binary COPY."""
