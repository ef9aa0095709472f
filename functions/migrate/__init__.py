"""The migration: CSVs in S3 into PostgreSQL, exact to the row."""
