"""The restore: tables of a backup in S3 back into PostgreSQL, whole or not at all."""
