"""The files of a folder or bucket, grouped into tables."""
