"""Read the records of a run: CSV chunks, Parquet row groups and replayed rejections."""
