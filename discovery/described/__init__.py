"""Descriptions of tables beside the data: a Data Package or SQL."""
