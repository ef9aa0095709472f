"""Migration of CSV and Parquet files from S3 to PostgreSQL."""
