"""The schema of a dataset for other tools: a Data Package or SQL."""
