"""Reading records for a run: CSV chunks, Parquet row groups and replayed rejections."""
