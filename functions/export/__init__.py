"""Export: a whole table as files in S3."""
